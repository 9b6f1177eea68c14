"""The batch scripts on a real Slurm cluster of three nodes on this host."""

import pytest

pytestmark = pytest.mark.slow


def test_an_array_labels_photographs(slurm, repository, shared, tmp_path):
    job = slurm.run(
        *("sbatch", "--parsable", "--array=0-1", repository / "jobs" / "slurm" / "teacher_cache.sh"),
        *("--limit", "4", "--map_size", "64", "--teacher.input_size", "128"),
        cwd=tmp_path,
        **{"DATA_ROOT": shared / "coco_mini", "SPLIT": "val2017", "TEACHER": "demo"},
    )
    states = {}

    def done() -> bool:
        states.update({task: slurm.show(f"{job}_{task}")["JobState"] for task in (0, 1)})
        return set(states.values()) == {"COMPLETED"}

    def told() -> str:
        return f"{states}\n" + "\n".join(path.read_text() for path in tmp_path.glob("*.log"))

    slurm.wait(done, 120, told)
    slurm.run("distill-cache", "info", tmp_path / "labels_val2017.zarr")
