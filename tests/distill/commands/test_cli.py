"""Configuration from command line and file, exit codes, one line for every mistake."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cache.errors import StoreError
from distill.commands.cli import command, commands, load_config
from distill.system.errors import InputError
from mobile.errors import ExportError
from teachers.errors import WeightsError


@dataclass(frozen=True)
class Inner:
    """Inner settings."""

    loud: bool = False
    "Whether to shout."
    size: int = 3
    "How large, pixels."


@dataclass(frozen=True)
class Config:
    """Do the thing."""

    target: Path
    "What to do it to."
    inner: Inner = field(default_factory=Inner)
    "Inner settings."
    quick: bool = False
    "Whether to hurry."

    def __post_init__(self):
        if self.inner.size < 1:
            raise InputError(f"inner.size must be at least 1, not {self.inner.size}")


@pytest.fixture
def call():
    """Run the command and return its exit code and the configuration it was called with."""

    def call(*argv, action=lambda config: None):
        seen = []

        def act(config):
            seen.append(config)
            action(config)

        code = command("tool", "A tool.", Config, act, list(argv))
        return code, seen[0] if seen else None

    return call


def test_positional_options_and_defaults(call):
    assert call("x", "--inner.size", "5") == (0, Config(Path("x"), Inner(size=5)))


@pytest.mark.parametrize(
    "argv",
    [("--quick", "x"), ("x", "--quick"), ("x", "--quick", "true"), ("x", "--quick=true"), ("--quick", "true", "x")],
)
def test_flags_need_no_value(call, argv):
    assert call(*argv) == (0, Config(Path("x"), quick=True))


def test_nested_flags_and_flags_turned_off(call):
    assert call("x", "--inner.loud", "--quick", "false")[1] == Config(Path("x"), Inner(loud=True))


def test_the_command_line_wins_over_the_file(call, tmp_path):
    (tmp_path / "c.yaml").write_text("inner: {size: 7, loud: true}\nquick: true\n")
    code, config = call("x", "--config", str(tmp_path / "c.yaml"), "--inner.size", "9")
    assert (code, config) == (0, Config(Path("x"), Inner(True, 9), True))


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ((), "target"),
        (("x", "--inner.colour", "1"), "--inner.colour"),
        (("x", "--inner.size", "wide"), "inner.size"),
        (("x", "--config", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_wrong_usage_is_one_line(call, capsys, argv, named):
    assert call(*argv)[0] == 2
    error = capsys.readouterr().err
    assert error.startswith("tool: ")
    assert named in error
    assert error.count("\n") == 1


@dataclass(frozen=True)
class Numbers:
    """Count."""

    rate: float = 0.5
    "How fast, parts."
    weights: list[float] = field(default_factory=list)
    "How much each counts, parts."


@pytest.mark.parametrize("given", ["rate: .nan", "rate: -.inf", "weights: [1, .nan]"], ids=str)
def test_numbers_are_finite(capsys, tmp_path, given):
    (tmp_path / "c.yaml").write_text(given)
    assert command("tool", "A tool.", Numbers, print, ["--config", str(tmp_path / "c.yaml")]) == 1
    name = given.partition(":")[0]
    assert re.fullmatch(rf"tool: {name}\S* must be a finite number, not .*\n", capsys.readouterr().err)


def test_unknown_key_in_a_file(call, capsys, tmp_path):
    (tmp_path / "c.yaml").write_text("inner: {colour: red}\n")
    assert call("x", "--config", str(tmp_path / "c.yaml"))[0] == 2
    assert "colour" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [InputError, StoreError, WeightsError, ExportError])
def test_what_a_user_can_mend_is_one_line(call, capsys, kind):
    def fail(config):
        raise kind("the file\nis wrong")

    assert call("x", action=fail)[0] == 1
    assert capsys.readouterr().err == "tool: the file is wrong\n"


def test_wrong_value_is_one_line(call, capsys):
    assert call("x", "--inner.size", "0")[0] == 1
    assert capsys.readouterr().err == "tool: inner.size must be at least 1, not 0\n"


def test_files_that_cannot_be_opened_are_named(call, capsys, tmp_path):
    assert call("x", action=lambda config: (tmp_path / "no" / "file").read_text())[0] == 1
    assert f"No such file or directory: {tmp_path / 'no' / 'file'}" in capsys.readouterr().err


def test_interrupt(call, capsys):
    def interrupt(config):
        raise KeyboardInterrupt

    assert call("x", action=interrupt)[0] == 130
    assert capsys.readouterr().err.startswith("tool: interrupted")


def test_faults_of_the_program_are_one_line_that_says_where(call, capsys, monkeypatch):
    def fail(config):
        return [][int(config.target.name)]

    assert call("3", action=fail)[0] == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"tool: unexpected IndexError: .* in test_cli\.py:\d+; .*DISTILL_TRACEBACK=1.*\n", error)
    monkeypatch.setenv("DISTILL_TRACEBACK", "1")
    assert call("3", action=fail)[0] == 1
    assert capsys.readouterr().err.startswith("Traceback")


def test_imports_come_before_the_other_options(call, capsys, tmp_path):
    own = tmp_path / "own.py"
    own.write_text("print('imported')\n")
    (tmp_path / "c.yaml").write_text(f"imports: [{own}]\nquick: true\n")
    assert call("x", "--config", str(tmp_path / "c.yaml"))[1] == Config(Path("x"), quick=True)
    own.write_text("print('imported', 'by option')\n")
    assert call("x", "--imports", str(own), "--quick")[1] == Config(Path("x"), quick=True)
    assert capsys.readouterr().out == "imported\nimported by option\n"
    assert call("x", "--imports", "nowhere.py")[0] == 1
    assert capsys.readouterr().err.startswith("tool: imports nowhere.py: there is no such file")


def test_sub_commands(capsys):
    seen = []
    table = {"one": (Config, seen.append), "two": (Inner, seen.append)}
    assert commands("tool", "Tools.", table, ["two", "--size", "4", "--loud"]) == 0
    assert seen == [Inner(True, 4)]
    assert commands("tool", "Tools.", table, ["three"]) == 2
    assert "three" in capsys.readouterr().err


def test_load_config(tmp_path):
    (tmp_path / "c.yaml").write_text("size: 7\n")
    assert load_config(Inner, tmp_path / "c.yaml", {"loud": "true"}) == Inner(True, 7)
    (tmp_path / "c.yaml").write_text("sizes: 7\n")
    with pytest.raises(InputError, match="sizes"):
        load_config(Inner, tmp_path / "c.yaml", {})
