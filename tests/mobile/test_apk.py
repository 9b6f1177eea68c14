"""The benchmark APK: built here twice, and read back with Android's own tools."""

import hashlib
import importlib.util
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

PACKAGE = "org.posedistill.bench"
ABIS = {"arm64-v8a", "armeabi-v7a", "x86_64"}
NAME = "{http://schemas.android.com/apk/res/android}name"
TOOLS = ("javac", "mvn", "aapt", "aapt2", "zipalign", "apksigner", "dexdump")


@dataclass(frozen=True)
class Built:
    """Two builds of the same sources and assets."""

    apk: Path
    unsigned: Path
    again: Path
    assets: Path


@pytest.fixture(scope="module")
def android(repository: Path) -> Path:
    """Folder of the Android project."""
    return repository / "mobile" / "android"


@pytest.fixture(scope="module")
def build(android: Path) -> ModuleType:
    """The build script as a module."""
    specification = importlib.util.spec_from_file_location("android_build", android / "build.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(android)
        specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def downloads(build: ModuleType) -> ModuleType:
    """The module beside it that fetches the libraries."""
    return sys.modules["downloads"]


@pytest.fixture(scope="module")
def built(build: ModuleType, executable: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The APK with small assets, built in two folders."""
    for tool in TOOLS:
        executable(tool)
    folder = tmp_path_factory.mktemp("apk")
    assets = folder / "assets"
    (assets / "scenes").mkdir(parents=True)
    (assets / "student.tflite").write_bytes(bytes(range(256)) * 33)
    (assets / "scenes" / "0.png").write_bytes(b"picture")
    apk = build.build_apk(assets, folder / "one")
    build.build_apk(assets, folder / "two")
    return Built(apk, folder / "one" / build.UNSIGNED, folder / "two" / build.UNSIGNED, assets)


def output(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_build(android: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(android / "build.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_two_builds_are_the_same_bit_for_bit(built):
    assert built.unsigned.read_bytes() == built.again.read_bytes()


@pytest.mark.slow
def test_signed_with_v2_and_v3(built):
    verified = output("apksigner", "verify", "-v", built.apk)
    assert "v2 scheme (APK Signature Scheme v2): true" in verified
    assert "v3 scheme (APK Signature Scheme v3): true" in verified


@pytest.mark.slow
def test_a_changed_byte_breaks_the_signature(built, tmp_path):
    content = bytearray(built.apk.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.apk"
    damaged.write_bytes(content)
    assert subprocess.run(["apksigner", "verify", damaged], capture_output=True).returncode != 0


@pytest.mark.slow
def test_aligned(built):
    output("zipalign", "-c", "-p", "4", built.apk)


@pytest.mark.slow
def test_badging(built):
    badging = output("aapt", "dump", "badging", built.apk)
    assert f"package: name='{PACKAGE}'" in badging
    assert re.findall(r"^sdkVersion:'(\d+)'", badging, re.MULTILINE) == ["26"]
    assert re.findall(r"^uses-permission.*name='([^']+)'", badging, re.MULTILINE) == ["android.permission.CAMERA"]
    (native,) = re.findall(r"^native-code: (.*)", badging, re.MULTILINE)
    assert set(re.findall(r"'([^']+)'", native)) == ABIS
    assert f"launchable-activity: name='{PACKAGE}.BenchmarkActivity'" in badging


@pytest.mark.slow
def test_classes_of_the_manifest_are_in_the_dex(built, android):
    application = ElementTree.parse(android / "app" / "src" / "main" / "AndroidManifest.xml").find("application")
    named = {application.get(NAME), *(activity.get(NAME) for activity in application.findall("activity"))}
    assert len(named) == 3
    classes = set(re.findall(r"Class descriptor  : 'L([^;]+);'", output("dexdump", built.apk)))
    assert {PACKAGE.replace(".", "/") + name.replace(".", "/") for name in named} <= classes
    assert {"org/tensorflow/lite/Interpreter", "org/tensorflow/lite/gpu/GpuDelegate"} <= classes


@pytest.mark.slow
def test_no_invoke_custom(built):
    """dexdump prints the code of every method of every dex, those of the libraries included."""
    with zipfile.ZipFile(built.apk) as archive:
        assert [name for name in archive.namelist() if name.endswith(".dex")] == ["classes.dex"]
    code = output("dexdump", "-d", built.apk)
    assert code.count("invoke-virtual") > 1000
    assert "invoke-custom" not in code and "invoke-polymorphic" not in code


@pytest.mark.slow
def test_native_libraries_of_every_abi_are_stored(built):
    with zipfile.ZipFile(built.apk) as archive:
        libraries = [item for item in archive.infolist() if item.filename.endswith(".so")]
        assert all(item.compress_type == zipfile.ZIP_STORED for item in libraries)
        assert all(archive.read(item)[:4] == b"\x7fELF" for item in libraries)
    wanted = {"libtensorflowlite_jni.so", "libtensorflowlite_gpu_jni.so"}
    assert {item.filename for item in libraries} == {f"lib/{abi}/{file}" for abi in ABIS for file in wanted}


def load_alignments(library: bytes) -> set[int]:
    """Alignment of every loadable segment of an ELF file (System V ABI, program headers), bytes."""
    wide = library[4] == 2
    (table,) = struct.unpack_from("<Q" if wide else "<I", library, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", library, 54 if wide else 42)
    segments = [library[table + i * size : table + (i + 1) * size] for i in range(count)]
    loaded = [segment for segment in segments if struct.unpack_from("<I", segment)[0] == 1]
    return {struct.unpack_from("<Q" if wide else "<I", segment, 48 if wide else 28)[0] for segment in loaded}


@pytest.mark.slow
def test_the_runtime_is_aligned_as_the_readme_says(built, repository):
    """Phones with pages of 16 KB need 16384; should this change, so must the README and the way out that it names."""
    with zipfile.ZipFile(built.apk) as archive:
        libraries = [archive.read(name) for name in archive.namelist() if name.endswith(".so")]
    assert {alignment for library in libraries for alignment in load_alignments(library)} == {4096}
    assert "aligned to 4 KB" in " ".join((repository / "mobile" / "README.md").read_text().split())
    manifest = output("aapt2", "dump", "xmltree", built.apk, "--file", "AndroidManifest.xml")
    assert "android:pageSizeCompat(0x010106ab)=32" in manifest, "Android asks about the runtime's pages in a dialog"


@pytest.mark.slow
def test_assets_are_in_it(built):
    with zipfile.ZipFile(built.apk) as archive:
        names = {name.removeprefix("assets/") for name in archive.namelist() if name.startswith("assets/")}
        assert names == {"student.tflite", "scenes/0.png"}
        assert archive.read("assets/student.tflite") == (built.assets / "student.tflite").read_bytes()
        assert archive.getinfo("assets/student.tflite").compress_type == zipfile.ZIP_STORED


@pytest.mark.slow
def test_gradle_files_parse(build, android, executable, tmp_path):
    """Groovy's compiler reads them; what only Gradle knows is looked up when it runs them, which nothing does here."""
    executable("mvn")
    (groovy,) = build.fetch(build.dependencies("gradle"), tmp_path)
    compiler = ("java", "-Xmx512m", "-cp", groovy, "org.codehaus.groovy.tools.FileSystemCompiler", "-d")
    modules = [android / module / "build.gradle" for module in ("pose", "app")]
    files = [android / "settings.gradle", android / "build.gradle", *modules]
    for number, file in enumerate(files):
        output(*compiler, tmp_path / str(number), file)
    cut = tmp_path / "cut.gradle"
    cut.write_text(files[-1].read_text()[:-2])
    assert subprocess.run([*compiler, tmp_path / "cut", cut], capture_output=True).returncode != 0


@pytest.mark.slow
def test_the_camerax_sample_compiles_against_the_library(build, executable, tmp_path):
    """And not against a library that lacks what it uses."""
    executable("mvn")
    executable("javac")
    classes = build.compile_sample(tmp_path)
    assert (classes / "org" / "posedistill" / "samples" / "PoseAnalyzer.class").is_file()


def test_gradle_and_build_agree(build, android):
    gradle = (android / "app" / "build.gradle").read_text()
    for setting in (f"minSdk = {build.MIN_SDK}", f"targetSdk = {build.TARGET_SDK}", f"versionName = '{build.VERSION}'"):
        assert setting in gradle
    (abis,) = re.findall(r"abiFilters (.*)", gradle)
    assert set(re.findall(r"'([^']+)'", abis)) == set(build.ABIS) == ABIS


def test_gradle_runs_the_tests_as_build_does(build, downloads, android):
    gradle = (android / "app" / "build.gradle").read_text()
    script = (android / "build.py").read_text()
    cases = (
        android / "pose" / "src" / "testShared" / "java" / "org" / "posedistill" / "pose" / "Cases.java"
    ).read_text()
    names = set(re.findall(r"systemProperty '([^']+)'", gradle))
    assert names == set(re.findall(r'folder\("([^"]+)"\)', cases)) == set(re.findall(r'"(bench\.\w+)":', script))
    assert all(opened in gradle for opened in build.OPENED)
    libraries = {f"{d.group}:{d.artifact}:{d.version}" for d in downloads.dependencies("test")}
    wanted = re.findall(r"testImplementation '([^']+)'", gradle)
    assert len(wanted) == 2 and set(wanted) <= libraries


USES = ("sdk", "app", "dex", "test", "device", "gradle", "kotlin", "kotlin-library")


def test_every_download_is_pinned(downloads, android):
    lines = (android / "dependencies.txt").read_text().splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    known = downloads.dependencies(*USES)
    assert len(known) == len(rows)
    assert all(re.fullmatch("[0-9a-f]{64}", dependency.sha256) for dependency in known)
    assert len({dependency.path for dependency in known}) == len(rows)


def test_a_file_that_is_not_the_pinned_one_is_refused(downloads, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "REPOSITORY", tmp_path)
    right = hashlib.sha256(b"right").hexdigest()
    dependency = downloads.Dependency("org.example", "library", "jar", "1.0", right, "app")
    dependency.path.parent.mkdir(parents=True)
    dependency.path.write_bytes(b"right")
    assert downloads.fetch([dependency], tmp_path) == [dependency.path]
    dependency.path.write_bytes(b"wrong")
    with pytest.raises(downloads.BuildError, match=r"library-1\.0\.jar is not the file that dependencies\.txt pins"):
        downloads.fetch([dependency], tmp_path)


def test_a_missing_tool_is_one_line(android, tmp_path):
    """The folder of programs is empty, and the one of downloads too: the first tool that is wanted is Maven."""
    (tmp_path / "student.tflite").touch()
    done = run_build(
        *(android, "apk", "--assets", tmp_path, "--out", tmp_path / "out"),
        PATH=str(tmp_path),
        MAVEN_REPOSITORY=str(tmp_path / "m2"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mvn is not installed; run `make system-deps`\n"


@pytest.mark.slow
def test_without_network_the_error_names_what_is_missing(downloads, executable, tmp_path, monkeypatch):
    """Maven set offline, with an empty repository: it fails as it does without a network."""
    executable("mvn")
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text("<settings><offline>true</offline></settings>")
    monkeypatch.setenv("MAVEN_OPTS", f"-Xmx256m -Duser.home={tmp_path}")
    monkeypatch.setattr(downloads, "REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(downloads, "PAUSE_S", 0)
    wanted = [downloads.Dependency("org.example", "library", "jar", "1.0", "0" * 64, "app")]
    with pytest.raises(
        downloads.BuildError, match=r"Maven cannot download org\.example:library:1\.0; is there a network"
    ):
        downloads.fetch(wanted, tmp_path)


def test_missing_assets_are_one_line(android, tmp_path):
    done = run_build(android, "apk", "--assets", tmp_path / "none", "--out", tmp_path / "out", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'none'} holds no student.tflite; `make apk` writes one\n"
    assert not (tmp_path / "out").exists()


def test_missing_cases_are_one_line(android, tmp_path):
    none = tmp_path / "none"
    done = run_build(android, "test", "--cases", none, "--out", tmp_path / "out", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"{none} holds no decoder.json; `python tests/mobile/java_cases.py {none}` writes the cases\n"
    assert not (tmp_path / "out").exists()
