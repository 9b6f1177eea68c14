"""Stores that are filled again after faults at random moments equal one that was written without interruption."""

import subprocess
import sys

import pytest

ROUNDS = 10


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["killed", "twins", "full_disk", "torn_file", "flipped_bit"])
def test_nothing_is_lost(fault, repository, tmp_path):
    command = [sys.executable, "benchmarks/store_faults.py", "--faults", fault, "--rounds", str(ROUNDS)]
    result = subprocess.run(
        [*command, "--folder", str(tmp_path)],
        cwd=repository,
        env={"PYTHONPATH": str(repository), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    name, rounds, faults, torn, lost = result.stdout.splitlines()[-1].split()
    assert (name, int(rounds), int(lost)) == (fault, ROUNDS, 0)
    assert int(faults) >= (ROUNDS if fault != "killed" else 1)
    assert int(torn) == ROUNDS or fault not in ("torn_file", "flipped_bit")
