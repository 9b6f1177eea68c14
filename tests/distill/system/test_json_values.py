"""Configurations as values that JSON knows."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from distill.system.choice import Choice
from distill.system.json_values import to_json_values
from distill.training.config import TrainConfig, TrainDataConfig


@dataclass(frozen=True)
class Inner:
    size: tuple[int, int] = (96, 64)
    place: Path = Path("a/b")


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    chosen: Choice = field(default=Choice("sgd", {"betas": (0.9, 0.99)}))
    by_name: dict = field(default_factory=lambda: {"one": Inner((1, 2)), "none": None})


def test_everything_inside_becomes_plain():
    assert to_json_values(Outer()) == {
        "inner": {"size": [96, 64], "place": "a/b"},
        "chosen": {"name": "sgd", "betas": [0.9, 0.99]},
        "by_name": {"one": {"size": [1, 2], "place": "a/b"}, "none": None},
    }


def test_a_training_comes_back_from_json_as_it_went():
    values = to_json_values(TrainConfig(data=TrainDataConfig(soft_labels="s3://bucket/labels.zarr")))
    assert json.loads(json.dumps(values)) == values
    assert values["model"] == {"name": "attention_xs"} and values["input_size"] == [256, 256]


def test_numbers_truth_and_nothing_stay():
    assert to_json_values([1, 2.5, True, None, "x"]) == [1, 2.5, True, None, "x"]
