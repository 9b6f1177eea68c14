"""Every recipe runs, and every command of the README is understood."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from distill.commands import average, bench, cache, data, demo, export, inspect, predict, report, train
from distill.commands import eval as evaluation
from distill.commands.cli import load_config
from distill.training.config import TrainConfig

RECIPES = sorted(path.name for path in (files("distill") / "recipes").iterdir() if path.name.endswith(".yaml"))
COMMANDS = {
    "distill-average": average,
    "distill-bench": bench,
    "distill-cache": cache,
    "distill-data": data,
    "distill-demo": demo,
    "distill-eval": evaluation,
    "distill-export": export,
    "distill-inspect": inspect,
    "distill-predict": predict,
    "distill-report": report,
    "distill-train": train,
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe_opens_with_its_command_and_trains(recipe, tiny_synthetic, tmp_path):
    path = files("distill") / "recipes" / recipe
    assert f"--config distill/recipes/{recipe}" in path.read_text()
    overrides = {
        "data.root": tiny_synthetic,
        "data.workers": 0,
        "out": tmp_path / "run",
        "steps": 2,
        "batch_size": 2,
        "input_size": 64,
        "loss.alpha": 0,
        "log.minival_images": 2,
        "log.images_every": 0,
        "log.histograms_every": 0,
    }
    config = load_config(TrainConfig, path, overrides)
    figures, steps = train.train(config)
    assert "ap" in figures
    stages = [tmp_path / "run" / name for name in config.stages] or [tmp_path / "run"]
    assert steps == 2 * len(stages) and all((stage / "last.safetensors").exists() for stage in stages)


def readme_commands(repository: Path) -> list[list[str]]:
    """The distill- commands in the README's and the recipes' code, split into words."""
    pages = [repository / "README.md", repository / "mobile" / "README.md", *sorted((repository / "docs").glob("*.md"))]
    texts = [page.read_text() for page in pages]
    texts += [(repository / "distill" / "recipes" / recipe).read_text().replace("\n#", "\n") for recipe in RECIPES]
    text = "\n".join(texts).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in re.findall(r"^\s*(distill-[a-z]+ .*)$", text, re.M)]


def test_the_commands_that_are_shown_are_understood(repository, capsys):
    """Each is parsed with --print_config, which checks every option and does nothing."""
    shown = readme_commands(repository)
    assert {words[0] for words in shown} >= set(COMMANDS) - {"distill-demo"}
    for name, *words in shown:
        with pytest.raises(SystemExit) as leaving:
            COMMANDS[name].main([*words, "--print_config"])
        assert leaving.value.code == 0, f"{name} {words}: {capsys.readouterr().err}"
