import importlib.util
import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from teachers.errors import WeightsError
from teachers.higher_hrnet import by_short_name
from teachers.official import load_official

DEMO = "higher_hrnet_demo"


def mmpose(state, head):
    in_head = ("final_layers.", "deconv_layers.")
    return {(head if key.startswith(in_head) else "backbone.") + key: value for key, value in state.items()}


WRAPS = {
    "model": lambda state: {"model": state, "epoch": 3},
    "ema": lambda state: {"ema": state, "updates": 12},
    "model in state_dict": lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    "numpy": lambda state: {
        "state_dict": {key: value.numpy() if value.dim() else value for key, value in state.items()},
        "best": np.float64(0.64),
    },
    "numpy of another byte order, and numbers": lambda state: {
        key: value.numpy().astype(value.numpy().dtype.newbyteorder(">")) if value.dim() else np.int64(value)
        for key, value in state.items()
    },
    "lightning": lambda state: {
        "pytorch-lightning_version": "2.4.0",
        "state_dict": {f"student.{key}": value for key, value in state.items()} | {"criterion.weight": torch.ones(2)},
    },
    "mmpose 0": lambda state: {"meta": {"mmpose_version": "0.29"}, "state_dict": mmpose(state, "keypoint_head.")},
    "mmpose 1": lambda state: {"state_dict": mmpose(state, "head.")},
}
"Functions from a state dict to the forms in which people have it."


@pytest.fixture(scope="module")
def seeded(shared):
    """The module that fills networks with reproducible weights."""
    spec = importlib.util.spec_from_file_location("seeded_weights", shared / "golden" / "seeded_weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def state():
    """State dict of the demo's network."""
    torch.manual_seed(0)
    return by_short_name(DEMO, 17).state_dict()


def assert_filled(network, state):
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, state[key].to(value.dtype), rtol=0, atol=0)


@pytest.mark.parametrize(("width", "parameters"), [(32, 28_645_331), (48, 63_827_139)])
def test_published_networks_are_reproduced(shared, seeded, width, parameters):
    golden = shared / "golden" / f"higherhrnet_w{width}_outputs.npz"
    keys = json.loads(golden.with_name(f"higherhrnet_w{width}_keys.json").read_text())
    network = by_short_name(f"higher_hrnet_w{width}", 17).eval()
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == keys
    assert sum(p.numel() for p in network.parameters()) == parameters
    load_official(network, seeded.fill(network.state_dict()))
    with torch.inference_mode():
        maps = network(seeded.image(128, 192, 0))
    found = {"quarter": torch.cat([maps["heatmaps_s4"], maps["tags_s4"]], dim=1), "half": maps["heatmaps_s2"]}
    with np.load(golden) as expected:
        for name, values in found.items():
            assert values.shape == expected[name].shape
            assert np.abs(values.numpy() - expected[name]).max() <= 1e-4 * np.abs(expected[name]).max()


@pytest.mark.parametrize(
    "prefix", ["", "1.", "module.", "module.1.", "model.", "_orig_mod.", "module._orig_mod.", "net.", "model.1."]
)
def test_prefixes_are_accepted(state, prefix):
    network = by_short_name(DEMO, 17)
    load_official(network, {prefix + key: value for key, value in state.items()})
    assert_filled(network, state)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_are_read(state, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    network = by_short_name(DEMO, 17)
    load_official(network, path)
    assert_filled(network, state)


def test_the_old_file_format_and_a_checkpoint_of_a_training_are_read(state, tmp_path):
    path = tmp_path / "checkpoint.pth.tar"
    prefixed = {f"module.1.{key}": value for key, value in state.items()}
    content = {"epoch": 300, "model": "pose_higher_hrnet", "state_dict": prefixed, "optimizer": {"state": {}}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    network = by_short_name(DEMO, 17)
    load_official(network, path)
    assert_filled(network, state)


def test_half_precision_is_converted(state):
    network = by_short_name(DEMO, 17)
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    load_official(network, half)
    assert network.conv1.weight.dtype == torch.float32
    assert_filled(network, half)


def test_all_faults_are_listed_and_nothing_is_loaded(state):
    wrong = dict(state)
    del wrong["conv1.weight"], wrong["bn1.bias"]
    wrong |= {f"head.{i}": torch.zeros(1) for i in range(5)}
    wrong["bn1.weight"] = torch.zeros(7)
    network = by_short_name(DEMO, 17)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(WeightsError) as error:
        load_official(network, wrong)
    message = str(error.value)
    assert "2 missing (conv1.weight, bn1.bias)" in message
    assert "5 unknown (head.0, head.1, head.2, ...)" in message
    assert "1 of another shape (bn1.weight (7,) for (64,))" in message
    assert "\n" not in message
    assert_filled(network, before)


def test_another_number_of_joints_is_refused(state):
    with pytest.raises(WeightsError, match=r"of another shape \(final_layers"):
        load_official(by_short_name(DEMO, 14), state)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"no checkpoint at all", b"PK\x03\x04 torn"])
def test_files_that_are_no_checkpoint_are_named_in_one_line(suffix, content, tmp_path):
    path = tmp_path / f"broken{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.") as error:
        load_official(by_short_name(DEMO, 17), path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(state, suffix, tmp_path):
    path = tmp_path / f"weights{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WeightsError, match="cannot be read as a checkpoint"):
        load_official(by_short_name(DEMO, 17), path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3, "conv1.weight": torch.zeros(1)}, torch.zeros(2)])
def test_other_content_is_refused(content, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match="state dict"):
        load_official(by_short_name(DEMO, 17), path)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(torch.nn.Linear(1, 1), path)
    with pytest.raises(WeightsError, match=r"a pickled torch\.nn\.modules\.linear\.Linear.*save.*state_dict"):
        load_official(by_short_name(DEMO, 17), path)


@pytest.mark.parametrize("wrap", WRAPS)
def test_wrapped_state_dicts_are_found(state, wrap, tmp_path):
    path = tmp_path / "weights.pth.tar"
    torch.save(WRAPS[wrap](state), path)
    network = by_short_name(DEMO, 17)
    load_official(network, path)
    assert_filled(network, state)


def test_a_moving_average_is_preferred(state):
    network = by_short_name(DEMO, 17)
    load_official(network, {"model": {key: value * 0 for key, value in state.items()}, "ema": state})
    assert_filled(network, state)


def test_of_another_width_or_number_of_joints_it_says_which(state):
    with pytest.raises(WeightsError, match=r"it knows 17 joints, not 14: name its skeleton") as error:
        load_official(by_short_name(DEMO, 14), state)
    assert "\n" not in str(error.value)
    narrow = by_short_name("higher_hrnet_w32", 17).state_dict()
    with pytest.raises(WeightsError, match=r"it is 32 channels wide, not 48: name the teacher of that width"):
        load_official(by_short_name("higher_hrnet_w48", 17), narrow)


@pytest.mark.parametrize("value", [np.array([torch.nn.Linear(1, 1)], dtype=object), np.ones(3, np.longdouble), 3])
def test_values_that_are_no_weights_are_named(state, value, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(state | {"conv1.weight": value}, path)
    with pytest.raises(WeightsError, match=r"weights\.pth") as error:
        load_official(by_short_name(DEMO, 17), path)
    assert "\n" not in str(error.value)
