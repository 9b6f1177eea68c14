"""distill-report on a training, its analysis, labels and export; the page in a real browser."""

import json
import re

import pytest
import torch

from distill.commands import eval as evaluation
from distill.commands import export, train
from distill.commands.report import main
from distill.networks.checkpoint import read_checkpoint
from distill.reporting.runs import read_run


@pytest.fixture(scope="module")
def run(tiny_synthetic, tmp_path_factory):
    """Folder of a short training with two cycles of the learning rate, and its analysis."""
    torch.manual_seed(0)
    out = tmp_path_factory.mktemp("runs") / "first <run>"
    options = {
        "--data.root": tiny_synthetic,
        "--input_size": 64,
        "--steps": 6,
        "--batch_size": 4,
        "--data.workers": 0,
        "--loss.alpha": 0,
        "--schedule.name": "sgdr",
        "--schedule.period": 2,
        "--schedule.warmup": 0,
        "--log.scalars_every": 1,
        "--log.minival_every": 3,
        "--log.minival_images": 4,
        "--out": out,
    }
    assert train.main([str(word) for pair in options.items() for word in pair]) == 0
    arguments = ["--data.root", tiny_synthetic, "--limit", 4, "--bootstrap", 20, "--analyse", out / "analysis"]
    assert evaluation.main([str(a) for a in (out / "last.safetensors", *arguments)]) == 0
    return out


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    model = folder / "student.tflite"
    assert export.main([str(run / "last.safetensors"), "--out", str(model), "--photographs", "1"]) == 0
    path = folder / "new" / "report.html"
    assert main([str(run), "--models", str(model), "--out", str(path)]) == 0
    return path


def failure(capsys, *arguments: object) -> str:
    """The one line that the command prints when it fails."""
    assert main([str(a) for a in arguments]) != 0
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("distill-report: ")
    return err


def test_the_page_needs_no_network_and_holds_figures_hashes_and_settings(page, run):
    text = page.read_text()
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", text) and "http" not in text.replace("www.w3.org", "")
    analysis = json.loads((run / "analysis" / "analysis.json").read_text())
    assert analysis["model_sha256"] in text and analysis["annotation_sha256"] in text
    assert text.count("data:image/jpeg;base64,") == len(analysis["worst"])
    assert "first &lt;run&gt;" in text and "first <run>" not in text
    assert "student.tflite" in text and "period: 2" in text and 'class="mark"' in text


def test_the_settings_that_it_shows_are_those_of_the_training(run, tmp_path):
    shown = tmp_path / "run.yaml"
    shown.write_text(read_run(run).settings)
    assert train.main(["--config", str(shown), "--out", str(tmp_path / "again")]) == 0
    first, again = (read_checkpoint(folder / "last.safetensors")[0] for folder in (run, tmp_path / "again"))
    assert first.identity == again.identity and first.step == again.step == 6


@pytest.mark.slow
def test_the_page_works_in_a_browser(page, executable, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By

    options = webdriver.ChromeOptions()
    options.binary_location = str(executable("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(str(executable("chromedriver")))
    with webdriver.Chrome(options=options, service=service) as browser:
        browser.get(page.as_uri())
        truth = browser.find_element(By.CSS_SELECTOR, ".worst g.truth")
        assert truth.is_displayed()
        box = browser.find_element(By.CSS_SELECTOR, "[data-layer=truth]")
        box.click()
        assert not truth.is_displayed() and not box.is_selected()
        ActionChains(browser).send_keys("t").perform()
        assert truth.is_displayed() and box.is_selected()
        details = browser.find_element(By.TAG_NAME, "details")
        summary = details.find_element(By.TAG_NAME, "summary")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", summary)
        summary.click()
        assert details.find_element(By.TAG_NAME, "pre").is_displayed()
        ground = "return getComputedStyle(document.querySelector('nav')).backgroundColor"
        colours = set()
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            colours.add(browser.execute_script(ground))
        assert len(colours) == 2
        wide = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        browser.set_window_size(500, 900)
        assert browser.execute_script(wide)
        assert len(browser.print_page()) > 10_000
        assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_a_run_that_has_only_begun_has_a_page(run, tmp_path):
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "last.safetensors").write_bytes((run / "last.safetensors").read_bytes())
    assert main([str(begun), "--out", str(tmp_path / "report.html")]) == 0
    assert "begun" in (tmp_path / "report.html").read_text()


def test_what_is_no_source_is_one_line(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "analysis.json").write_text('{"precision_recall": []}')
    (tmp_path / "cut.json").write_text('{"machine"')
    assert "is no folder" in failure(capsys, tmp_path / "missing")
    assert "holds no last.safetensors" in failure(capsys, tmp_path / "empty")
    assert "must end in .html" in failure(capsys, run, "--out", "report.pdf")
    out = ("--out", tmp_path / "report.html")
    assert "analysis.json does not exist" in failure(capsys, run, "--analyses", tmp_path / "empty", *out)
    assert "is no analysis of this version" in failure(capsys, run, "--analyses", tmp_path / "wrong", *out)
    assert "is no report of distill-bench host" in failure(capsys, run, "--benchmarks", tmp_path / "cut.json", *out)
    assert "none.zarr" in failure(capsys, run, "--stores", tmp_path / "none.zarr", *out)
    assert "none.tflite does not exist" in failure(capsys, run, "--models", tmp_path / "none.tflite", *out)
    assert not (tmp_path / "report.html").exists()
