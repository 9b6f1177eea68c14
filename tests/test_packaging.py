"""setup.cfg, constraints.txt and the installed commands agree."""

import ast
import configparser
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

WEIGHTS = (
    ("students", "attention_xs"),
    ("students", "people_xs"),
    ("students", "people_l"),
    ("teachers", "higher_hrnet_demo"),
)
PACKAGES = ("distill", "teachers", "students", "cache", "mobile")


@pytest.fixture(scope="module")
def setup_cfg(repository):
    parser = configparser.ConfigParser()
    parser.read(repository / "setup.cfg", encoding="utf-8")
    return parser


@pytest.fixture(scope="module")
def pins(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_to_a_version_that_satisfies_it(setup_cfg, pins):
    known = {canonical(name): version for name, version in pins.items()}
    wanted = setup_cfg["options"]["install_requires"] + setup_cfg["options.extras_require"]["test"]
    for line in filter(None, wanted.splitlines()):
        requirement = Requirement(line)
        version = known.get(canonical(requirement.name))
        assert version is not None, f"{requirement.name} is missing in constraints.txt"
        assert requirement.specifier.contains(version), f"constraints.txt pins {requirement.name}=={version}"


def test_constraints_are_exact_and_name_each_package_once(repository):
    lines = [line for line in (repository / "constraints.txt").read_text().splitlines() if line[:1] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line) for line in lines)
    names = [canonical(line.split("==")[0]) for line in lines]
    assert len(set(names)) == len(names)
    assert "pose-distill" not in names


def test_package_data_is_there(repository, setup_cfg):
    for package, patterns in setup_cfg["options.package_data"].items():
        for pattern in patterns.split():
            assert list((repository / package.replace(".", "/")).glob(pattern)), f"{package}/{pattern} matches nothing"


def third_party(source: str) -> set[str]:
    """Top-level names of what the source imports that is neither Python's own nor ours, wherever it stands."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - set(PACKAGES)


def names_of(requirements: str) -> set[str]:
    return {canonical(Requirement(line).name) for line in requirements.splitlines() if line}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_is_installed_with_the_package(repository, setup_cfg, package):
    """Also by someone who has nothing of the extras; a file that uses one must say how to install it."""
    installed = names_of(setup_cfg["options"]["install_requires"])
    extras = {name: names_of(lines) for name, lines in setup_cfg["options.extras_require"].items() if name != "test"}
    distributions = packages_distributions()
    for file in sorted((repository / package).rglob("*.py")):
        source = file.read_text()
        said = {name for extra, names in extras.items() if f"pose-distill[{extra}]" in source for name in names}
        siblings = {sibling.stem for sibling in file.parent.glob("*.py")}
        for module in third_party(source) - siblings:
            owners = {canonical(name) for name in distributions.get(module, [module])}
            assert owners & (installed | said), f"{file} imports {module}: not required, and its extra not named"


def test_the_tools_of_the_tests_are_not_installed_with_the_package(setup_cfg):
    installed = names_of(setup_cfg["options"]["install_requires"])
    assert not installed & {"tensorflow", "moto", "h5py", "hypothesis", "pytest", "ruff"}


def test_the_check_of_imports_sees_those_inside_functions():
    source = "import os\ndef f():\n    import h5py.x\n    from cv2 import a\n    from distill import b\n"
    assert third_party(source) == {"h5py", "cv2"}


def test_running_and_testing_are_installed_apart(repository):
    """`make demo` asks for the first stamp, which installs no extra; every target of tests for the second."""
    rules = dict(re.findall(r"^(\S+): *([^\n#]*)", (repository / "Makefile").read_text(), re.M))
    assert "$(STAMP)" in rules["demo"] and "$(STAMP)" in rules["apk"]
    assert all("$(TEST_STAMP)" in rules[target] for target in ("lint", "format", "test-slow"))
    recipe = (repository / "Makefile").read_text().partition("\n$(STAMP):")[2].partition("\n\n")[0]
    assert "-e ." in recipe and "[test]" not in recipe


def test_nothing_fetched_or_left_over_is_tracked(repository):
    """Sources and text, and of other files those that are known: the weights, the demo's picture, a key for tests."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=True)
    files = [repository / name for name in listed.stdout.split("\0") if name]
    known = {"distill/recipes/demo.jpg", "mobile/android/debug.p12"}
    known |= {f"{package}/weights/{name}.safetensors" for package, name in WEIGHTS}
    binary = {
        path.relative_to(repository).as_posix() for path in files if path.is_file() and b"\0" in path.read_bytes()
    }
    assert len(files) > 400 and binary == known
