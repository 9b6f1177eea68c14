"""Folders that are there when all is written."""

import pytest

from distill.data.editing.content import new_set, place
from distill.system.errors import InputError


def test_a_set_gets_its_name_at_the_end(tmp_path):
    with new_set(tmp_path / "new") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "new").exists() and folder.name.startswith(".new.")
    assert [path.name for path in tmp_path.iterdir()] == ["new"] and (tmp_path / "new" / "file").exists()


def test_nothing_is_left_of_one_that_failed(tmp_path):
    with pytest.raises(OSError, match="full"), new_set(tmp_path / "new") as folder:
        (folder / "file").write_text("x")
        raise OSError("disk full")
    assert not list(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("x")
    for name in ("old", "old/file"):
        with pytest.raises(InputError, match="is there already; name a new folder"), new_set(tmp_path / name):
            pass
    (tmp_path / "empty").mkdir()
    with new_set(tmp_path / "empty") as folder:
        (folder / "file").write_text("x")
    assert (tmp_path / "empty" / "file").exists()


def test_of_two_at_once_one_wins_whole(tmp_path):
    with pytest.raises(InputError, match="was made by somebody else meanwhile"), new_set(tmp_path / "new") as one:
        (one / "file").write_text("one")
        with new_set(tmp_path / "new") as two:
            (two / "file").write_text("two")
    assert (tmp_path / "new" / "file").read_text() == "two" and len(list(tmp_path.iterdir())) == 1


def test_photographs_are_copied_or_linked(tmp_path):
    (tmp_path / "a").write_text("x")
    place(tmp_path / "a", tmp_path / "deep" / "b", "copy")
    place(tmp_path / "a", tmp_path / "c", "link")
    assert (tmp_path / "deep" / "b").read_text() == "x" and (tmp_path / "c").samefile(tmp_path / "a")
    assert not (tmp_path / "deep" / "b").samefile(tmp_path / "a")


def test_what_cannot_be_copied_is_told_by_its_target(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="directory") as caught:
        place(tmp_path / "a", tmp_path / "b", "copy")
    assert caught.value.filename == str(tmp_path / "b")
