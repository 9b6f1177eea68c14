"""The app's Java tests, run once; what they are compared with is written by the Python code."""

import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest

PHOTOGRAPH = Path("coco_mini", "val2017", "000000006471.jpg")


@dataclass(frozen=True)
class Outcome:
    """What one run of the Java tests said and left."""

    output: str
    out: Path


@pytest.fixture(scope="module")
def tested(
    repository: Path, shared: Path, executable: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """One run of `build.py test`."""
    for tool in ("javac", "mvn", "aapt2"):
        executable(tool)
    folder = tmp_path_factory.mktemp("junit")
    cases = folder / "cases"
    build = repository / "mobile" / "android" / "build.py"
    environment = os.environ | {"PYTHONPATH": str(repository)}
    for command in (
        (Path(__file__).with_name("java_cases.py"), cases, "--photograph", shared / PHOTOGRAPH),
        (build, "test", "--cases", cases, "--out", folder / "out"),
    ):
        done = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
    return Outcome(done.stdout, folder / "out")


@pytest.mark.slow
def test_all_pass(tested):
    number, *rest = tested.output.split()
    assert int(number) >= 129 and rest == ["tests", "passed"]
    logs = [(tested.out / name).read_text() for name in ("junit.txt", "junit-runtime.txt")]
    assert sum(int(re.search(r"^OK \((\d+) tests\)$", log, re.MULTILINE)[1]) for log in logs) == int(number)


@pytest.mark.slow
def test_results_keep_the_schema(tested, repository):
    """Those of runs that went well and of runs that failed."""
    schema = json.loads((repository / "mobile" / "android" / "result.schema.json").read_text())
    results = [json.loads(file.read_text()) for file in sorted((tested.out / "results").glob("*.json"))]
    for result in results:
        jsonschema.validate(result, schema, format_checker=jsonschema.FormatChecker())
    assert {result["status"] for result in results} == {"ok", "error"}
    kinds = {result["error"]["kind"] for result in results if result["status"] == "error"}
    assert kinds >= {"request", "model", "photograph", "delegate", "memory", "screen"}


@pytest.mark.slow
def test_screens_are_drawn(tested):
    """As large as the phone's screen in the tests, and not of one colour."""
    upright = (822, 1462)
    sizes = dict.fromkeys(("benchmark", "photograph", "error", "live", "live_refused"), upright)
    for name, size in (sizes | {"side": upright[::-1], "small": (320, 533)}).items():
        content = (tested.out / "screens" / f"{name}.png").read_bytes()
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", content[16:24]) == size
        assert len(content) > 5000
