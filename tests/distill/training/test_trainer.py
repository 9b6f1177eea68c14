"""A training run: exact resumption, and one line for what does not fit."""

import json
import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cache.errors import StoreError
from distill.data.keypoint_set import KeypointSet
from distill.labelling.teacher import load_teacher
from distill.labelling.teacher_pass import TeacherPass, create_store
from distill.networks.checkpoint import read_checkpoint
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError, Stopped
from distill.training.config import LogConfig, OptimizerConfig, TrainConfig, TrainDataConfig
from distill.training.losses import LossConfig
from distill.training.schedule import ScheduleConfig
from distill.training.trainer import Trainer


@pytest.fixture
def config(tiny_synthetic, tmp_path):
    """Ten steps on 24 scenes, so that a run crosses epochs; one restart at step 4."""
    return TrainConfig(
        data=TrainDataConfig(root=tiny_synthetic, workers=1),
        out=tmp_path / "run",
        input_size=64,
        steps=10,
        batch_size=4,
        precision="float32",
        loss=LossConfig(alpha=0.0),
        schedule=ScheduleConfig(peak=0.02, floor=0.001, period=4, warmup=2),
        log=LogConfig(scalars_every=1, images_every=5, histograms_every=5, minival_images=4, minival_every=5),
    )


def losses_of(run):
    log = EventAccumulator(str(run / "log"), size_guidance={"scalars": 0})
    log.Reload()
    return {event.step: event.value for event in log.Scalars("loss/total")}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(config, tmp_path, optimizer):
    config = replace(config, optimizer=OptimizerConfig(name=optimizer))
    Trainer(config).run()
    stopped = replace(config, out=tmp_path / "stopped")

    def stop_after_six(step, _):
        if step == 6:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped):
        Trainer(stopped).run(stop_after_six)
    assert read_checkpoint(stopped.out / "last.safetensors")[0].step == 7
    Trainer(replace(stopped, resume="auto")).run()
    assert losses_of(stopped.out) == losses_of(config.out)
    _, *whole = read_checkpoint(config.out / "last.safetensors")
    _, *resumed = read_checkpoint(stopped.out / "last.safetensors")
    for one, two in zip(whole, resumed, strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_losses_are_those_of_the_golden_run(config):
    """Ten steps whose losses are kept: a change of data, targets, losses or schedule shows here first."""
    Trainer(config).run()
    golden = json.loads(Path(__file__).with_name("golden_run.json").read_text())
    assert losses_of(config.out) == pytest.approx({int(step): loss for step, loss in golden.items()}, rel=0.02)


def test_what_a_run_leaves_behind(config):
    figures = Trainer(config).run()
    names = sorted(path.name for path in config.out.iterdir())
    assert names == ["best.safetensors", "last.safetensors", "log", "restart_0000004.safetensors"]
    assert "ap" in figures
    log = EventAccumulator(str(config.out / "log"))
    log.Reload()
    scalars = set(log.Tags()["scalars"])
    assert {"loss/heatmap_hard_s4", "loss/attention", "loss/tag_pull", "loss/tag_push"} <= scalars
    assert {"learning_rate", "minival/ap", "images_per_second"} <= scalars
    assert log.Tags()["images"] == ["samples"]
    assert any("heatmaps" in tag for tag in log.Tags()["histograms"])
    info, *_ = read_checkpoint(config.out / "best.safetensors")
    assert (info.name, info.skeleton, info.input_size) == ("attention_xs", "coco_17", 64)
    assert json.loads(json.dumps(info.config))["schedule"]["period"] == 4


def test_micro_batches_add_up_to_the_batch(config):
    """With frozen normalisation two halves give the gradient of the whole."""
    weights = []
    for accumulate in (1, 2):
        trainer = Trainer(replace(config, accumulate=accumulate, steps=1))
        for module in trainer.state.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.train(False)
        trainer.logbook = None
        trainer._step(iter(trainer._make_loader()))
        weights.append(torch.cat([p.detach().flatten() for p in trainer.state.network.parameters()]))
    start = torch.cat([p.detach().flatten() for p in Trainer(config).state.network.parameters()])
    moved = (weights[0] - start).norm()
    assert moved > 0
    assert (weights[0] - weights[1]).norm() < 0.3 * moved


def test_a_folder_with_a_run_is_not_overwritten(config):
    Trainer(replace(config, steps=1)).run()
    with pytest.raises(InputError, match="already holds a run"):
        Trainer(config).run()


@pytest.mark.parametrize(("change", "named"), [({"seed": 5}, "seed"), ({"batch_size": 8}, "batch_size")])
def test_resuming_another_run_names_the_difference(config, change, named):
    Trainer(replace(config, steps=1)).run()
    with pytest.raises(InputError, match=f"its {named} is"):
        Trainer(replace(config, resume="auto", **change)).run()


def test_best_cannot_be_resumed(config):
    Trainer(replace(config, steps=1)).run()
    with pytest.raises(InputError, match="holds no optimiser state"):
        Trainer(replace(config, resume=str(config.out / "best.safetensors"))).run()


def test_weights_of_another_model_are_refused(config):
    Trainer(replace(config, steps=1)).run()
    with pytest.raises(InputError, match="are of attention_xs with coco_17"):
        Trainer(replace(config, model="attention_s", weights=config.out / "best.safetensors"))


def test_a_loss_that_explodes_ends_the_run(config):
    wild = replace(config, schedule=ScheduleConfig(peak=1e30, warmup=0), optimizer=OptimizerConfig(clip=0))
    with pytest.raises(InputError, match=r"the loss is .* at step"):
        Trainer(wild).run()


def test_photographs_without_persons_are_left_out(config, shared):
    data = TrainDataConfig(root=shared / "coco_mini", workers=0)
    assert len(Trainer(replace(config, data=data)).image_ids) == 79
    everything = replace(data, persons_only=False)
    assert len(Trainer(replace(config, data=everything)).image_ids) == 95
    first = Trainer(replace(config, data=replace(data, images=5))).image_ids
    assert len(first) == 5
    assert np.all(np.diff(first) > 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"input_size": 100}, "input_size must be a positive multiple of 32"),
        ({"steps": 0}, "steps, batch_size and accumulate"),
        ({"precision": "half"}, "precision must be"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"loss": LossConfig(alpha=0.5)}, "data.soft_labels is not set"),
    ],
)
def test_wrong_values_are_refused(config, wrong, message):
    with pytest.raises(InputError, match=message):
        replace(config, **wrong)


@pytest.fixture(scope="module")
def incomplete(tiny_synthetic, tmp_path_factory):
    """A store of an oracle's labels that lacks the second of its three shards."""
    data = KeypointSet(tiny_synthetic, "train2017", COCO_17)
    oracle, grouping = load_teacher(Choice("oracle"), COCO_17), GroupingConfig()
    url = tmp_path_factory.mktemp("incomplete") / "labels.zarr"
    store = create_store(url, data, oracle.attributes, grouping, map_size=32, shard_length=8, noise_floor=0.02)
    TeacherPass(store, data, oracle.teacher, grouping).run(shards=[0, 2])
    return store


def test_photographs_without_label_are_skipped_when_asked(config, incomplete, capsys):
    refusing = replace(config, data=replace(config.data, soft_labels=incomplete.url), loss=LossConfig(), steps=2)
    with pytest.raises(StoreError, match="1 of 3 shards are missing"):
        Trainer(refusing)
    skipping = replace(refusing, data=replace(refusing.data, skip_unlabelled=True))
    trainer = Trainer(skipping)
    assert "8 of 24 photographs have no soft label and are skipped" in capsys.readouterr().out
    assert trainer.image_ids.tolist() == [*incomplete.shard_image_ids(0), *incomplete.shard_image_ids(2)]
    trainer.run()


@pytest.fixture
def distilling(config, incomplete):
    """Six steps with the soft labels that there are."""
    data = replace(config.data, soft_labels=incomplete.url, skip_unlabelled=True)
    log = replace(config.log, minival_every=0, images_every=0, histograms_every=0)
    return replace(config, data=data, loss=LossConfig(), steps=6, log=log)


@pytest.mark.parametrize("workers", [0, 2])
def test_preloaded_labels_change_nothing(distilling, tmp_path, workers):
    labels, checkpoints = [], []
    for preload in (False, True):
        data = replace(distilling.data, preload_labels=preload, workers=workers)
        config = replace(distilling, data=data, out=tmp_path / f"preload_{preload}")
        Trainer(config).run(on_label=lambda *label: labels.append(label))
        checkpoints.append((losses_of(config.out), *read_checkpoint(config.out / "last.safetensors")[1:]))
    assert labels[-1] == (16, 16)
    (losses, *tensors), (preloaded_losses, *preloaded_tensors) = checkpoints
    assert preloaded_losses == losses
    for one, two in zip(tensors, preloaded_tensors, strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, Stopped), (signal.SIGUSR1, Stopped), (signal.SIGINT, KeyboardInterrupt)]
)
def test_stopping_while_labels_are_read(distilling, number, error):
    config = replace(distilling, data=replace(distilling.data, preload_labels=True), steps=1)
    before = signal.getsignal(number)
    with pytest.raises(error):
        Trainer(config).run(on_label=lambda done, total: signal.raise_signal(number))
    assert signal.getsignal(number) == before
    assert not multiprocessing.active_children()
    assert not config.out.exists()


def test_a_batch_that_does_not_divide(config):
    with pytest.raises(InputError, match="batch_size 4 must be a multiple"):
        Trainer(replace(config, accumulate=3))
