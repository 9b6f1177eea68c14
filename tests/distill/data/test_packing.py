"""Photographs packed into one file: the same people at the same places, resumed, and refused where it does not fit."""

import json
import shutil
import zipfile

import cv2
import numpy as np
import pytest

from distill.commands.data import main
from distill.data import packing
from distill.data.augment import AugmentConfig
from distill.data.keypoint_set import KeypointSet
from distill.data.packing import PackedPhotographs, Packing, pack
from distill.data.source import DataSource
from distill.data.training_samples import TrainingSamples
from distill.pose.skeleton import COCO_17
from distill.system.errors import InputError


@pytest.fixture(scope="module")
def data(shared):
    return KeypointSet(DataSource(shared / "coco_mini", "train2017"), COCO_17)


@pytest.fixture(scope="module")
def packed(data, tmp_path_factory):
    """The set with short sides of 256 pixels, by two parts and the command."""
    out = tmp_path_factory.mktemp("pack") / "photographs.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "PART", 60)
        root = str(data.source.root)
        assert main(["pack", "--data.root", root, "--out", str(out), "--packing.short_side", "256"]) == 0
    return out


def test_photographs_are_smaller_and_whole(data, packed):
    read = PackedPhotographs(packed, data)
    for image_id in data.image_ids[::7].tolist():
        pixels, size = read(image_id), np.array(data.size(image_id))
        assert min(pixels.shape[:2]) == min(256, *size)
        shown = cv2.resize(data.photograph(image_id), pixels.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert np.abs(shown.astype(float) - pixels).mean() < 8
    assert packed.stat().st_size < 0.5 * sum(data.path(i).stat().st_size for i in data.image_ids.tolist())
    assert [path.name for path in packed.parent.iterdir()] == [packed.name]


def test_samples_of_a_pack_are_those_of_the_photographs(data, packed):
    size, augment = (192, 192), AugmentConfig()
    own = TrainingSamples(data, size, augment, seed=3)
    other = TrainingSamples(data, size, augment, seed=3, packed=PackedPhotographs(packed, data))
    for image_id in data.image_ids[::9].tolist():
        one, two = own[0, image_id], other[0, image_id]
        for name in ("keypoints", "masks", "matrix", "persons"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        a, b = (cv2.blur(sample.image, (5, 5)).astype(float) for sample in (one, two))
        apart = np.abs(a - b).mean()
        assert apart < 4
        assert apart < min(np.abs(np.roll(a, by, axis) - b).mean() for axis in (0, 1) for by in (-2, 2))


def test_small_photographs_are_taken_as_they_are(tiny_synthetic, tmp_path):
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    assert pack(data, tmp_path / "pack.zip", Packing())
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        for image_id in data.image_ids.tolist():
            assert archive.read(f"{image_id}.jpg") == data.path(image_id).read_bytes()


def test_a_stopped_packing_goes_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "PART", 20)
    out, asked, encoded = tmp_path / "pack.zip", [], []
    real = packing._encoded
    monkeypatch.setattr(packing, "_encoded", lambda *given: encoded.append(given[1]) or real(*given))

    def stop() -> bool:
        asked.append(0)
        return len(asked) > 50

    assert not pack(data, out, Packing(128), stop=stop)
    assert not out.exists()
    before = set(encoded[:40])
    encoded.clear()
    assert pack(data, out, Packing(128))
    assert not before & set(encoded)
    assert len(PackedPhotographs(out, data)._ids) == len(data)


def test_parts_of_another_packing_are_not_mixed(data, tmp_path):
    assert not pack(data, tmp_path / "pack.zip", Packing(128), stop=lambda: True)
    with pytest.raises(InputError, match="holds parts of another set or packing; remove it"):
        pack(data, tmp_path / "pack.zip", Packing(160))


def test_a_pack_of_another_set_is_refused(packed, shared):
    val = KeypointSet(DataSource(shared / "coco_mini", "val2017"), COCO_17)
    with pytest.raises(InputError, match=r"was made of another set .*; pack that one"):
        PackedPhotographs(packed, val)


@pytest.mark.parametrize("damage", ["cut", "text", "absent", "other", "empty"])
def test_what_is_no_pack_is_one_line(packed, data, tmp_path, damage):
    path = tmp_path / "pack.zip"
    if damage == "cut":
        path.write_bytes(packed.read_bytes()[:-100])
    elif damage == "text":
        path.write_text("no archive")
    elif damage == "other":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("pack.json", json.dumps([]))
    elif damage == "empty":
        with zipfile.ZipFile(packed) as whole, zipfile.ZipFile(path, "w") as archive:
            archive.writestr("pack.json", whole.read("pack.json"))
    with pytest.raises(InputError, match=r"pack.zip (is no pack of|was made of another set|holds 0 photographs of)"):
        PackedPhotographs(path, data)


def test_a_damaged_photograph_names_itself(packed, data, tmp_path):
    path = tmp_path / "pack.zip"
    shutil.copy(packed, path)
    read = PackedPhotographs(path, data)
    offset = int(read._offsets[5])
    with path.open("r+b") as file:
        file.seek(offset + 30)
        file.write(bytes(2000))
    with pytest.raises(InputError, match=rf"pack.zip/{read._ids[5]}.jpg cannot be read as a photograph"):
        read(int(read._ids[5]))


@pytest.mark.parametrize(("option", "value"), [("short_side", 8), ("quality", 0)])
def test_wrong_settings_are_one_line(option, value, tiny_synthetic, tmp_path, capsys):
    arguments = ["pack", "--data.root", str(tiny_synthetic), "--out", str(tmp_path / "p.zip")]
    assert main([*arguments, f"--packing.{option}", str(value)]) == 1
    assert f"{option} must" in capsys.readouterr().err
