"""Every console script explains itself: each setting with its meaning, unit and default."""

import configparser
import importlib
import re
from pathlib import Path

import pytest

BUILT_IN = ("-h", "--config", "--print_config")
UNITS = {
    r"size$": r"pixel|cell|image|photograph|scene|sample|byte",
    r"sigma": r"pixel|cell",
    r"(rotation|angle)$": r"degree",
    r"(steps|warm_?up|every)$": r"step|image|batch|frame",
    r"(seconds|timeout)$": r"second",
}


def console_scripts() -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(Path(__file__).parents[3] / "setup.cfg", encoding="utf-8")
    lines = parser["options.entry_points"]["console_scripts"].split("\n")
    return dict(line.split(" = ") for line in lines if line)


@pytest.fixture
def help_of(capsys, monkeypatch):
    """Function from a command and its leading arguments to what `--help` prints; it must leave with 0."""
    monkeypatch.setenv("COLUMNS", "1000")

    def call(command: str, *arguments: str) -> str:
        module, function = console_scripts()[command].split(":")
        main = getattr(importlib.import_module(module), function)
        try:
            code = main([*arguments, "--help"])
        except SystemExit as leave:
            code = leave.code
        assert not code
        return capsys.readouterr().out

    return call


def subcommands(text: str) -> dict[str, str]:
    """Names and summaries under `Available subcommands`."""
    _, _, listing = text.partition("Available subcommands:")
    return dict(re.findall(r"^ {4}([a-z][\w-]*) +(\S.*)$", listing, re.MULTILINE))


def settings(text: str) -> dict[str, str]:
    """Options and positional arguments of a help text with what is said about each."""
    joined = re.sub(r"\n {6,}", "  ", text)
    entries = re.findall(r"^  (-{0,2}[\w.]+)(?:,? \S+)*?  +(\S.*)$", joined, re.MULTILINE)
    return {name: said for name, said in entries if not name.startswith(BUILT_IN) and not name.endswith(".help")}


def check_settings(text: str) -> None:
    for name, said in settings(text).items():
        if said.startswith("YAML file with the settings that begin with"):
            continue
        prose, facts = re.fullmatch(r"(.*?) ?(\((?:required|type|default).*\))?", said).groups("")
        assert prose, f"{name} says nothing about itself: {said}"
        assert "default:" in facts or "required" in facts, f"{name} names no default: {said}"
        assert re.search("type: [a-z0-9]", facts), f"{name} names no type: {said}"
        for quantity, unit in UNITS.items():
            if re.search(quantity, name) and re.search(r"type: [a-z0-9 ]*number", facts):
                assert re.search(unit, prose, re.IGNORECASE), f"{name} names no unit: {said}"


def check_words(text: str) -> None:
    """What the command does comes first, then the usage, and no type is written as Python writes it."""
    description, usage, *_ = text.split("\n\n")
    assert re.match(r"[A-Z].*\.$", description) and usage.startswith("usage: distill-")
    facts = " ".join(re.findall(r"\((?:required|type|default)[^)]*\)", text))
    assert not re.search(r"<class|Path\b|\b(int|str|float|bool|dict|tuple|list)\b(?! of)|\| ?null|Optional", facts), (
        facts
    )


@pytest.mark.parametrize("command", console_scripts())
def test_help_gives_meaning_unit_and_default(help_of, command):
    text = help_of(command)
    names = subcommands(text)
    assert all(summary.endswith(".") for summary in names.values())
    for own in [help_of(command, name) for name in names] or [text]:
        assert settings(own)
        check_settings(own)
        check_words(own)


@pytest.mark.parametrize(
    "said", ["  --size N  (type: whole number, default: 3)", "  --size N  How big. (type: whole number, default: 3)"]
)
def test_the_check_sees_a_missing_meaning_or_unit(said):
    with pytest.raises(AssertionError, match=r"says nothing|names no unit"):
        check_settings(said)
