"""The JSON that is packed behind a model."""

import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile import metadata
from mobile.errors import ExportError
from mobile.packed import ENTRY, pack, unpack
from mobile.runtime import LiteRTModel


@given(st.binary(max_size=2000), st.dictionaries(st.text(), st.integers() | st.text()))
def test_what_is_packed_comes_out_again(model, values):
    parts = unpack(pack(model, values))
    assert parts.model == model
    assert metadata.json.loads(parts.text) == values


@given(st.binary(max_size=200))
def test_other_bytes_are_all_model(content):
    assert unpack(content).model == content and unpack(content).text is None


def test_another_archive_is_part_of_the_model(tmp_path):
    file = tmp_path / "model.tflite"
    file.write_bytes(b"model")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "person")
    assert unpack(file.read_bytes()).text is None


def test_a_model_alone_says_all_of_itself(exported, photographs, tmp_path):
    alone = tmp_path / "renamed.tflite"
    shutil.copy(exported.path, alone)
    assert metadata.is_described(alone)
    assert metadata.read(alone) == metadata.read(exported.path)
    beside, packed = LiteRTModel(exported.path)(photographs), LiteRTModel(alone)(photographs)
    for name, value in beside.items():
        np.testing.assert_array_equal(packed[name], value)


def test_other_programs_read_it_as_an_archive(exported):
    with zipfile.ZipFile(exported.path) as archive:
        assert metadata.json.loads(archive.read(ENTRY)) == metadata.read(exported.path)


def test_a_model_that_was_changed_is_refused(exported, tmp_path):
    content = bytearray(exported.path.read_bytes())
    content[2000] ^= 1
    file = tmp_path / "changed.tflite"
    file.write_bytes(content)
    with pytest.raises(ExportError, match="is not the model that the JSON in it describes"):
        LiteRTModel(file)


def test_a_truncated_file_is_no_longer_described(exported, tmp_path):
    file = tmp_path / "cut.tflite"
    file.write_bytes(exported.path.read_bytes()[:-10])
    with pytest.raises(ExportError, match=r"cut\.json is missing"):
        LiteRTModel(file)
