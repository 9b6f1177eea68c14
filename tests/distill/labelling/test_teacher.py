import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from distill.labelling.teacher import check_teacher, load_teacher
from distill.networks.checkpoint import save_checkpoint
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError


def test_trained_and_published_weights_are_read(untrained, untrained_weights, tmp_path):
    published = tmp_path / "published.pth"
    torch.save(untrained.state_dict(), published)
    photographs = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3), dtype=np.uint8)
    settings = {"input_size": 128, "flip": False, "device": "cpu"}
    maps = []
    for path, offset in ((untrained_weights, 0.0), (published, 0.5)):
        loaded = load_teacher(Choice("higher_hrnet_demo", {"weights": path, **settings}), COCO_17)
        assert loaded.attributes["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert loaded.attributes["target_offset"] == offset
        maps.append(loaded.teacher(photographs))
    np.testing.assert_array_equal(maps[0].heatmaps, maps[1].heatmaps)
    # A cell of a network with floored targets means a joint half an input pixel further right and down.
    shift = maps[0].to_map[:, 2] - maps[1].to_map[:, 2]
    np.testing.assert_allclose(shift, 0.5 / 2, atol=1e-6)


def test_trained_weights_bring_their_input_size(untrained_weights):
    loaded = load_teacher(Choice("demo", {"weights": untrained_weights}), COCO_17)
    assert loaded.attributes["input_size"] == 128
    assert loaded.attributes["precision"] == ("float16" if torch.cuda.is_available() else "float32")


def test_a_teacher_that_learnt_probabilities_gives_them(new_network, new_info, tmp_path):
    """Whatever loss its heatmaps had, its labels are heatmaps and no logits."""
    torch.manual_seed(0)
    network, outputs = new_network("higher_hrnet_demo"), {"heatmaps": {"loss": "focal"}}
    path = tmp_path / "teacher.safetensors"
    save_checkpoint(path, new_info("higher_hrnet_demo", outputs=outputs), network.state_dict())
    settings = {"weights": path, "input_size": 128, "flip": False, "device": "cpu"}
    maps = load_teacher(Choice("demo", settings), COCO_17).teacher(np.zeros((1, 96, 128, 3), np.uint8))
    assert maps.heatmaps.min() > 0 and maps.heatmaps.max() < 0.1


def test_lower_precision_changes_little(untrained_weights):
    photographs = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    maps = [
        load_teacher(
            Choice("demo", {"weights": untrained_weights, "device": "cpu", "precision": precision}), COCO_17
        ).teacher(photographs)
        for precision in ("float32", "bfloat16")
    ]
    assert maps[1].heatmaps.dtype == torch.float32
    assert not torch.equal(maps[0].heatmaps, maps[1].heatmaps)
    torch.testing.assert_close(maps[0].heatmaps, maps[1].heatmaps, atol=0.02, rtol=0.1)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("openpose", "teacher 'openpose' is unknown; choose from demo, ensemble, higher_hrnet_demo, higher_hrnet_w32"),
        ("higher_hrnet_w32", "teacher.weights is not set, and higher_hrnet_w32 needs it"),
        ({"weights": "absent.safetensors"}, "absent.safetensors does not exist"),
        ({"precision": "int8"}, "teacher.precision must be auto, float32"),
        ({"scales": []}, "teacher.scales needs positive numbers"),
        ({"input_size": 3}, "teacher.input_size must be at least 64"),
        ({"input_size": "large"}, "teacher demo: .*input_size"),
        ({"colour": "red"}, "teacher demo has no option 'colour'; its options are weights, input_size"),
    ],
)
def test_wrong_settings_are_named(choice, message):
    with pytest.raises(InputError, match=message):
        load_teacher(Choice("demo").merged(Choice.of(choice)), COCO_17)


def test_options_are_checked_before_anything_is_read():
    with pytest.raises(InputError, match="weights is not set"):
        check_teacher(Choice("higher_hrnet_w48", {"flip": False}))
    _, own, common = check_teacher(Choice("higher_hrnet_w48", {"weights": "absent.pth", "device": "cpu"}))
    assert (own, common.device) == ({"weights": Path("absent.pth")}, "cpu")


def test_checkpoint_of_another_network_is_refused(untrained_weights):
    with pytest.raises(InputError, match=r"holds higher_hrnet_demo, but teacher\.name is higher_hrnet_w32"):
        load_teacher(Choice("higher_hrnet_w32", {"weights": untrained_weights}), COCO_17)


def test_absent_device_is_refused(untrained_weights):
    with pytest.raises(InputError, match=r"device 'cuda:77' cannot be used"):
        load_teacher(Choice("demo", {"weights": untrained_weights, "device": "cuda:77"}), COCO_17)
