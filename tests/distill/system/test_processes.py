"""Training by several processes: the same as by one, stopped together, and never left waiting for one that is gone."""

import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate
from distill.evaluation.models import load_model
from distill.evaluation.predictor import predict_all
from distill.networks.checkpoint import read_checkpoint
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError
from distill.system.processes import join_slurm_step

STEP = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}
MEETING = {"MASTER_ADDR": "node1", "MASTER_PORT": "20001"}


@pytest.mark.parametrize(("gpus", "local"), [(0, "1"), (1, "0"), (2, "1"), (8, "1")])
def test_the_place_in_a_slurm_step(gpus, local):
    environment = STEP | MEETING
    join_slurm_step(environment, gpus)
    assert environment == STEP | MEETING | {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": local}


@pytest.mark.parametrize("other", [{}, {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, STEP | {"WORLD_SIZE": "2"}])
def test_nothing_changes_elsewhere(other):
    environment = dict(other)
    join_slurm_step(environment)
    assert environment == other


@pytest.mark.parametrize("name", ["MASTER_ADDR", "MASTER_PORT"])
def test_a_step_without_a_meeting_point_is_refused(name):
    with pytest.raises(InputError, match=f"4 tasks of a Slurm step need {name}"):
        join_slurm_step(STEP | MEETING | {name: ""})


def test_an_interface_that_is_not_there_is_named():
    code = """
from torch import distributed
from torch.testing._internal.distributed.fake_pg import FakeStore
from distill.system.processes import Agreement
distributed.init_process_group("fake", rank=0, world_size=2, store=FakeStore())
Agreement(2)
"""
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "nosuch0"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    *_, message = ended.stderr.strip().splitlines()
    assert "InputError: the processes of this training cannot meet by gloo" in message
    assert "nosuch0" in message and "GLOO_SOCKET_IFNAME" in message


@pytest.fixture
def start(tiny_synthetic, tmp_path, repository):
    """Function that starts a training by some processes on the CPU; `options` gives further options by process."""
    started = []

    def start(out, processes, *common, options=((), ())):
        with socket.socket() as meeting:
            meeting.bind(("127.0.0.1", 0))
            port = meeting.getsockname()[1]
        places = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        if processes > 1:
            places |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
        command = [sys.executable, "-m", "distill.commands.train", "--data.root", str(tiny_synthetic)]
        command += ["--out", str(tmp_path / out), "--input_size", "64", "--batch_size", "4", "--loss.alpha", "0"]
        command += ["--precision", "float32", "--freeze_norm", "--resume", "auto", "--log.minival_images", "4"]
        command += ["--log.minival_every", "0", "--log.scalars_every", "1", "--schedule.peak", "0.02", *common]
        for rank, own in zip(range(processes), options, strict=False):
            place = places | ({"RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else {})
            process = subprocess.Popen(
                [*command, *own],
                **{"cwd": repository, "env": os.environ | place, "stderr": subprocess.PIPE, "text": True},
                start_new_session=True,
            )
            started.append(process)
        return started[-processes:]

    yield start
    for process in started:
        process.kill()
        process.wait()


def ends_of(processes):
    errors = [process.communicate(timeout=120)[1] for process in processes]
    return [process.returncode for process in processes], errors


UNTIL_STOPPED = ("--steps", "100000", "--log.checkpoint_every", "2")


def wait_for_checkpoint(processes, tmp_path):
    """Path of the checkpoint that the running training keeps writing, once it is there."""
    last = tmp_path / "run" / "last.safetensors"
    while not last.exists():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.1)
    return last


@pytest.mark.slow
def test_processes_and_micro_batches_learn_the_same_and_resume_one_another(start, tmp_path):
    runs = {"one": [(1, 1, 6)], "several": [(1, 1, 2), (2, 2, 4), (1, 4, 6)]}
    for out, parts in runs.items():
        for count, accumulate, steps in parts:
            codes, errors = ends_of(start(out, count, "--steps", str(steps), "--accumulate", str(accumulate)))
            assert codes == [0] * count, errors
    losses, weights = {}, {}
    for out in runs:
        log = EventAccumulator(str(tmp_path / out / "log"))
        log.Reload()
        losses[out] = np.array(
            [
                [event.value for event in log.Scalars(f"loss/{name}")]
                for name in ("total", "attention", "tag_pull", "tag_push")
            ]
        )
        _, ema, state = read_checkpoint(tmp_path / out / "last.safetensors")
        weights[out] = np.concatenate([value.double().flatten() for value in (*ema.values(), *state.values())])
    assert losses["one"].shape == (4, 6)
    np.testing.assert_allclose(losses["several"], losses["one"], rtol=1e-5)
    # Sums in another order: after six steps a few of a million weights differ in the fourth digit.
    apart = np.abs(weights["several"] - weights["one"])
    assert np.linalg.norm(apart) < 1e-4 * np.linalg.norm(weights["one"]) and apart.max() < 1e-3


@pytest.mark.slow
def test_a_minival_that_processes_share_is_that_of_one(start, tmp_path, tiny_synthetic):
    weights = ("--weights", "students/weights/attention_xs.safetensors", "--schedule.peak", "0.0001")
    processes = start("run", 2, "--steps", "4", "--log.minival_images", "7", "--log.minival_every", "2", *weights)
    codes, errors = ends_of(processes)
    assert codes == [0, 0], errors
    log = EventAccumulator(str(tmp_path / "run" / "log"))
    log.Reload()
    last = tmp_path / "run" / "last.safetensors"
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    ids = data.image_ids[:7].tolist()
    alone = evaluate(predict_all(load_model(last).predictor(), data, ids), data, ids)
    shared = {name: log.Scalars(f"minival/{name}")[-1].value for name in ("ap", "ar", "ap50")}
    assert alone["ap"] > 0
    assert shared == pytest.approx({name: alone[name] for name in shared}, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "codes", "message"),
    [(signal.SIGTERM, [75, 75], "stopped by SIGTERM"), (signal.SIGKILL, [1, -9], "another process of this training")],
)
def test_a_signal_to_one_ends_both(start, tmp_path, number, codes, message):
    processes = start("run", 2, *UNTIL_STOPPED)
    last = wait_for_checkpoint(processes, tmp_path)
    processes[1].send_signal(number)
    found, errors = ends_of(processes)
    assert found == codes, errors
    assert errors[0].startswith("distill-train: ")
    assert message in errors[0]
    assert errors[0].count("\n") == 1
    assert read_checkpoint(last)[0].step >= 2


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130)])
def test_a_signal_to_the_whole_group_leaves_the_loader_workers_to_their_process(start, tmp_path, number, code):
    processes = start("run", 1, *UNTIL_STOPPED)
    last = wait_for_checkpoint(processes, tmp_path)
    step = read_checkpoint(last)[0].step
    os.killpg(processes[0].pid, number)
    found, errors = ends_of(processes)
    assert found == [code], errors
    assert errors[0].count("\n") == 1, errors[0]
    assert read_checkpoint(last)[0].step > step


@pytest.mark.slow
def test_bad_input_of_one_ends_both(start, tmp_path):
    options = ((), ("--data.root", str(tmp_path / "nowhere")))
    codes, errors = ends_of(start("run", 2, "--steps", "10", options=options))
    assert codes == [1, 1]
    assert "another process of this training has ended" in errors[0]
    assert "nowhere" in errors[1]
    assert all(error.count("\n") == 1 for error in errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rank", "target"),
    [
        (1, "accelerate:Accelerator.backward"),
        (0, "distill.training.minival:Minival.find"),
        (1, "distill.training.minival:Minival.find"),
        (0, "distill.training.minival:Minival.figures"),
    ],
)
def test_an_unexpected_exception_in_one_ends_both(start, tmp_path, rank, target):
    module, _, name = target.partition(":")
    kind, _, method = name.partition(".")
    file = tmp_path / "fault.py"
    broken = "def broken(*_, **__):\n    raise KeyError('area')\n"
    file.write_text(f"from {module} import {kind}\n\n{broken}\n{kind}.{method} = broken\n")
    options = [(), ()]
    options[rank] = ("--imports", str(file))
    codes, errors = ends_of(start("run", 2, "--steps", "10", "--log.minival_every", "2", options=options))
    assert codes == [1, 1]
    assert "distill-train: unexpected KeyError: 'area' in fault.py:4" in errors[rank]
    assert "another process of this training has ended" in errors[1 - rank]
    assert all(error.count("\n") == 1 for error in errors), errors


def test_stages_go_on_together(start, tmp_path):
    """The processes meet once, whatever the number of stages, and the last one's weights are there."""
    stages = "{first: {freeze: [backbone], steps: 2}, second: {steps: 3}}"
    codes, errors = ends_of(start("run", 2, "--stages", stages, "--steps", "2"))
    assert codes == [0, 0], errors
    assert read_checkpoint(tmp_path / "run" / "second" / "last.safetensors")[0].step == 3
