"""JSON as it comes: with a mark of its encoding, with NaN, truncated, nested, or of another kind."""

import gc
from pathlib import Path

import pytest

from distill.data.reading.json_file import content_of, mentions, parsed, sha256_of
from distill.system.errors import InputError

FILE = Path("file.json")


@pytest.mark.parametrize(
    "content", [b'{"a": [1, 2.5, "x"]}', b'\xef\xbb\xbf{"a": [1, 2.5, "x"]}', '{"a": [1, 2.5, "x"]}'.encode("utf-16")]
)
def test_what_it_says(content):
    assert parsed(content, FILE) == {"a": [1, 2.5, "x"]}


def test_numbers_that_json_does_not_know():
    value = parsed(b'{"a": [NaN, Infinity, -Infinity, 123456789012345678901234567890, 1e999]}', FILE)["a"]
    assert value[0] != value[0] and value[1] == -value[2] == float("inf")
    assert value[3] == 123456789012345678901234567890 and value[4] == float("inf")


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a": [1, 2', b"<html>", b"\x00\x01\x02", b"{'a': 1}", b"\xff\xfe\x00"]
)
def test_no_json_is_one_line(content):
    with pytest.raises(InputError, match=r"file\.json is not JSON") as caught:
        parsed(content, FILE)
    assert "\n" not in str(caught.value)


def test_too_many_brackets_are_one_line():
    with pytest.raises(InputError, match=r"nested too deeply|is not JSON"):
        parsed(b"[" * 200_000 + b"]" * 200_000, FILE)


def test_looking_for_circles_goes_on_afterwards():
    assert gc.isenabled()
    parsed(b"[]", FILE)
    assert gc.isenabled()


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"does not exist; check data\.root"):
        content_of(tmp_path / "a.json")
    with pytest.raises(InputError, match="is a folder"):
        content_of(tmp_path)


def test_names_by_content():
    assert sha256_of(b"a") != sha256_of(b"b") and len(sha256_of(b"")) == 64


def test_what_a_file_mentions(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf  {"x": 1, "images": []}')
    assert mentions(path, "images", "x") and not mentions(path, "images", "y")
    for content in (b"", b'["images"]', b"\xff\xfe"):
        path.write_bytes(content)
        assert not mentions(path, "images")
    assert not mentions(tmp_path / "absent.json", "images") and not mentions(tmp_path, "images")
