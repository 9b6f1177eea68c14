"""setup.cfg, constraints.txt and the installed commands agree."""

import configparser
import re

import pytest
from packaging.requirements import Requirement


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
            assert list((repository / package).glob(pattern)), f"{package}/{pattern} matches nothing"
