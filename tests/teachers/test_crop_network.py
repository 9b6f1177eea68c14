"""Networks for one person in the kinds that people have, each made here: they see where the crop is brightest."""

import numpy as np
import onnx
import pytest
import torch
import yaml
from onnx import TensorProto, helper

from teachers.crop_network import CropDescription, CropNetwork
from teachers.errors import WeightsError

CPU = torch.device("cpu")
SIZE = (48, 64)
"Width and height of the inputs."


def save(path, nodes, outputs, shape=(1, 3, SIZE[1], SIZE[0]), kind=TensorProto.FLOAT, constants=()):
    given = [helper.make_tensor_value_info("image", kind, shape)]
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "crop", given, found, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def describe(path, **fields):
    path.with_suffix(".yaml").write_text(yaml.safe_dump({"input_size": list(SIZE), "joints": ["a", "b", "c"]} | fields))


def heatmaps(path):
    """The three channels at a quarter of the size."""
    pool = helper.make_node("AveragePool", ["image"], ["maps"], kernel_shape=[4, 4], strides=[4, 4])
    return save(path, [pool], ["maps"])


def simcc(path):
    """Sums of the three channels over rows and columns, two entries a pixel."""
    constants = [
        helper.make_tensor("twice", TensorProto.FLOAT, [3], [1, 1, 2]),
    ]
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["across"], axes=[2], keepdims=0),
        helper.make_node("ReduceMax", ["image"], ["down"], axes=[3], keepdims=0),
        helper.make_node("Resize", ["across", "", "twice"], ["x"], mode="nearest", nearest_mode="floor"),
        helper.make_node("Resize", ["down", "", "twice"], ["y"], mode="nearest", nearest_mode="floor"),
    ]
    return save(path, nodes, ["x", "y"], constants=constants)


def coordinates(path, values=((0.25, 0.5, 0.9), (0.5, 0.25, 0.8), (0.75, 0.75, 0.7))):
    """Always the same places."""
    constant = helper.make_tensor("places", TensorProto.FLOAT, [1, 3, 3], np.array(values).ravel())
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "zero"], ["nothing"]),
        helper.make_node("Add", ["places", "nothing"], ["joints"]),
    ]
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0])
    return save(path, nodes, ["joints"], constants=[constant, zero])


def photograph():
    """A black picture of 120 x 100 with a red, a green and a blue spot of 8 x 8, and the middles of these."""
    pixels, places = np.zeros((100, 120, 3), np.uint8), np.array([[30.0, 40], [70, 48], [50, 72]])
    for channel, (x, y) in enumerate(places.astype(int)):
        pixels[y - 4 : y + 4, x - 4 : x + 4, channel] = 255
    return pixels, places


@pytest.mark.parametrize(("make", "output", "within"), [(heatmaps, "heatmaps", 2.5), (simcc, "simcc", 6.0)])
@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_spots_are_found_where_they_are(tmp_path, make, output, within, channels):
    path = make(tmp_path / "net.onnx")
    describe(path, output=output, std=[255, 255, 255], margin=1.2, channels=channels)
    pixels, places = photograph()
    network = CropNetwork(path, CPU)
    found = network(pixels, np.array([24.0, 34]), np.array([76.0, 78]))
    expected = places if channels == "rgb" else places[::-1]
    assert np.abs(found[:, :2] - expected).max() < within and (found[:, 2] > 0.5).all()


def test_coordinates_are_parts_of_the_crop(tmp_path):
    path = coordinates(tmp_path / "net.onnx")
    describe(path, output="coordinates", margin=1.0)
    found = CropNetwork(path, CPU)(photograph()[0], np.array([10.0, 20]), np.array([34.0, 52]))
    assert np.allclose(found, [[16, 36, 0.9], [22, 28, 0.8], [28, 44, 0.7]], atol=1e-5)


def test_mean_deviation_and_layout(tmp_path):
    """The input itself is given back, as heatmaps of one cell a pixel."""
    nodes = [helper.make_node("Identity", ["image"], ["maps"])]
    path = save(tmp_path / "net.onnx", nodes, ["maps"])
    describe(path, output="heatmaps", mean=[1, 2, 3], std=[10, 20, 30], margin=1.0)
    network = CropNetwork(path, CPU)
    pixels = np.full((64, 48, 3), (11, 22, 33), np.uint8)
    assert np.allclose(network._values(pixels)[0, :, 0, 0], [1, 1, 1])
    assert network._values(pixels).shape == (1, 3, 64, 48)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"output": "mesh"}, "output must be heatmaps, simcc, coordinates, movenet, not 'mesh'"),
        ({"output": "heatmaps", "mean": [1]}, "mean must be 3 numbers"),
        ({"output": "heatmaps", "input_size": "large"}, "input_size must be 2 whole numbers"),
        ({"output": "heatmaps", "input_size": [192.5, 256]}, "input_size must be 2 whole numbers"),
        ({"output": "heatmaps", "std": [float("nan"), 1, 1]}, "std must be 3 numbers"),
        ({"output": "heatmaps", "margin": "wide"}, "margin must be a number, not 'wide'"),
        ({"output": "heatmaps", "margin": float("inf")}, "margin must be a number, not inf"),
        ({"output": "heatmaps", "split_ratio": True}, "split_ratio must be a number, not True"),
        ({"output": "heatmaps", "joints": "nose"}, "joints must be a list of names, not 'nose'"),
        ({"output": "heatmaps", "joints": [1, 2]}, "joints must be a list of names"),
        ({"output": "heatmaps", "std": [0, 1, 1]}, "must be above 0"),
        ({"output": "heatmaps", "colour": "rgb"}, "must be a mapping with output, input_size"),
        ({}, "output"),
    ],
)
def test_descriptions_that_are_wrong_are_one_line(tmp_path, fields, message):
    path = heatmaps(tmp_path / "net.onnx")
    describe(path, **fields)
    with pytest.raises(WeightsError, match=message) as caught:
        CropNetwork(path, CPU)
    assert "net.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_cannot_be_used_are_one_line(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.onnx cannot be read"):
        CropNetwork(tmp_path / "none.onnx", CPU)
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match=r"text\.onnx is no readable ONNX network"):
        CropNetwork(tmp_path / "text.onnx", CPU)
    with pytest.raises(WeightsError, match=r"net\.yaml is missing; write there what the network beside it takes"):
        CropNetwork(heatmaps(tmp_path / "net.onnx"), CPU)
    (tmp_path / "net.yaml").write_text("output: [")
    with pytest.raises(WeightsError, match=r"net\.yaml is no YAML"):
        CropNetwork(tmp_path / "net.onnx", CPU)


def test_outputs_of_another_kind_are_one_line(tmp_path):
    path = heatmaps(tmp_path / "net.onnx")
    pixels, corners = photograph()[0], (np.zeros(2), np.full(2, 60.0))
    describe(path, output="simcc")
    with pytest.raises(WeightsError, match="what the network gives is no simcc"):
        CropNetwork(path, CPU)(pixels, *corners)
    describe(path, output="heatmaps", joints=["a", "b"])
    with pytest.raises(WeightsError, match="the network finds 3 joints, and its description names 2"):
        CropNetwork(path, CPU)(pixels, *corners)


def test_thunder_needs_no_description(shared):
    description = CropNetwork(shared / "real" / "teachers" / "movenet-thunder.onnx", CPU).description
    assert isinstance(description, CropDescription)
    assert (description.output, description.input_size, description.layout) == ("movenet", (256, 256), "nhwc")


def test_a_description_beside_thunder_counts(shared, tmp_path):
    path = tmp_path / "thunder.onnx"
    path.symlink_to((shared / "real" / "teachers" / "movenet-thunder.onnx").resolve())
    path.with_suffix(".yaml").write_text("{output: movenet, input_size: [256, 256], layout: nhwc, margin: 1.25}")
    assert CropNetwork(path, CPU).description.margin == 1.25
    path.with_suffix(".yaml").write_text("{output: movenet, input_size: [-3, 2]}")
    with pytest.raises(WeightsError, match=r"thunder\.yaml: input_size, std, margin and split_ratio must be above 0"):
        CropNetwork(path, CPU)
