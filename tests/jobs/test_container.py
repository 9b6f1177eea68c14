"""The two descriptions of a container agree, and what they run is there."""

import re
import subprocess

import pytest


@pytest.fixture
def described(repository):
    """Base, folder, script and PATH of each description."""
    folder = repository / "jobs" / "container"
    container, apptainer = ((folder / name).read_text() for name in ("Containerfile", "apptainer.def"))
    return {
        "Containerfile": {
            "base": re.search(r"^ARG BASE=(\S+)$", container, re.M)[1],
            "folder": re.search(r"^WORKDIR (\S+)$", container, re.M)[1],
            "script": re.search(r"^RUN (\S+)$", container, re.M)[1],
            "path": re.search(r"^ENV PATH=([^:]+):", container, re.M)[1],
        },
        "apptainer.def": {
            "base": re.search(r"^From: (\S+)$", apptainer, re.M)[1],
            "folder": re.search(r"^ +\. (\S+)$", apptainer, re.M)[1],
            "script": re.search(r"^ +(jobs/\S+)$", apptainer, re.M)[1],
            "path": re.search(r"export PATH=([^:]+):", apptainer)[1],
        },
    }


def test_both_install_the_same_in_the_same_place(described):
    one, other = described.values()
    assert one == other
    assert one["path"] == f"{one['folder']}/.venv/bin"


def test_the_script_is_one_that_bash_takes_and_installs_what_the_makefile_says(described, repository):
    script = repository / described["Containerfile"]["script"]
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], check=True)
    target = re.search(r"^make (\S+)$", script.read_text(), re.M)[1]
    planned = subprocess.run(["make", "-B", "-n", target], cwd=repository, capture_output=True, text=True, check=True)
    assert "pip install --quiet -c constraints.txt -e ." in planned.stdout and "[test]" not in planned.stdout


def test_nothing_that_was_made_here_is_copied(repository):
    left_out = {pattern.removeprefix("**/") for pattern in (repository / ".containerignore").read_text().split()}
    made = {pattern.strip("/") for pattern in (repository / ".gitignore").read_text().split()}
    assert left_out >= made | {".git"}
