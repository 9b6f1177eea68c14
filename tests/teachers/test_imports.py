"""Looking up teachers is cheap, and safe in a process that holds TensorFlow."""

import subprocess
import sys

SCRIPT = "import tensorflow, sys; import teachers.registry; teachers.registry.load(); print('triton' in sys.modules)"


def test_the_names_of_teachers_load_no_compiler():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.split() == ["False"]
