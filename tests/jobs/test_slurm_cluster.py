"""The batch scripts on a real Slurm cluster of three nodes on this host."""

import os
import re
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cache.store import SoftLabelStore
from distill.networks.checkpoint import read_checkpoint

pytestmark = pytest.mark.slow

PATIENCE = 400
"Seconds after which a job that does not come along fails the test; a quiet host needs a small part of them."
LABELS = ("--limit", "48", "--shard_length", "4", "--map_size", "64", "--teacher.input_size", "128")
TRAINING = {
    "model": "attention_xs",
    "input_size": 64,
    "steps": 60,
    "batch_size": 4,
    "precision": "float32",
    "data": {"skip_unlabelled": True},
    "log": {"minival_every": 0, "minival_images": 4, "scalars_every": 1},
}


def commands_of(job: str) -> list[int]:
    """Ids of a job's processes that are at work and stop in an orderly way when SIGUSR1 comes.

    Loader workers do not count: for a moment after its fork one still catches what its parent does.
    """
    wanted = (f"SLURM_JOB_ID={job}".encode(), b"SLURM_STEP_ID=0")
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            if all(name in environment for name in wanted) and has_signal(int(process.name), "SigCgt"):
                found[int(process.name)] = int(status_of(int(process.name), "PPid"))
        except OSError:
            continue
    return [process for process, parent in found.items() if parent not in found]


def has_signal(process: int, *sets: str) -> bool:
    """Whether SIGUSR1 is in one of a process's sets of signals: SigCgt caught, ShdPnd and SigPnd waiting."""
    return any(int(status_of(process, name), 16) >> (signal.SIGUSR1 - 1) & 1 for name in sets)


def status_of(process: int, field: str) -> str:
    """What Linux says of a process."""
    return re.search(rf"^{field}:\t(\w+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, slurm):
    """Where the jobs of these tests run and log."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def variables(shared, folder):
    """What a user exports before calling the scripts."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(TRAINING))
    return {
        **{"DATA_ROOT": shared / "coco_mini", "TEACHER": "demo", "OMP_NUM_THREADS": 1, "TASKS": 2},
        **{"RECIPE": folder / "recipe.yaml", "STORE": folder / "labels.zarr", "RUN": folder / "run"},
    }


@pytest.fixture(scope="module")
def submit(slurm, repository, folder, variables):
    """Function that submits a batch script, with options of sbatch before it and of the command after it."""

    def submit(script: str, *options: str, sbatch: tuple[str, ...] = (), **others: object) -> str:
        command = ("sbatch", "--parsable", *sbatch, repository / "jobs" / "slurm" / script, *options)
        return slurm.run(*command, cwd=folder, **variables | others)

    return submit


@pytest.fixture(scope="module")
def until(slurm, folder):
    """Function that waits for something and, when it does not come, tells queue and logs."""

    def told() -> str:
        logs = (f"{path.name}:\n{path.read_text()[-3000:]}" for path in sorted(folder.glob("*.log")))
        return "\n".join([slurm.run("squeue", "--states=all"), *logs])

    return lambda happened: slurm.wait(happened, PATIENCE, told)


class Frozen:
    """Context in which the one working process of a job stands still, so that a signal certainly meets it at work."""

    def __init__(self, slurm, until, job: str):
        self.until, self.job = until, slurm.show(job)["JobId"]

    def __enter__(self) -> "Frozen":
        self.until(lambda: commands_of(self.job))
        (self.process,) = commands_of(self.job)
        os.kill(self.process, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGCONT)

    def wait_for_signal(self):
        self.until(self._is_signalled)

    def _is_signalled(self) -> bool:
        # Slurm may wake the process itself, which then is gone soon.
        try:
            return has_signal(self.process, "ShdPnd", "SigPnd")
        except FileNotFoundError:
            return True


@pytest.fixture(scope="module")
def chain(slurm, until, submit, repository, folder, variables):
    """Ids by name of the jobs of a pipeline that has come to its end, though three of them were stopped on the way.

    While it runs, one task writes `reference.zarr` without interruption, and a verification is submitted of
    `late.zarr`, which is not there.
    """
    printed = slurm.run(repository / "jobs" / "slurm" / "pipeline.sh", *LABELS, cwd=folder, **variables)
    jobs = dict(line.split() for line in printed.splitlines())
    killed, timed = (f"{jobs['teacher_cache']}_{task}" for task in (0, 1))
    until(lambda: {slurm.state(killed), slurm.state(timed)} == {"RUNNING"})
    with Frozen(slurm, until, timed) as process:
        until((folder / "labels.zarr" / "complete" / "000000.json").exists)
        with Frozen(slurm, until, killed):
            slurm.run("scancel", "--signal=KILL", killed)
        until(lambda: slurm.state(killed) == "CANCELLED")
        slurm.run("scontrol", "requeue", killed)
        # The script asks for a signal 120 s before the limit, which thus is due now; Slurm looks twice a minute.
        minutes = int(slurm.show(timed)["RunTime"].split(":")[1])
        slurm.run("scontrol", "update", f"JobId={timed}", f"TimeLimit={minutes + 2}")
        held = submit("verify_cache.sh", STORE=folder / "late.zarr", HOLD=1)
        reference = submit("teacher_cache.sh", *LABELS, sbatch=("--array=0",), STORE=folder / "reference.zarr")
        process.wait_for_signal()
    until(lambda: slurm.show(timed)["Restarts"] != "0")
    slurm.run("scontrol", "update", f"JobId={timed}", "TimeLimit=30")
    until(lambda: slurm.state(jobs["train"]) == "RUNNING")
    with Frozen(slurm, until, jobs["train"]) as process:
        slurm.run("scancel", "--signal=USR1", jobs["train"])
        process.wait_for_signal()
    until(lambda: slurm.state(jobs["evaluate"]) == "COMPLETED")
    columns = "--Format=JobArrayID:5,Name:15,State:11,RestartCnt:15,NodeList:8"
    print(slurm.run("squeue", "--states=all", "--sort=i", columns))
    return jobs | {"killed": killed, "timed": timed, "held": held, "reference": reference}


def test_stopped_jobs_come_back_and_the_chain_ends_with_an_evaluated_student(slurm, chain, folder):
    names = ("killed", "timed", "verify_cache", "train", "evaluate")
    assert {slurm.state(chain[name]) for name in names} == {"COMPLETED"}
    assert {name: slurm.show(chain[name])["Restarts"] != "0" for name in names} == {
        **{"killed": True, "timed": True, "train": True},
        **{"verify_cache": False, "evaluate": False},
    }

    def log(name: str, suffix: str = "") -> str:
        return (folder / f"{name}-{chain[name]}{suffix}.log").read_text()

    assert "CANCELLED" in log("teacher_cache", "_0")
    assert "stopped by SIGUSR1" in log("teacher_cache", "_1")
    assert "all 12 shards with 48 images" in log("verify_cache")
    assert "stopped by SIGUSR1" in log("train")
    assert "60 steps done" in log("train")
    assert "on 84 photographs of val2017" in log("evaluate")
    assert "<h2" in (folder / "run" / "report.html").read_text()


def test_the_store_equals_one_written_without_interruption(slurm, until, chain, folder):
    until(lambda: slurm.state(chain["reference"]) == "COMPLETED")
    found, expected = (SoftLabelStore.open(folder / name) for name in ("labels.zarr", "reference.zarr"))
    assert not found.missing_shards()
    assert len(found) == 48
    np.testing.assert_array_equal(found.image_ids, expected.image_ids)
    for image_id in expected.image_ids.tolist():
        np.testing.assert_array_equal(found.read_quantised(image_id), expected.read_quantised(image_id))
        for one, other in zip(found.read_persons(image_id), expected.read_persons(image_id), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_verification_waits_for_a_store_that_is_not_whole(slurm, until, chain, folder):
    job = chain["held"]
    until(lambda: slurm.show(job)["Restarts"] == "1")
    assert slurm.state(job) == "PENDING"
    (folder / "late.zarr").symlink_to(folder / "labels.zarr")
    slurm.run("scontrol", "release", job)
    until(lambda: slurm.state(job) == "COMPLETED")


def test_two_nodes_learn_the_same_as_one(slurm, until, submit, chain, folder):
    jobs = {}
    for nodes in (1, 2):
        places = (f"--nodes={nodes}", "--ntasks=2", f"--ntasks-per-node={2 // nodes}")
        training = ("--steps", "4", "--freeze_norm", "true")
        jobs[nodes] = submit("train.sh", *training, sbatch=places, RUN=folder / f"nodes_{nodes}")
    until(lambda: {slurm.state(job) for job in jobs.values()} == {"COMPLETED"})
    losses, weights = {}, {}
    for nodes, job in jobs.items():
        assert slurm.show(job)["NumNodes"] == str(nodes)
        log = EventAccumulator(str(folder / f"nodes_{nodes}" / "log"))
        log.Reload()
        names = [f"loss/{name}" for name in ("total", "attention", "tag_push")]
        losses[nodes] = [[event.value for event in log.Scalars(name)] for name in names]
        _, ema, _ = read_checkpoint(folder / f"nodes_{nodes}" / "last.safetensors")
        weights[nodes] = np.concatenate([value.double().flatten() for value in ema.values()])
    assert np.shape(losses[1]) == (3, 4)
    np.testing.assert_allclose(losses[2], losses[1], rtol=1e-6)
    np.testing.assert_allclose(weights[2], weights[1], rtol=1e-5, atol=1e-8)
