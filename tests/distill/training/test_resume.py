"""Where a run goes on, what it must share with what came before, and what it may change."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from distill.data.augment import AugmentConfig
from distill.networks.checkpoint import read_checkpoint
from distill.system.choice import Choice
from distill.system.errors import InputError
from distill.training.learning_data import open_learning_data
from distill.training.objective import LossConfig
from distill.training.resume import LAST, PREVIOUS, check_same_run, identity_of, start_of
from distill.training.trainer import Trainer


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a run of one step that learns from both kinds of labels."""
    return tmp_path_factory.mktemp("resumed") / "run"


@pytest.fixture
def done(quiet, labels, run):
    """Configuration of that run."""
    config = replace(quiet, data=replace(quiet.data, soft_labels=labels), loss=LossConfig(alpha=0.5), out=run, steps=1)
    if not run.exists():
        Trainer(config).run()
    return config


def test_a_folder_with_a_run_is_not_overwritten(done):
    with pytest.raises(InputError, match="already holds a run; set resume to auto, or choose another out"):
        Trainer(done)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 5}, "seed is 0, this run's is 5"),
        ({"batch_size": 8}, "batch_size is 4, this run's is 8"),
        ({"optimizer": Choice("adamw")}, "optimizer.name is 'sgd', this run's is 'adamw'"),
        ({"optimizer": Choice("sgd", {"momentum": 0.5})}, "optimizer.momentum is 0.9, this run's is 0.5"),
        ({"loss": LossConfig(alpha=0.4)}, "loss.alpha is 0.5, this run's is 0.4"),
        ({"outputs": {"heatmaps": {"sigma": 1.5}}}, "outputs.heatmaps.sigma is 1.0, this run's is 1.5"),
        ({"outputs": {"tags": False}}, "outputs.tags is "),
        (
            {"model": Choice("attention_xs", {"gate": "sigmoid"})},
            "model.gate is 'one_plus_sigmoid', this run's is 'sigmoid'",
        ),
        ({"limit": 7}, "data.images is 24, this run's is 7"),
        ({"precision": "bfloat16"}, "precision is 'float32', this run's is 'bfloat16'"),
        ({"augment": AugmentConfig(rotation=5)}, r"augment.rotation is 30.0, this run's is 5"),
        ({"schedule": Choice("sgdr", {"peak": 0.01})}, "schedule.peak is 0.02, this run's is 0.01"),
        ({"input_size": (96, 64)}, r"input_size is \[64, 64\], this run's is \[96, 64\]"),
        ({"freeze_norm": True}, "freeze_norm is False, this run's is True"),
        ({"clip_norm": 1.0}, "clip_norm is 5.0, this run's is 1.0"),
        ({"ema_decay": 0.9}, "ema_decay is 0.998, this run's is 0.9"),
    ],
)
def test_every_difference_is_named_in_one_line(done, changes, named):
    with pytest.raises(InputError, match=f"its {named}") as refused:
        Trainer(replace(done, resume="auto", **changes))
    assert "\n" not in str(refused.value) and str(done.out) in str(refused.value)


def test_another_split_or_other_photographs_are_named(done):
    found = read_checkpoint(done.out / LAST)[0]
    with pytest.raises(InputError, match=r"its data.split is 'train2017', this run's is 'val2017'"):
        Trainer(replace(done, resume="auto", loss=LossConfig(alpha=0.0), data=replace(done.data, split="val2017")))
    other = found.identity | {"data": found.identity["data"] | {"images_sha256": "other"}}
    with pytest.raises(InputError, match=r"its data.images_sha256 is"):
        check_same_run(done.out / LAST, found, other)


def test_another_skeleton_is_named(done):
    found = read_checkpoint(done.out / LAST)[0]
    with pytest.raises(InputError, match=r"its skeleton is .*, this run's is .*"):
        check_same_run(done.out / LAST, found, found.identity | {"skeleton": ["nose"]})


def test_another_teacher_is_named(done):
    found = read_checkpoint(done.out / LAST)[0]
    data = found.identity["data"]
    labels = data["labels"] | {"teacher": data["labels"]["teacher"] | {"name": "movenet"}}
    with pytest.raises(InputError, match=r"its data.labels.teacher.name is 'oracle', this run's is 'movenet'"):
        check_same_run(done.out / LAST, found, found.identity | {"data": data | {"labels": labels}})


def test_a_checkpoint_that_says_nothing_of_its_run_is_not_gone_on_with(done):
    found = replace(read_checkpoint(done.out / LAST)[0], identity={})
    with pytest.raises(InputError, match="written by a version whose losses were others; start from it by weights"):
        check_same_run(done.out / LAST, found, {"seed": 0})


def test_what_may_change_does(done, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(done.out, moved / "run")
    shutil.copytree(done.data.soft_labels, moved / "labels.zarr")
    shutil.copytree(done.data.root, moved / "photographs")
    config = replace(
        done,
        resume="auto",
        out=moved / "run",
        steps=3,
        accumulate=2,
        data=replace(done.data, root=moved / "photographs", soft_labels=str(moved / "labels.zarr"), workers=1),
        log=replace(done.log, scalars_every=2, checkpoint_every=1),
        limit=24,
    )
    trainer = Trainer(config)
    assert trainer.state.step == 1
    trainer.run()
    assert read_checkpoint(moved / "run" / LAST)[0].step == 3


def test_the_photographs_count_and_their_order_of_bytes_does_not(done):
    learnt = open_learning_data(done).sets[0]
    kinds = [replace(learnt, image_ids=np.array(ids, dtype=kind)) for ids, kind in (([1, 2], ">i8"), ([1, 2], "<i8"))]
    one, two = (identity_of(done, {}, [each.identity()]) for each in kinds)
    assert one == two
    assert one != identity_of(done, {}, [replace(learnt, image_ids=np.array([1, 3])).identity()])


def test_best_cannot_be_resumed(quiet):
    Trainer(replace(quiet, steps=1)).run()
    with pytest.raises(InputError, match=r"holds no optimiser state; resume from last.safetensors"):
        Trainer(replace(quiet, resume=str(quiet.out / "best.safetensors")))


@pytest.mark.parametrize("where", ["network", "average", "optimizer"])
def test_what_is_not_a_number_is_never_written_over_good_weights(quiet, where):
    config = replace(quiet, log=replace(quiet.log, checkpoint_every=1), optimizer=Choice("adamw"))
    trainer = Trainer(config)

    def spoil(step, _):
        if step < 3:
            return
        state = trainer.state
        if where == "optimizer":
            next(iter(state.optimizer.state.values()))["exp_avg_sq"][0] = float("inf")
        else:
            layer = {"network": state.network, "average": state.ema.module}[where].heatmaps
            layer.weight.data[3] = float("nan")
        kept.append((config.out / LAST).read_bytes())
        trainer._save_resumable()

    kept = []
    name = {"network": "training.network.heatmaps.weight", "average": "network.heatmaps.weight"}
    wanted = name.get(where, r"training.optimizer.0.exp_avg_sq")
    with pytest.raises(InputError, match=rf"is not written: {wanted} is not finite"):
        trainer.run(spoil)
    assert (config.out / LAST).read_bytes() == kept[0]
    assert read_checkpoint(config.out / LAST)[0].step == 3
    assert read_checkpoint(config.out / PREVIOUS)[0].step == 2
    assert {path.name for path in config.out.iterdir()} <= {LAST, PREVIOUS, "log", "best.safetensors"}


def continued(config) -> dict[str, torch.Tensor]:
    Trainer(config).run()
    _, ema, training = read_checkpoint(config.out / LAST)
    return ema | {f"training.{key}": value for key, value in training.items()}


@pytest.mark.parametrize("eight_bits", [False, True])
def test_both_states_go_on_to_the_same_end(quiet, tmp_path, eight_bits):
    quiet = replace(quiet, eight_bits=eight_bits)
    config = replace(quiet, steps=4, log=replace(quiet.log, checkpoint_every=2))
    Trainer(config).run()
    ends = []
    for name in (LAST, PREVIOUS):
        out = tmp_path / name
        out.mkdir()
        shutil.copy(config.out / name, out / LAST)
        ends.append(continued(replace(config, out=out, steps=6, resume="auto")))
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_a_kill_between_the_two_renames_goes_on_from_the_previous(quiet):
    config = replace(quiet, steps=4, log=replace(quiet.log, checkpoint_every=2))
    Trainer(config).run()
    # After the first rename: what was last is previous, what shall be last still has its temporary name.
    (config.out / LAST).rename(config.out / PREVIOUS)
    (config.out / f".{LAST}").write_bytes(b"whole or not")
    with pytest.raises(InputError, match="already holds a run"):
        start_of(config)
    resumed = replace(config, steps=6, resume="auto")
    assert start_of(resumed) == config.out / PREVIOUS
    Trainer(resumed).run()
    assert read_checkpoint(config.out / LAST)[0].step == 6
    assert read_checkpoint(config.out / PREVIOUS)[0].step == 4
    assert not (config.out / f".{LAST}").exists()


def test_auto_starts_anew_where_nothing_is(quiet):
    assert start_of(replace(quiet, resume="auto")) is None
    assert start_of(quiet) is None


def test_a_damaged_last_state_is_passed_over(quiet, capsys):
    Trainer(replace(quiet, steps=1)).run()
    Trainer(replace(quiet, steps=2, resume="auto")).run()
    (quiet.out / LAST).write_bytes((quiet.out / LAST).read_bytes()[:1000])
    capsys.readouterr()
    assert Trainer(replace(quiet, steps=3, resume="auto")).state.step == 1
    assert "the state before it is taken" in capsys.readouterr().err
    (quiet.out / PREVIOUS).write_bytes(b"")
    with pytest.raises(InputError, match="may be truncated"):
        Trainer(replace(quiet, steps=3, resume="auto"))


def test_a_path_to_resume_does_not_write_over_another_run(quiet, tmp_path):
    first, other = replace(quiet, steps=1), replace(quiet, steps=1, out=tmp_path / "other", seed=9)
    for config in (first, other):
        Trainer(config).run()
    with pytest.raises(InputError, match="already holds a run"):
        Trainer(replace(first, out=other.out, resume=str(first.out / LAST), steps=2))


def test_a_resumed_run_does_not_need_the_weights_it_started_from(quiet, tmp_path):
    Trainer(replace(quiet, steps=1, out=tmp_path / "first")).run()
    start = tmp_path / "first" / "best.safetensors"
    second = replace(quiet, steps=1, out=tmp_path / "second", weights=start)
    Trainer(second).run()
    start.unlink()
    assert Trainer(replace(second, steps=2, resume="auto")).state.step == 1


def test_a_run_that_goes_on_asks_for_no_published_weights(quiet, monkeypatch):
    model = Choice("attention", {"size": "lite0", "pretrained": True})
    begun = replace(quiet, model=model, steps=1)
    Trainer(begun).run()
    for name in ("packaged_weights", "_ask_for_weights"):
        monkeypatch.setattr(f"students.pretrained.{name}", lambda *_: pytest.fail("somebody is asked"))
    Trainer(replace(begun, steps=2, resume="auto")).run()
    assert read_checkpoint(begun.out / "last.safetensors")[0].step == 2
