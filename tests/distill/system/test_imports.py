"""One's own files: imported once, in one line when they fail, and by a checkpoint only what its user chose before."""

import builtins
import hashlib
import json
import os
import subprocess
import sys

import pytest

from distill.system import imports
from distill.system.errors import InputError
from distill.system.registry import options_parser

CODE = "import builtins\nbuiltins.imported_count = getattr(builtins, 'imported_count', 0) + 1\n# {}\n"


@pytest.fixture
def times():
    """Function that says how often files with `CODE` ran."""
    builtins.imported_count = 0
    yield lambda: builtins.imported_count
    del builtins.imported_count


@pytest.fixture(autouse=True)
def another_process(monkeypatch):
    """Function after which nothing counts as imported, as in another process."""

    def clear():
        monkeypatch.setattr(imports, "_IMPORTED", {})
        monkeypatch.setattr(imports, "_CHOSEN", {})

    clear()
    return clear


@pytest.fixture
def own(tmp_path):
    """A file of one's own, of a content that no other test has."""
    file = tmp_path / "own.py"
    file.write_text(CODE.format(tmp_path))
    return file


def test_a_file_is_imported_once_and_remembered_with_its_content(own, times):
    (found,) = imports.import_files([str(own)])
    assert found.path == str(own) and found.sha256 == hashlib.sha256(own.read_bytes()).hexdigest()
    imports.import_files([str(own), str(own)])
    assert times() == 1
    assert imports.imported() == [{"given": str(own), "path": str(own), "sha256": found.sha256}]


def test_the_same_content_elsewhere_is_not_imported_again_but_another_is(own, times):
    copy = own.with_name("copy.py")
    copy.write_bytes(own.read_bytes())
    imports.import_files([str(own), str(copy)])
    assert times() == 1
    own.write_text(CODE.format("changed"))
    imports.import_files([str(own)])
    assert times() == 2


def test_a_module_by_its_name(tmp_path, monkeypatch, times):
    (tmp_path / "some_package").mkdir()
    (tmp_path / "some_package" / "__init__.py").touch()
    (tmp_path / "some_package" / "inner.py").write_text(CODE.format(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    (found,) = imports.import_files(["some_package.inner"])
    assert (times(), found.given, found.is_module) == (1, "some_package.inner", True)


def test_a_path_is_looked_for_beside_the_recipe_last(own, tmp_path, monkeypatch, times):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with pytest.raises(InputError, match="there is no such file"):
        imports.import_files(["own.py"])
    imports.import_files(["own.py"], own.parent)
    assert times() == 1


def test_docstrings_of_options_are_found(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Own:\n    size: int = 1\n    'How large.'\n"
    )
    (found,) = imports.import_files([str(file)])
    module = next(module for module in sys.modules.values() if getattr(module, "__file__", None) == found.path)
    assert "How large." in options_parser(module.Own).format_help()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef f(:\n", r"invalid syntax, .*own\.py:2$"),
        ("x = 1\n\nx.nosuch\n", r"AttributeError: 'int' object has no attribute 'nosuch', .*own\.py:3$"),
        ("import json\njson.loads('{')\n", r"JSONDecodeError: .*own\.py:2$"),
        ("import nosuch_module_at_all\n", r"ModuleNotFoundError: No module named .*own\.py:1$"),
    ],
)
def test_what_goes_wrong_inside_names_file_and_line(tmp_path, text, said):
    file = tmp_path / "own.py"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        imports.import_files([str(file)])
    assert imports.imported() == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere/own.py", "imports nowhere/own.py: there is no such file"),
        ("no_such_module.at_all", "imports no_such_module.at_all: no module of that name is installed"),
        ("sys", "imports sys: the module has no file"),
    ],
)
def test_what_is_missing_is_named(name, said):
    with pytest.raises(InputError, match=said):
        imports.import_files([name])


def test_a_remembered_file_is_imported_where_this_user_chose_it_before(own, times, another_process):
    imports.import_files([str(own)])
    remembered = imports.imported()
    imports.import_remembered(remembered, "best.safetensors")
    assert times() == 1
    another_process()
    imports.import_remembered(json.loads(json.dumps(remembered)), "best.safetensors")
    assert times() == 2
    assert imports.imported() == remembered


@pytest.mark.parametrize("fault", ["never chosen", "changed", "gone", "another sum"])
def test_a_remembered_file_is_not_run_otherwise(own, times, another_process, fault):
    imports.import_files([str(own)])
    remembered = imports.imported()
    another_process()
    if fault == "never chosen":
        imports._record_file().unlink()
    elif fault == "changed":
        own.write_text(CODE.format("changed"))
    elif fault == "gone":
        own.unlink()
    else:
        own.write_text(CODE.format("another"))
        remembered[0]["sha256"] = hashlib.sha256(own.read_bytes()).hexdigest()
    with pytest.raises(InputError, match=r"best.safetensors needs .*own\.py with SHA-256 .*--imports") as raised:
        imports.import_remembered(remembered, "best.safetensors")
    assert remembered[0]["sha256"] in str(raised.value)
    assert times() == 1


def test_an_edited_file_that_is_given_stands_in_for_the_remembered_one(own, times, another_process, capsys):
    imports.import_files([str(own)])
    remembered = imports.imported()
    another_process()
    own.write_text(CODE.format("edited"))
    imports.import_files([str(own)])
    imports.import_remembered(remembered, "best.safetensors")
    assert times() == 2
    assert f"best.safetensors was made with another version of {own}" in capsys.readouterr().err


def test_what_stands_behind_imports_is_not_run_as_a_module(tmp_path):
    with pytest.raises(InputError, match=r"best\.safetensors: a file ends in \.py; what the command works on stands"):
        imports.import_files([str(tmp_path / "best.safetensors")])


def test_a_file_that_moved_is_given_by_hand(own, times, another_process):
    imports.import_files([str(own)])
    remembered = imports.imported()
    another_process()
    moved = own.rename(own.with_name("moved.py"))
    imports.import_files([str(moved)])
    imports.import_remembered(remembered, "best.safetensors")
    assert times() == 2


def test_a_remembered_module_must_have_been_chosen_by_that_name(own, another_process):
    imports.import_files([str(own)])
    (remembered,) = imports.imported()
    another_process()
    with pytest.raises(InputError, match="needs module antigravity, never imported here"):
        imports.import_remembered([remembered | {"given": "antigravity"}], "best.safetensors")
    assert "antigravity" not in sys.modules


def test_what_a_checkpoint_says_wrongly_is_one_line():
    with pytest.raises(InputError, match="model: what it says of its imports is damaged"):
        imports.import_remembered([{"path": "x.py"}], "model")


def test_a_state_folder_that_cannot_be_written_or_is_damaged_changes_nothing(own, tmp_path, monkeypatch, times):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    imports.import_files([str(own)])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "damaged"))
    record = tmp_path / "damaged" / "pose-distill" / "imports.json"
    record.parent.mkdir(parents=True)
    record.write_text("[1, 2")
    imports.import_files([str(own)])
    assert times() == 1
    assert own.name in record.read_text()


def test_entry_points_of_installed_packages_are_imported(tmp_path, repository):
    """A package as an installer leaves it: its module and its metadata."""
    (tmp_path / "someones_students.py").write_text("print('entered')\n")
    metadata = tmp_path / "someones-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: someones\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pose_distill]\nstudents = someones_students\n")
    code = "from distill.system import imports; imports.import_entry_points(); imports.import_entry_points()"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{repository}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "entered\n"), done.stderr
    (tmp_path / "someones_students.py").write_text("1 / 0\n")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert "InputError: entry point students of package someones: ZeroDivisionError: division by zero" in done.stderr
