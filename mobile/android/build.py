"""Builds the benchmark APK, and runs its JUnit tests, without an Android SDK.

    python mobile/android/build.py apk --assets build/android/assets --out build/android
    python tests/mobile/java_cases.py build/android/cases
    python mobile/android/build.py test --cases build/android/cases --out build/android

Needs a JDK 17, Maven and Debian's aapt, android-framework-res, zipalign, apksigner and dexdump.
"""

import argparse
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree

from downloads import BuildError, dependencies, fetch, start

HERE = Path(__file__).resolve().parent
SOURCES, LIBRARY, SAMPLES = HERE / "app" / "src", HERE / "pose" / "src", HERE / "samples"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
NEWER = HERE / "framework"
ANDROID = "http://schemas.android.com/apk/res/android"
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")
MIN_SDK, TARGET_SDK = 26, 34
VERSION_CODE, VERSION = 1, "0.1.0"
APK = "pose-distill-bench.apk"
UNSIGNED = "unsigned.apk"
MODEL = "student.tflite"
SCREENS, RESULTS = "screens", "results"
KEY_PASSWORD = "android"
_JAVA = ("java", "-Xmx2g", "-XX:+UseSerialGC")
OPENED = tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.io", "java.util"))
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_apk(assets: Path, out: Path) -> Path:
    """Build and sign the APK; returns its path.

    The unsigned one beside it is the same bit for bit whenever sources, assets and tools are.

    Args:
        assets: files to bundle, such as a model with its JSON and photographs.
        out: folder for the APK and for what the build leaves on the way.

    Raises:
        BuildError: there is no model among the assets, or a tool is missing or failed.
    """
    if not (assets / MODEL).is_file():
        raise BuildError(f"{assets} holds no {MODEL}; `make apk` writes one")
    work = _fresh(out / "work")
    libraries = fetch(dependencies("app"), out)
    (android,) = fetch(dependencies("sdk"), out)
    resources = _link_resources(work)
    jars = [_extract_classes(library, work) for library in libraries]
    pose = _compile_library(android, work)
    app = [SOURCES / "main" / "java", work / "generated"]
    classes = _compile(app, [pose, *jars, android], work / "classes", release=8)
    _dex([classes, pose, *jars], work / "classes.dex", fetch(dependencies("dex"), out))
    _pack(work / "packed.apk", resources, work / "classes.dex", libraries, assets)
    _run("zipalign", "-f", "-p", "4", work / "packed.apk", out / UNSIGNED)
    return _sign(out / UNSIGNED, out / APK)


def run_tests(cases: Path, out: Path) -> int:
    """Run the JUnit tests on this host's Java, with Robolectric as Android; returns how many passed.

    They leave the screens they drew under `screens` and the results they wrote under `results`.

    Args:
        cases: what Python writes for them: golden cases, and under `assets` what the app bundles.
        out: folder for these, and for what the build leaves on the way.

    Raises:
        BuildError: there are no cases, a test failed, none ran, or a tool is missing or failed.
    """
    if not (cases / "decoder.json").is_file():
        raise BuildError(f"{cases} holds no decoder.json; `python tests/mobile/java_cases.py {cases}` writes the cases")
    work = _fresh(out / "tests")
    for folder in (SCREENS, RESULTS):
        _fresh(out / folder)
    libraries = [_extract_classes(library, work) for library in fetch(dependencies("app"), out)]
    (android,), tools, (device,) = (fetch(dependencies(use), out) for use in ("sdk", "test", "device"))
    resources = _link_resources(work)
    with zipfile.ZipFile(resources, "a") as archive:
        for file in sorted(path for path in (cases / "assets").rglob("*") if path.is_file()):
            archive.write(file, f"assets/{file.relative_to(cases / 'assets').as_posix()}")
    pose = _compile_library(android, work)
    sources = [SOURCES / "main" / "java", work / "generated"]
    app = _compile(sources, [pose, *libraries, android], work / "classes", release=8)
    class_path = [app, pose, *libraries, *tools, android]
    # Robolectric names classes of androidx.test, which is not on Maven Central.
    folders = (LIBRARY / "testShared", LIBRARY / "test", SOURCES / "test", SOURCES / "testAndroidx")
    sources = [folder / "java" for folder in folders]
    tests = _compile(sources, class_path, work / "test-classes", release=17)
    _configure_robolectric(tests, resources)
    properties = {
        "robolectric.offline": "true",
        "robolectric.dependency.dir": device.parent,
        "bench.cases": cases.resolve(),
        "bench.out": out.resolve(),
    }
    # What speaks to the runtime runs against a stand-in of it, which only stands in front of it there.
    runtime = _compile([SOURCES / "testRuntime" / "java"], [tests, *class_path], work / "runtime-classes", release=17)
    passed = _run_junit(tests, [tests, *class_path], properties, out / "junit.txt")
    return passed + _run_junit(runtime, [runtime, tests, *class_path], properties, out / "junit-runtime.txt")


def _run_junit(tests: Path, class_path: Sequence[Path], properties: dict[str, Path | str], log: Path) -> int:
    """Run every `...Test` of a folder in a Java of its own; how many passed."""
    names = [".".join(file.relative_to(tests).with_suffix("").parts) for file in sorted(tests.rglob("*Test.class"))]
    settings = [f"-D{name}={value}" for name, value in properties.items()]
    joined = os.pathsep.join(map(str, class_path))
    done = start(*_JAVA, *OPENED, *settings, "-cp", joined, "org.junit.runner.JUnitCore", *names)
    log.write_text(done.stdout + done.stderr)
    passed = re.search(r"^OK \((\d+) tests?\)$", done.stdout, re.MULTILINE)
    if done.returncode or not passed:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise BuildError(f"the JUnit tests failed; see above, or {log}")
    return int(passed[1])


def compile_sample(out: Path) -> Path:
    """Compile samples/PoseAnalyzer.kt against the library and the runtime; returns the folder of its classes.

    CameraX is not on Maven Central, so what the sample uses of it stands beside it.

    Raises:
        BuildError: it does not compile, or a tool is missing.
    """
    work = _fresh(out / "sample")
    (android,) = fetch(dependencies("sdk"), out)
    libraries = [_extract_classes(library, work) for library in fetch(dependencies("app"), out)]
    compiler, standard = (
        fetch(dependencies("kotlin", "kotlin-library"), out),
        fetch(dependencies("kotlin-library"), out),
    )
    stubs = _compile([SAMPLES / "stubs"], [], work / "stubs", 8)
    class_path = [_compile_library(android, work), stubs, *libraries, *standard, android]
    program = (*_JAVA, "-cp", os.pathsep.join(map(str, compiler)), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler")
    options = ("-no-stdlib", "-no-reflect", "-Werror", "-jvm-target", "1.8", "-d", work / "classes")
    _run(*program, *options, "-cp", os.pathsep.join(map(str, class_path)), SAMPLES / "PoseAnalyzer.kt")
    return work / "classes"


def _configure_robolectric(classes: Path, resources: Path) -> None:
    """Say where manifest and resources are, as the Gradle plugin of Android would."""
    folder = classes / "com" / "android" / "tools"
    folder.mkdir(parents=True)
    manifest = SOURCES / "main" / "AndroidManifest.xml"
    (folder / "test_config.properties").write_text(
        f"android_merged_manifest={manifest}\nandroid_resource_apk={resources.resolve()}\n"
        "android_custom_package=org.posedistill.bench\n"
    )


def _link_resources(work: Path) -> Path:
    """APK of the manifest and resources alone; writes R.java under `generated`."""
    compiled, linked = work / "resources.zip", work / "resources.apk"
    _run("aapt2", "compile", "--dir", SOURCES / "main" / "res", "-o", compiled)
    _run(
        *("aapt2", "link", "-o", linked, "-I", FRAMEWORK, "-I", _link_newer(work), "--manifest", _manifest(work)),
        *("--java", work / "generated", "--min-sdk-version", str(MIN_SDK), "--target-sdk-version", str(TARGET_SDK)),
        *("--version-code", str(VERSION_CODE), "--version-name", VERSION, "--no-version-vectors"),
        # Debian's aapt2 of Android 10 does not know <uses-native-library>, which it keeps all the same.
        *("--warn-manifest-validation", compiled),
    )
    return linked


def _link_newer(work: Path) -> Path:
    """APK of the attributes that Android has and Debian's resources of Android 10 lack."""
    compiled, linked = work / "newer.zip", work / "newer.apk"
    _run("aapt2", "compile", "--dir", NEWER / "res", "-o", compiled)
    _run("aapt2", "link", "-x", "-o", linked, "--manifest", NEWER / "AndroidManifest.xml", compiled)
    return linked


def _manifest(work: Path) -> Path:
    """The app's manifest, which takes pages of 16 KB without a dialog: this build's runtime is aligned to 4 KB."""
    ElementTree.register_namespace("android", ANDROID)
    tree = ElementTree.parse(SOURCES / "main" / "AndroidManifest.xml")
    tree.find("application").set(f"{{{ANDROID}}}pageSizeCompat", "enabled")
    path = work / "AndroidManifest.xml"
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return path


def _extract_classes(library: Path, work: Path) -> Path:
    jar = work / f"{library.stem}.jar"
    with zipfile.ZipFile(library) as archive:
        jar.write_bytes(archive.read("classes.jar"))
    return jar


def _compile_library(android: Path, work: Path) -> Path:
    """The module `pose`, which knows neither the app nor the runtime; what is public says what it is."""
    return _compile([LIBRARY / "main" / "java"], [android], work / "pose-classes", 8, "-Xdoclint:all/public")


def _compile(sources: Sequence[Path], class_path: Sequence[Path], out: Path, release: int, *further: str) -> Path:
    files = sorted(file for folder in sources for file in folder.rglob("*.java"))
    joined = os.pathsep.join(map(str, class_path))
    options = ("-Xlint:all,-options,-processing,-classfile", "-Werror", "-proc:none", "-g:source,lines", "-nowarn")
    _run(
        *("javac", "-J-Xmx1g", "--release", str(release), *options, *further),
        "-encoding",
        "UTF-8",
        "-cp",
        joined,
        "-d",
        out,
        *files,
    )
    return out


def _dex(classes: Sequence[Path], out: Path, dexer: Sequence[Path]) -> None:
    program = (*_JAVA, "-cp", os.pathsep.join(map(str, dexer)), "com.android.dx.command.Main")
    _run(*program, "--dex", f"--min-sdk-version={MIN_SDK}", f"--output={out}", *classes)


def _pack(out: Path, resources: Path, dex: Path, libraries: Iterable[Path], assets: Path) -> None:
    """One zip of everything, entries sorted and without times; what the phone maps into memory is stored."""
    entries: dict[str, tuple[bytes, int]] = {"classes.dex": (dex.read_bytes(), zipfile.ZIP_DEFLATED)}
    with zipfile.ZipFile(resources) as archive:
        for item in archive.infolist():
            entries[item.filename] = (archive.read(item), item.compress_type)
    for library in libraries:
        with zipfile.ZipFile(library) as archive:
            for name in archive.namelist():
                if match := re.fullmatch(r"jni/([^/]+)/([^/]+\.so)", name):
                    abi, file = match.groups()
                    if abi in ABIS:
                        entries[f"lib/{abi}/{file}"] = (archive.read(name), zipfile.ZIP_STORED)
    for file in sorted(path for path in assets.rglob("*") if path.is_file()):
        entries[f"assets/{file.relative_to(assets).as_posix()}"] = (file.read_bytes(), zipfile.ZIP_STORED)
    with zipfile.ZipFile(out, "w") as archive:
        for name, (content, compression) in sorted(entries.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, compression, 9)


def _sign(unsigned: Path, signed: Path) -> Path:
    partial = signed.with_suffix(".partial")
    _run(
        *("apksigner", "sign", "--ks", HERE / "debug.p12", "--ks-pass", f"pass:{KEY_PASSWORD}"),
        *("--v1-signing-enabled", "false", "--v2-signing-enabled", "true", "--v3-signing-enabled", "true"),
        *("--v4-signing-enabled", "false", "--in", unsigned, "--out", partial),
    )
    return partial.replace(signed)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(*command: str | Path) -> None:
    """Run a tool; its output is shown only when it fails."""
    done = start(*command)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise BuildError(f"{command[0]} failed with {done.returncode}; see above")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    apk = actions.add_parser("apk", help="build and sign the APK")
    apk.add_argument("--assets", type=Path, required=True, help="folder of files to bundle")
    apk.add_argument("--out", type=Path, required=True, help="folder to build in")
    test = actions.add_parser("test", help="run the JUnit tests")
    test.add_argument("--cases", type=Path, required=True, help="folder of golden cases")
    test.add_argument("--out", type=Path, required=True, help="folder to build in, and for screens and results")
    arguments = parser.parse_args(argv)
    try:
        if arguments.action == "apk":
            print(build_apk(arguments.assets, arguments.out))
        else:
            print(f"{run_tests(arguments.cases, arguments.out)} tests passed")
    except (BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
