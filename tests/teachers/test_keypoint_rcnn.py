"""Keypoint R-CNN: where its joints lie, which files it takes, and its head for other joints."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models.detection.roi_heads import heatmaps_to_keypoints, keypoints_to_heatmap

from distill.pose.skeleton import COCO_17, get_skeleton
from teachers.errors import WeightsError
from teachers.keypoint_rcnn import PREDICTOR, KeypointRcnn, load_network, make_network, widen


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return make_network(17, 64)


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "keypoint_rcnn.pth"
    torch.save(network.state_dict(), path)
    return path


def test_its_places_are_those_that_it_is_taught():
    """What torchvision encodes and decodes again has no bias, so its places are COCO's indices as they are taught."""
    generator = torch.Generator().manual_seed(0)
    rois = torch.tensor([[10.0, 20.0, 150.0, 188.0]])
    taught = torch.rand(1, 400, 3, generator=generator) * torch.tensor([140.0, 168.0, 0]) + torch.tensor([10.0, 20, 1])
    cells, _ = keypoints_to_heatmap(taught, rois, 56)
    maps = torch.zeros(1, 400, 56 * 56).scatter_(2, cells[..., None], 1.0).view(1, 400, 56, 56)
    found, _ = heatmaps_to_keypoints(maps, rois)
    error = (found - taught)[0, :, :2].numpy()
    assert np.abs(error.mean(axis=0)).max() < 0.15 and np.abs(error).max() < 4


@pytest.mark.slow
def test_photographs_are_looked_at(weights, surroundings, shared):
    given = surroundings(COCO_17.flip_index)
    teacher = KeypointRcnn(given, weights=weights, short_side=64, confidence=0.0)
    photographs = np.random.default_rng(0).integers(0, 255, (2, 50, 70, 3), np.uint8)
    answer = teacher(photographs)
    assert len(answer.persons) == len(answer.scores) == 2
    for persons, scores in zip(answer.persons, answer.scores, strict=True):
        assert persons.shape == (len(scores), 17, 3) and len(scores) and np.isfinite(persons).all()
        assert persons[..., 2].min() >= 0 and persons[..., 2].max() <= 1
        assert persons[..., 0].max() <= 71 and persons[..., 1].max() <= 51
    assert teacher.attributes["short_side"] == 64 and len(teacher.attributes["weights_sha256"]) == 64
    wanting = KeypointRcnn(given, weights=weights, short_side=64, confidence=1.0)
    assert wanting(photographs).persons[0].shape == (0, 17, 3)


def test_a_wider_head_keeps_what_it_knew(network):
    feet = get_skeleton("coco_foot_23")
    wide = make_network(23, 64)
    wide.load_state_dict(widen(network.state_dict(), COCO_17.joints, feet.joints))
    places = [feet.joints.index(name) for name in COCO_17.joints]
    features = torch.rand(2, 512, 14, 14)
    with torch.no_grad():
        old, new = (each.roi_heads.keypoint_predictor(features) for each in (network, wide))
    torch.testing.assert_close(new[:, places], old)
    others = [place for place in range(23) if place not in places]
    assert new[:, others].std() > 0


def test_other_files_and_other_joints_are_named(network, weights, tmp_path):
    with pytest.raises(WeightsError, match=r"knows 17 joints, not 23: name its skeleton .*widen_head"):
        load_network(weights, 23)
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=f"has no {PREDICTOR}, so it is no Keypoint R-CNN"):
        load_network(tmp_path / "other.safetensors", 17)
    half = {name: value for name, value in network.state_dict().items() if not name.startswith("backbone")}
    torch.save(half, tmp_path / "half.pth")
    with pytest.raises(WeightsError, match=r"missing \(backbone"):
        load_network(tmp_path / "half.pth", 17)
    with pytest.raises(WeightsError, match="the head knows 17 joints, not 2"):
        widen(network.state_dict(), ("a", "b"), ("a",))


@pytest.mark.parametrize("options", [{"short_side": 8}, {"confidence": 2}, {"overlap": -1}])
def test_values_out_of_range_are_named(surroundings, weights, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        KeypointRcnn(surroundings(COCO_17.flip_index), weights=weights, **options)
