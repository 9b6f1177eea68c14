"""The rule about skipped tests, shown by runs of pytest on a folder with the same conftest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CASES = """
import pytest

def test_tool(executable):
    executable("no-such-tool-anywhere")

def test_data(shared):
    pass

@pytest.mark.skipif(True, reason="left out")
def test_left_out():
    pass

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

def test_device():
    pytest.skip("hardware: no such device")
"""


def run_pytest(folder: Path, source: str, **environment: str) -> subprocess.CompletedProcess[str]:
    tests = folder / "repository" / "tests"
    tests.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("conftest.py"), tests)
    (tests / "test_cases.py").write_text(source)
    outer = {k: v for k, v in os.environ.items() if k not in ("CI", "DISTILL_SHARED") and "PYTEST" not in k}
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", tests, tests]
    return subprocess.run(command, env=outer | environment, capture_output=True, text=True, cwd=tests)


def test_missing_things_skip_on_a_desk(tmp_path):
    done = run_pytest(tmp_path, CASES)
    assert done.returncode == 0, done.stdout
    assert "4 skipped, 1 xfailed" in done.stdout
    assert "no-such-tool-anywhere is not installed" in done.stdout


@pytest.mark.parametrize("value", ["1", "true"])
def test_missing_things_fail_on_ci(tmp_path, value):
    done = run_pytest(tmp_path, CASES, CI=value, DISTILL_SHARED="/nonexistent")
    assert done.returncode == 1
    assert "no-such-tool-anywhere is not installed" in done.stdout
    assert "/nonexistent holds no coco_mini" in done.stdout
    assert "skipped although CI is set: left out" in done.stdout
    summary = done.stdout.splitlines()[-1]
    assert "1 skipped, 1 xfailed" in summary and "passed" not in summary


def test_a_module_that_skips_itself_fails_on_ci(tmp_path):
    done = run_pytest(tmp_path, "import pytest\npytest.importorskip('no_such_module')\n", CI="1")
    assert done.returncode not in (0, 5)
    assert "could not import 'no_such_module'" in done.stdout


def test_ci_finds_the_shared_data(tmp_path):
    (tmp_path / "data" / "coco_mini").mkdir(parents=True)
    source = "def test_data(shared):\n    assert shared.name == 'data'\n"
    done = run_pytest(tmp_path, source, CI="1", DISTILL_SHARED=str(tmp_path / "data"))
    assert done.returncode == 0, done.stdout
