"""Names from other machines are matched with what lies in a folder."""

import pytest

from distill.data.reading.findings import Findings
from distill.data.reading.locate import first_folder, image_ids_of, locate, photographs_in
from distill.system.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for name in (
        "a.jpg",
        "cam 1/b.jpg",
        "cam 2/b.jpg",
        "cam 2/Ünö.PNG",
        "images/c.jpg",
        ".hidden/d.jpg",
        "cam 1/note.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_photographs_of_all_folders_in_order(folder):
    assert photographs_in(folder) == ["a.jpg", "cam 1/b.jpg", "cam 2/b.jpg", "cam 2/Ünö.PNG", "images/c.jpg"]


def test_a_circle_of_links_ends(folder):
    (folder / "cam 1" / "again").symlink_to(folder)
    assert "a.jpg" in photographs_in(folder)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("C:\\Users\\x\\a.jpg", "a.jpg"),
        ("/home/x/cam 1/b.jpg", "cam 1/b.jpg"),
        ("cam 2\\b.jpg", "cam 2/b.jpg"),
        ("cam%202/b.jpg", "cam 2/b.jpg"),
        ("u\u0308no\u0308.png", "cam 2/Ünö.PNG"),
        ("c.jpg", "images/c.jpg"),
        ("https://example.org/data/images/c.jpg", "images/c.jpg"),
        ("../../a.jpg", "a.jpg"),
    ],
)
def test_one_file_is_meant(folder, name, file):
    findings = Findings("file")
    assert locate([name], folder, findings) == [file]
    assert bool(findings.notes()) == (name.replace("\\", "/").removeprefix("./") != file)


@pytest.mark.parametrize("name", ["b.jpg", "x/b.jpg", "nobody.jpg", "d.jpg", "/etc/passwd", "note.txt", "a.png"])
def test_no_file_or_several(folder, name):
    with pytest.raises(InputError, match=r"lists 1 photographs that are not in .*, first"):
        locate([name], folder, Findings("file"))


def test_two_names_of_one_file(folder):
    with pytest.raises(InputError, match=r"'x/a\.jpg' and 'y/a\.jpg' can both only be .*a\.jpg"):
        locate(["x/a.jpg", "y/a.jpg"], folder, Findings("file"))
    assert locate(["a.jpg", "a.jpg"], folder, Findings("file")) == ["a.jpg", "a.jpg"]


def test_the_first_folder_that_is_there(tmp_path):
    (tmp_path / "two").mkdir()
    (tmp_path / "three").mkdir()
    assert first_folder([tmp_path / "one", tmp_path / "two", tmp_path / "three"]) == tmp_path / "two"
    with pytest.raises(InputError, match=r"there is no folder .*one or .*four; say where"):
        first_folder([tmp_path / "one", tmp_path / "four"])


def test_ids_of_photographs():
    assert image_ids_of(["000139.jpg", "b/7.png"]).tolist() == [139, 7]
    assert image_ids_of(["1.jpg", "01.jpg"]).tolist() == [1, 2]
    assert image_ids_of(["1.jpg", "x.jpg"]).tolist() == [1, 2]
    assert image_ids_of(["²³.jpg"]).tolist() == [1] and image_ids_of(["9" * 30 + ".jpg"]).tolist() == [1]
