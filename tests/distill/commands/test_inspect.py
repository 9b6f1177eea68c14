"""distill-inspect on public models that are not ours, and its page in a real browser."""

import subprocess

import pytest

from distill.commands.inspect import main

MOVENET = "movenet_single_pose_lightning_ptq.tflite"
POSENET = "posenet_mobilenet_v1_075_481_641_16_quant_nodecoder.tflite"


@pytest.mark.parametrize(("name", "operator"), [(MOVENET, "CONV_2D"), (POSENET, "DEPTHWISE_CONV_2D")])
def test_peers_are_summarised(shared, capfd, name, operator):
    path = shared / "peers" / name
    assert main([str(path)]) == 0
    out, err = capfd.readouterr()
    assert err == "" and f"{path.stat().st_size:,} bytes" in " ".join(out.split())
    assert operator in out and "UINT8" in out.upper()


@pytest.mark.slow
def test_page_opens_in_a_browser(shared, executable, tmp_path):
    page = tmp_path / "page.html"
    assert main([str(shared / "peers" / MOVENET), "--html", str(page)]) == 0
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    ran = subprocess.run(
        [executable("chromium"), *options, page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    assert "<table" in ran.stdout and "CONV_2D" in ran.stdout


def test_what_is_no_model_is_one_line(tmp_path, capsys):
    path = tmp_path / "text.tflite"
    path.write_text("no model")
    assert main([str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("distill-inspect: ") and err.count("\n") == 1
