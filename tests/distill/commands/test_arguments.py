"""What is chosen by name takes options from defaults, files and the command line; the later wins."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.commands.arguments import as_words
from distill.commands.cli import command, load_config
from distill.system.choice import Choice
from distill.system.errors import InputError

_spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("made_up.py"))
made_up = importlib.util.module_from_spec(_spec)
sys.modules["made_up"] = made_up
_spec.loader.exec_module(made_up)
MadeUp = made_up.MadeUp


def parsed(*words: str, code: int = 0):
    seen = []
    assert command("tool", "A tool.", MadeUp, seen.append, list(words)) == code
    return seen[0] if seen else None


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("", Choice("attention")),
        ("--model attention_s", Choice("attention_s")),
        ("--model=plain", Choice("plain")),
        ("--model.name plain", Choice("plain")),
        ("--model attention --model.size s --model.gate tanh", Choice("attention", {"size": "s", "gate": "tanh"})),
        ("--model.size s --model attention", Choice("attention", {"size": "s"})),
        ("--model.size s --model.size m", Choice("attention", {"size": "m"})),
        ("--model {name:attention,size:s} --model.size m", Choice("attention", {"size": "m"})),
        ("--model.size m --model {name:attention,size:s}", Choice("attention", {"size": "s"})),
        ("--model plain --model.depth 5", Choice("plain", {"depth": 5})),
        ("--model.depth 5 --model plain", Choice("plain", {"depth": 5})),
        ("--model.widths 8 16 24", Choice("attention", {"widths": [8, 16, 24]})),
        ("--model.widths [8,16]", Choice("attention", {"widths": [8, 16]})),
        ("--model.flip", Choice("attention", {"flip": True})),
        ("--model.flip --model.size s", Choice("attention", {"flip": True, "size": "s"})),
        ("--model.flip false", Choice("attention", {"flip": False})),
        ("--model.flip=false", Choice("attention", {"flip": False})),
    ],
)
def test_a_choice_and_its_options(words, model):
    assert parsed(*_yaml(words)).model == model


@pytest.mark.parametrize(
    ("words", "schedule"),
    [
        ("", Choice("cosine", {"peak": 0.2})),
        ("--learning.schedule.peak 1e-3", Choice("cosine", {"peak": 0.001})),
        ("--learning.schedule.period 7", Choice("cosine", {"peak": 0.2, "period": 7})),
        ("--learning.schedule.peak -0.5", Choice("cosine", {"peak": -0.5})),
        ("--learning.schedule constant", Choice("constant")),
    ],
)
def test_options_without_a_name_go_to_the_default_also_in_a_nested_configuration(words, schedule):
    assert parsed(*words.split()).learning.schedule == schedule


@pytest.mark.parametrize(
    ("words", "outputs"),
    [
        ("", {"heatmaps": {}, "tags": {"pull": 0.5}}),
        ("--outputs.tags.pull 0.25", {"heatmaps": {}, "tags": {"pull": 0.25}}),
        ("--outputs.heatmaps.sigma 1.5", {"heatmaps": {"sigma": 1.5}, "tags": {"pull": 0.5}}),
        ("--outputs {heatmaps:{}}", {"heatmaps": {}}),
        ("--outputs={heatmaps:{sigma:1}} --outputs.tags {pull:2}", {"heatmaps": {"sigma": 1}, "tags": {"pull": 2}}),
    ],
)
def test_a_mapping_takes_entries_and_their_options(words, outputs):
    assert parsed(*_yaml(words)).outputs == outputs


def _yaml(words: str) -> list[str]:
    """Words parted at spaces, with the space after a colon and a comma that YAML wants."""
    return [re.sub(r"([:,])(?! )", r"\1 ", word) for word in words.split()]


@pytest.fixture
def file(tmp_path):
    """Function that writes a configuration file and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_file_gives_words_and_mappings_and_replaces_outputs(file):
    path = file("model: attention_s\nlearning: {schedule: {peak: 3e-2}}\noutputs: {heatmaps: {sigma: 1.0}}\n")
    config = parsed("--config", path)
    assert config.model == Choice("attention_s")
    assert config.learning.schedule == Choice("cosine", {"peak": 0.03})
    assert config.outputs == {"heatmaps": {"sigma": 1.0}}


def test_options_go_to_what_the_file_chose_and_the_later_wins(file):
    path = file("model: {name: attention, size: m, gate: tanh}\noutputs: {tags: {pull: 1.0}}\n")
    assert parsed("--config", path, "--model.size", "s").model.plain() == {
        "name": "attention",
        "size": "s",
        "gate": "tanh",
    }
    assert parsed("--model.size", "s", "--config", path).model.options["size"] == "m"
    assert parsed("--config", path, "--model", "plain").model == Choice("plain")
    assert parsed("--config", path, "--outputs.tags.pull", "2").outputs == {"tags": {"pull": 2}}
    assert parsed("--outputs.tags.pull", "2", "--config", path).outputs == {"tags": {"pull": 1.0}}


def test_a_section_from_a_file_or_a_mapping(file):
    assert parsed("--learning", file("schedule: constant\n")).learning.schedule == Choice("constant")
    assert parsed("--learning", "{schedule: {peak: 3}}").learning.schedule == Choice("cosine", {"peak": 3})


@pytest.mark.parametrize(("words", "size"), [("320 256", (320, 256)), ("320", 320), ("[320,256]", (320, 256))])
def test_one_number_or_several(words, size):
    config = parsed("--input_size", *words.split(), "--model.size", "s")
    assert (config.input_size, config.model.options) == (size, {"size": "s"})


def test_options_of_no_known_registry_are_taken_as_they_are():
    config = parsed("--other.flip", "--other.name", "mine", "--other.list", "[1, a]", "--other.neck.width", "3")
    assert config.other == Choice("mine", {"flip": True, "list": [1, "a"], "neck": {"width": 3}})


def test_an_unknown_name_is_one_line(capsys):
    assert parsed("--model", "nosuch", "--model.size", "s", code=1) is None
    assert capsys.readouterr().err.startswith("tool: model 'nosuch' is unknown; choose from attention, ")


def test_load_config_takes_the_same_names(file):
    overrides = {"model": Choice("plain"), "model.depth": 4, "learning.schedule.peak": 1e-5, "outputs.tags.pull": 3}
    config = load_config(MadeUp, file("model: attention_s\n"), overrides | {"input_size": (64, 32)})
    assert config.model == Choice("plain", {"depth": 4})
    assert config.learning.schedule.options["peak"] == 1e-5
    assert config.outputs["tags"] == {"pull": 3}
    assert config.input_size == (64, 32)
    with pytest.raises(InputError, match="nosuch"):
        load_config(MadeUp, file("model: plain\n"), {"nosuch": 1})


def test_what_is_printed_is_read_again(file, capsys):
    words = ["--model", "attention", "--model.widths", "8", "16", "--outputs.tags.pull", "1e-7"]
    with pytest.raises(SystemExit):
        parsed(*words, "--print_config")
    printed = capsys.readouterr().out
    assert parsed("--config", file(printed)) == parsed(*words)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(SCALARS | st.text("ab1e-.: #'"), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@given(st.dictionaries(st.sampled_from(["size", "gate", "neck"]), PLAIN))
def test_any_option_comes_through_as_it_was_given(options):
    config = parsed(*as_words({"other": {"name": "attention", **options}}))
    assert json.dumps(config.other.plain()) == json.dumps({"name": "attention", **options})


@pytest.mark.parametrize(
    ("words", "heading", "option"),
    [
        ("--model attention", "options of model attention:", "--model.size SIZE How large. (type: text, default: xs)"),
        ("--model attention_s", "options of model attention_s:", "How large. (type: text, default: s)"),
        ("--model.name=plain", "options of model plain:", "DEPTH Layers. (type: whole number, default: 3)"),
        ("--model.size m", "options of model attention:", "How large. (type: text, default: m)"),
        ("", "options of schedule cosine:", "Highest rate. (type: number, default: 0.2)"),
        (
            "",
            "options of outputs tags:",
            "PULL Weight of the pull loss. (type: number, default: 0.5)",
        ),
        ("--learning.schedule constant", "options of schedule constant: it has none", ""),
        ("", "--model MODEL What learns. (type: one of attention, attention_s, plain, default: attention)", ""),
    ],
)
def test_help_shows_the_options_of_what_is_chosen(capsys, words, heading, option):
    with pytest.raises(SystemExit) as leaving:
        parsed(*words.split(), "--help")
    assert leaving.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert heading in text
    assert option in text.partition(heading)[2]
    assert "options of other" not in text
