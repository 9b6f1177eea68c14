"""Runs are written by `Logbook` and read back by TensorBoard itself."""

import io
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from distill.training.logbook import Logbook

CONFIG = {"data": {"root": "photographs", "size": (128, 96)}, "rate": 0.1, "flip": True, "weights": None}


def read(directory) -> EventAccumulator:
    return EventAccumulator(str(directory), size_guidance={"tensors": 0, "scalars": 0, "images": 0}).Reload()


def test_scalars_come_back(tmp_path):
    with Logbook(tmp_path, CONFIG) as logbook:
        for step in range(3):
            logbook.scalars(step, {"loss/heatmap": step / 2, "rate": torch.tensor(0.5)})
    events = read(tmp_path)
    assert set(events.Tags()["scalars"]) == {"loss/heatmap", "rate"}
    assert [(e.step, e.value) for e in events.Scalars("loss/heatmap")] == [(0, 0.0), (1, 0.5), (2, 1.0)]


def test_images_come_back_as_they_were(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    with Logbook(tmp_path, CONFIG) as logbook:
        logbook.images(7, {"scenes/attention": image})
    (event,) = read(tmp_path).Images("scenes/attention")
    assert event.step == 7
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(event.encoded_image_string))), image)


def test_histograms_of_parameters_and_gradients(tmp_path):
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2).bfloat16())
    network[0](torch.ones(3, 4)).sum().backward()
    with torch.no_grad():
        network[1].bias[0] = np.nan
        network[1].weight.fill_(np.inf)
    with Logbook(tmp_path, CONFIG) as logbook:
        logbook.histograms(5, network)
    events = read(tmp_path)
    assert set(events.Tags()["histograms"]) == {
        *("parameters/0.weight", "parameters/0.bias", "parameters/1.bias"),
        *("gradients/0.weight", "gradients/0.bias"),
    }
    histogram = events.Histograms("gradients/0.weight")[0].histogram_value
    assert histogram.num == 32 and histogram.min == histogram.max == 3
    assert events.Scalars("nonfinite/parameters/1.bias")[0].value == 1
    assert events.Scalars("nonfinite/parameters/1.weight")[0].value == 16


def test_configuration_is_text_in_yaml(tmp_path):
    Logbook(tmp_path, CONFIG).close()
    text = read(tmp_path).Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    block = re.fullmatch(r"```yaml\n(.*)```", text, re.DOTALL)
    assert yaml.safe_load(block[1]) == CONFIG | {"data": {"root": "photographs", "size": [128, 96]}}


def test_hparams_hold_settings_and_metrics(tmp_path):
    with Logbook(tmp_path, CONFIG) as logbook:
        logbook.scalars(40, {"loss/total": 1.0})
        logbook.hparams(CONFIG, {"ap": 0.5, "ap_large": None})
    events = read(tmp_path)
    assert "final/ap_large" not in events.Tags()["scalars"]
    assert [(e.step, e.value) for e in events.Scalars("final/ap")] == [(40, 0.5)]
    content = events.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    settings = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    assert settings["rate"].number_value == 0.1
    assert settings["data.root"].string_value == "photographs"
    assert settings["data.size"].string_value == "[128, 96]"
    assert settings["flip"].string_value == "true"
    assert settings["weights"].string_value == "null"


def test_a_resumed_run_shows_no_step_twice(tmp_path):
    with Logbook(tmp_path, CONFIG) as logbook:
        for step in range(10):
            logbook.scalars(step, {"loss": 0})
    with Logbook(tmp_path, CONFIG, purge_step=5) as logbook:
        for step in range(5, 8):
            logbook.scalars(step, {"loss": 1})
    shown = [(e.step, e.value) for e in read(tmp_path).Scalars("loss")]
    assert shown == [(step, float(step >= 5)) for step in range(8)]


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Logbook(tmp_path / "file" / "run", CONFIG)


def test_tensorflow_is_never_imported(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").write_text("raise RuntimeError('imported')")
    source = "import sys; sys.path.insert(0, sys.argv[1])\nfrom distill.training.logbook import Logbook\n"
    source += "log = Logbook(sys.argv[1] + '/run', {}); log.scalars(0, {'a': 1}); log.close()"
    subprocess.run([sys.executable, "-c", source, str(tmp_path)], check=True)


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def server(executable):
    """Function that starts a TensorBoard on loopback for a folder and returns its address."""
    started = []

    def start(directory) -> str:
        command = [executable("tensorboard"), "--logdir", directory, "--host", "127.0.0.1", "--port", "0"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        started.append(process)
        said = []
        for line in process.stderr:
            said.append(line)
            if address := re.search(r"http://127\.0\.0\.1:\d+/", line):
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return address[0]
        raise AssertionError("".join(said))

    yield start
    for process in started:
        process.terminate()
        process.wait(30)


def test_the_tensorboard_server_shows_the_run(tmp_path, server):
    with Logbook(tmp_path / "student", CONFIG) as logbook:
        logbook.scalars(1, {"loss/heatmap": 0.5})
        logbook.images(1, {"scenes/student": np.zeros((8, 8, 3), np.uint8)})
        logbook.histograms(1, torch.nn.Linear(2, 2))
        logbook.hparams(CONFIG, {"ap": 0.25})
    address = server(tmp_path)
    plugins = ("scalars", "images", "histograms", "text")
    for _ in range(120):
        tags = {name: get(f"{address}data/plugin/{name}/tags").get("student", []) for name in plugins}
        if all(tags.values()):
            break
        time.sleep(0.5)
    assert set(tags["scalars"]) >= {"loss/heatmap", "final/ap"}
    assert "scenes/student" in tags["images"]
    assert set(tags["histograms"]) == {"parameters/weight", "parameters/bias"}
    assert any("config" in tag for tag in tags["text"])
    points = get(f"{address}data/plugin/scalars/scalars?tag=loss/heatmap&run=student")
    assert [point[1:] for point in points] == [[1, 0.5]]
