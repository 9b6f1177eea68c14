"""Photographs that cannot be used, or are there twice, are found."""

import shutil

import pytest
from PIL import Image

from distill.data.checking import pictures
from distill.data.formats.registry import read_split
from distill.data.reading.findings import Findings
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


@pytest.fixture
def splits(tiny_synthetic, tmp_path):
    """Both splits of a copy of a good set, whose photographs may be spoilt."""
    root = shutil.copytree(tiny_synthetic, tmp_path / "set")
    return {name: read_split(DataSource(root, name), COCO_17) for name in ("train2017", "val2017")}


def path_of(split, row):
    return split.folder / str(split.files[row])


def looked(splits, decode=True):
    findings = Findings(splits["train2017"].folder)
    read = {name: pictures.read_pictures(split, 2, decode) for name, split in splits.items()}
    pictures.look(read, findings)
    return findings.lines()


def test_good_photographs_look_well(splits):
    assert looked(splits) == []


def test_truncated_missing_and_resized_photographs(splits):
    train = splits["train2017"]
    whole = path_of(train, 0).read_bytes()
    path_of(train, 0).write_bytes(whole[: len(whole) // 2])
    path_of(train, 1).unlink()
    Image.new("RGB", (20, 20)).save(path_of(train, 2))
    [line] = looked(splits)
    assert line.startswith("photographs of train2017 that cannot be used: 3, first ")
    [line] = looked(splits, decode=False)
    assert line.startswith("photographs of train2017 that cannot be used: 2, first ")


def test_one_photograph_twice_and_in_both_splits(splits):
    train, val = splits["train2017"], splits["val2017"]
    shutil.copy(path_of(train, 0), path_of(train, 1))
    shutil.copy(path_of(train, 2), path_of(val, 0))
    told = looked(splits)
    assert any(line.startswith("photographs that are twice in train2017: 1, first ") for line in told)
    assert any(line.startswith("photographs of train2017 and val2017 that are equal: 1, first ") for line in told)


def test_nearly_one_photograph_in_both_splits(splits):
    with Image.open(path_of(splits["train2017"], 3)) as image:
        image.save(path_of(splits["val2017"], 1), quality=40)
    [line] = looked(splits)
    assert line.startswith("photographs of train2017 and val2017 that are nearly equal: 1, first ")


def test_progress_is_told(splits):
    calls = []
    pictures.read_pictures(splits["val2017"], 2, False, lambda: calls.append(1))
    assert len(calls) == len(splits["val2017"].image_ids)
