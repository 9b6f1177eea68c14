"""distill-bench host on small models: every figure of its JSON, its picture, and what it says of bad input."""

import json
import math

import numpy as np
import pytest
import torch

from distill.commands.bench import main
from distill.commands.export import main as export
from distill.deployment.host_bench import Stages
from distill.networks.checkpoint import save_checkpoint
from mobile.packed import unpack

SIDE = 64
FIGURES = {
    *("model", "threads", "load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "mean_ms", "runs", "peak_memory_bytes"),
    *("delegated_pieces", "whole_graph_delegated", "times_as_fast_as_first_model"),
    *("preprocess_ms", "decode_ms", "ap"),
}


@pytest.fixture(scope="module")
def models(new_network, new_info, tmp_path_factory):
    """An untrained student in float32, and the same file without the JSON that makes it ours."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    info = new_info("attention_xs", input_size=(SIDE, SIDE))
    save_checkpoint(folder / "best.safetensors", info, new_network("attention_xs").state_dict())
    own, foreign = folder / "own.tflite", folder / "foreign.tflite"
    arguments = [folder / "best.safetensors", "--out", own, "--photographs", 1]
    assert export([str(a) for a in arguments]) == 0
    foreign.write_bytes(unpack(own.read_bytes()).model)
    return own, foreign


def run(*arguments: object) -> int:
    return main(["host", *(str(a) for a in arguments)])


@pytest.mark.slow
def test_every_model_with_every_number_of_threads(models, tiny_synthetic, tmp_path, capfd):
    out, plot = tmp_path / "deep" / "bench.json", tmp_path / "plot.png"
    arguments = [
        *models,
        "--threads",
        1,
        2,
        "--runs",
        6,
        "--turns",
        3,
        "--photographs",
        2,
        "--out",
        out,
        "--plot",
        plot,
    ]
    assert run(*arguments, "--data.root", tiny_synthetic, "--limit", 4) == 0
    shown, err = capfd.readouterr()
    assert err == "" and "own.tflite" in shown and "foreign.tflite" in shown
    report = json.loads(out.read_text())
    assert report["settings"]["runs"] == 6 and report["machine"]["cores"] >= 1
    rows = report["models"]
    assert [(row["model"], row["threads"]) for row in rows] == [(str(m), n) for m in models for n in (1, 2)]
    for row in rows:
        assert row.keys() == FIGURES
        assert row["runs"] == 6 and row["delegated_pieces"] == 1 and row["whole_graph_delegated"]
        assert 0 < row["p50_ms"] <= row["p90_ms"] <= row["p99_ms"] and row["mean_ms"] > 0
        assert min(row["load_ms"], row["first_ms"], row["preprocess_ms"]) > 0
        assert 1e5 < row["peak_memory_bytes"] < 1e9
        assert math.isfinite(row["times_as_fast_as_first_model"])
        ours = row["model"] == str(models[0])
        assert (row["decode_ms"] is not None, row["ap"] is not None) == (ours, ours)
    assert [row["times_as_fast_as_first_model"] for row in rows[:2]] == [1, 1]
    assert 0 <= rows[0]["ap"] <= 1
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "plot.png"]
    assert [p.name for p in out.parent.iterdir()] == ["bench.json"]


@pytest.mark.slow
def test_a_model_with_channels_first_is_timed_as_what_it_is_and_one_of_open_size_is_refused(tmp_path, capfd):
    import litert_torch
    import tensorflow

    first, open_size = tmp_path / "first.tflite", tmp_path / "open.tflite"
    litert_torch.convert(torch.nn.Conv2d(3, 4, 3).eval(), (torch.zeros(1, 3, 32, 48),)).export(str(first))
    spec = tensorflow.TensorSpec((1, None, None, 3), tensorflow.float32)
    double = tensorflow.function(lambda image: 2 * image).get_concrete_function(spec)
    open_size.write_bytes(tensorflow.lite.TFLiteConverter.from_concrete_functions([double]).convert())
    stages = Stages(first, [np.zeros((60, 40, 3), np.uint8)])
    assert stages._letterbox(stages.photographs[0]).shape == (32, 48, 3)
    few = ("--threads", 1, "--runs", 2, "--turns", 1, "--photographs", 1)
    assert run(first, *few, "--out", tmp_path / "bench.json") == 0
    (row,) = json.loads((tmp_path / "bench.json").read_text())["models"]
    assert row["p50_ms"] > 0 and row["preprocess_ms"] > 0
    capfd.readouterr()
    assert run(open_size, *few) == 1
    out, err = capfd.readouterr()
    assert out == "" and err.strip().count("\n") == 0 and "open size [1, -1, -1, 3]" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/absent.tflite"], "absent.tflite"),
        (["{tmp}/text.tflite"], "text.tflite is no model that LiteRT can load"),
        (["{tmp}/text.tflite", "--runs", "0"], "runs must be at least 1, not 0"),
        (["{tmp}/text.tflite", "--turns", "0"], "turns must be at least 1, not 0"),
        (["{tmp}/text.tflite", "--threads", "0"], "threads at least 1"),
        (["{tmp}/text.tflite", "--plot", "{tmp}/plot.png"], "plot needs data.root"),
        (
            ["{tmp}/text.tflite", "--plot", "{tmp}/p.gif", "--data.root", "{tmp}"],
            "p.gif must end in .png, .svg or .pdf",
        ),
        (["{tmp}/text.tflite", "--data.root", "{tmp}/nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capfd, arguments, message):
    (tmp_path / "text.tflite").write_text("no model at all")
    assert run(*(a.format(tmp=tmp_path) for a in arguments)) != 0
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("distill-bench") and message in err
