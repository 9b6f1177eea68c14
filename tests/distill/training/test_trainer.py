"""A training run: exact resumption, and one line for what does not fit."""

import json
import multiprocessing
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cache.errors import StoreError
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.teacher import load_teacher
from distill.labelling.teacher_pass import TeacherPass, create_store
from distill.networks.checkpoint import load_network, read_checkpoint
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError, Stopped
from distill.training.config import TrainDataConfig
from distill.training.minival import Minival
from distill.training.minival_sheet import draw_worst
from distill.training.objective import LossConfig
from distill.training.trainer import Trainer


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(config, losses_of, tmp_path, optimizer):
    config = replace(config, optimizer=Choice(optimizer))
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


@pytest.mark.parametrize("measured_at", [5, 10])
def test_a_run_that_is_stopped_while_it_measures_does_so_again(config, tmp_path, monkeypatch, measured_at):
    config = replace(config, log=replace(config.log, minival_images=12))
    figures = Trainer(config).run()
    stopped = replace(config, out=tmp_path / "stopped")
    trainer, real, asked = Trainer(stopped), Minival.find, []

    def find(self, network, heads, part, stop):
        def stop_after_a_batch():
            asked.append(trainer.state.step)
            if asked.count(measured_at) == 1:
                signal.raise_signal(signal.SIGTERM)
            return stop()

        return real(self, network, heads, part, stop_after_a_batch)

    with monkeypatch.context() as patch:
        patch.setattr(Minival, "find", find)
        with pytest.raises(Stopped):
            trainer.run()
    assert asked.count(measured_at) == 1
    info, *_ = read_checkpoint(stopped.out / "last.safetensors")
    assert (info.step, info.metrics["measured_step"]) == (measured_at, measured_at - 5)
    assert Trainer(replace(stopped, resume="auto")).run() == figures
    found, expected = (EventAccumulator(str(out / "log")) for out in (stopped.out, config.out))
    for log in (found, expected):
        log.Reload()
    for tag in ("minival/ap", "loss/total"):
        pairs = [[(event.step, event.value) for event in log.Scalars(tag)] for log in (found, expected)]
        assert pairs[0] == pairs[1]


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
    assert set(log.Tags()["images"]) == {"samples", "minival/worst"}
    histograms = log.Tags()["histograms"]
    assert any("heatmaps" in tag for tag in histograms) and any(tag.startswith("activations/") for tag in histograms)
    assert any(tag.startswith("dead/") for tag in scalars) and "minival/persons" in log.Tags()["tensors"]
    assert [event.step for event in log.Scalars("schedule/cycle_end")] == [4]
    info, *_ = read_checkpoint(config.out / "best.safetensors")
    assert (info.name, info.skeleton, info.input_size) == ("attention_xs", COCO_17, (64, 64))
    assert json.loads(json.dumps(info.config))["schedule"]["period"] == 4


def test_the_minival_has_the_teacher_of_its_own_store_alone(config, labels, tiny_synthetic, tmp_path):
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    oracle, grouping = load_teacher(Choice("oracle"), COCO_17), GroupingConfig()
    url, settings = tmp_path / "val.zarr", {"map_size": 32, "shard_length": 8, "noise_floor": 0.02}
    store = create_store(url, data, oracle.attributes, grouping, **settings)
    TeacherPass(store, data, oracle.teacher, grouping).run()
    with_store = replace(config, data=replace(config.data, val_soft_labels=str(url)))
    minival = Trainer(with_store).minival
    assert minival.teacher.keys() == set(minival.image_ids)
    alone, beside = draw_worst(minival.teacher, data, minival.image_ids), minival.sheet(minival.teacher)
    assert beside.shape[1] > alone.shape[1]
    with pytest.raises(StoreError, match="split"):
        Trainer(replace(config, data=replace(config.data, val_soft_labels=labels)))


def test_a_loss_that_explodes_ends_the_run(config):
    wild = replace(config, schedule=Choice("sgdr", {"peak": 1e30, "warmup": 0}), clip_norm=0)
    with pytest.raises(InputError, match=r"the loss is .* at step"):
        Trainer(wild).run()


def test_photographs_without_persons_are_left_out(config, shared):
    data = TrainDataConfig(root=shared / "coco_mini", workers=0)
    assert len(Trainer(replace(config, data=data)).data.sets[0].image_ids) == 79
    everything = replace(data, persons_only=False)
    assert len(Trainer(replace(config, data=everything)).data.sets[0].image_ids) == 95
    first = Trainer(replace(config, data=data, limit=5)).data.sets[0].image_ids
    assert len(first) == 5
    assert np.all(np.diff(first) > 0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"input_size": 100}, "input_size must be one side or width and height, positive multiples of 32"),
        ({"input_size": (96, 100)}, "positive multiples of 32, not"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"clip_norm": -1.0}, "clip_norm must not be negative"),
        ({"clip_norm": float("nan")}, "clip_norm must not be negative"),
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
def incomplete(oracle_store):
    """A store that lacks the second of its three shards."""
    return oracle_store(shards=[0, 2])


def test_photographs_without_label_are_skipped_when_asked(config, incomplete, capsys):
    refusing = replace(config, data=replace(config.data, soft_labels=incomplete.url), loss=LossConfig(), steps=2)
    with pytest.raises(StoreError, match="1 of 3 shards are missing"):
        Trainer(refusing)
    skipping = replace(refusing, data=replace(refusing.data, skip_unlabelled=True))
    trainer = Trainer(skipping)
    assert "8 of 24 photographs have no soft label and are skipped" in capsys.readouterr().out
    assert trainer.data.sets[0].image_ids.tolist() == [*incomplete.shard_image_ids(0), *incomplete.shard_image_ids(2)]
    trainer.run()


@pytest.fixture
def distilling(config, incomplete):
    """Six steps with the soft labels that there are."""
    data = replace(config.data, soft_labels=incomplete.url, skip_unlabelled=True)
    log = replace(config.log, minival_every=0, images_every=0, histograms_every=0)
    return replace(config, data=data, loss=LossConfig(), steps=6, log=log)


@pytest.mark.parametrize("workers", [0, 2])
def test_preloaded_labels_change_nothing(distilling, losses_of, tmp_path, workers):
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


@pytest.mark.parametrize(
    ("changes", "outputs"),
    [
        ({"outputs": {"tags": False}}, {"heatmaps", "attention"}),
        ({"outputs": {"attention": False}}, {"heatmaps", "tags"}),
        ({"outputs": {"tags": False, "attention": False}}, {"heatmaps"}),
        ({"model": Choice("higher_hrnet_demo"), "outputs": {"tags": False}}, {"heatmaps"}),
        ({"model": Choice("attention_xs", {"input_channels": 1, "width": 0.5})}, {"heatmaps", "tags", "attention"}),
    ],
)
def test_a_network_of_other_outputs_or_options_is_as_good_as_any(quiet, changes, outputs):
    figures = Trainer(replace(quiet, steps=2, **changes)).run()
    assert 0 <= (figures["ap"] or 0) <= 1
    network, info = load_network(quiet.out / "last.safetensors")
    assert set(info.outputs) == outputs
    with torch.no_grad():
        assert {key.split("_")[0] for key in network(torch.zeros(1, 3, 64, 64))} == outputs


def test_a_rectangular_input_is_learnt_from_and_measured(quiet, labels):
    data = replace(quiet.data, soft_labels=labels)
    trainer = Trainer(replace(quiet, data=data, input_size=(96, 64), steps=2, loss=LossConfig(alpha=0.5)))
    batch = next(trainer._batches(trainer.data))
    assert batch.images.shape == (4, 64, 96, 3) and batch.masks.shape == (4, 4, 32, 48)
    assert "ap" in trainer.run()
    assert read_checkpoint(quiet.out / "last.safetensors")[0].input_size == (96, 64)


def test_a_joint_that_the_set_does_not_annotate_teaches_nothing(quiet, tiny_synthetic, tmp_path):
    nose = COCO_17.joints.index("nose")
    (tmp_path / "set").mkdir()
    for name in ("train2017", "val2017", "images"):
        if (tiny_synthetic / name).exists():
            (tmp_path / "set" / name).symlink_to(tiny_synthetic / name)
    (tmp_path / "set/annotations").mkdir()
    for file in (tiny_synthetic / "annotations").iterdir():
        document = json.loads(file.read_text())
        for person in document["annotations"]:
            person["keypoints"][3 * nose : 3 * nose + 3] = [0, 0, 0]
        (tmp_path / "set/annotations" / file.name).write_text(json.dumps(document))
    trainer = Trainer(replace(quiet, data=replace(quiet.data, root=tmp_path / "set"), steps=2))
    layer, average = trainer.state.network.heatmaps, trainer.state.ema.module.heatmaps
    before = layer.weight.detach().clone(), layer.bias.detach().clone()
    for group in trainer.state.optimizer.param_groups:
        group["weight_decay"] = 0.0
    trainer.run()
    assert torch.equal(layer.weight[nose], before[0][nose]) and layer.bias[nose] == before[1][nose]
    assert torch.equal(average.weight[nose], before[0][nose])
    others = [k for k in range(17) if k != nose]
    assert all(not torch.equal(layer.weight[k], before[0][k]) for k in others)
