"""Results files as teachers."""

import json

import numpy as np
import pytest

from teachers.errors import WeightsError
from teachers.results import Results

FLIP = (0, 2, 1)
PERSON = {"image_id": 7, "category_id": 1, "keypoints": [10, 20, 0.9, 30, 20, 1.7, 0, 0, 0], "score": 0.8}


@pytest.fixture
def write(tmp_path, surroundings):
    """Function that writes a file and makes the teacher."""

    def write(content, **options):
        path = tmp_path / "results.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Results(surroundings(FLIP), results=path, **options)

    return write


def ask(teacher, *ids):
    return teacher(np.zeros((len(ids), 8, 8, 3), np.uint8), image_ids=ids)


def test_persons_are_looked_up_by_image_id(write):
    found = ask(write([PERSON, PERSON | {"image_id": 9, "score": 0.5}, PERSON | {"score": 0.3}]), 9, 7, 8)
    assert [len(persons) for persons in found.persons] == [1, 2, 0]
    assert found.scores[1].tolist() == pytest.approx([0.8, 0.3])
    assert np.allclose(found.persons[1][0], [[10.5, 20.5, 0.9], [30.5, 20.5, 1], [0, 0, 0]])


@pytest.mark.parametrize("image_id", [7.0, "7", "000000000007"])
def test_numbers_of_photographs_as_tools_write_them(write, image_id):
    assert len(ask(write([PERSON | {"image_id": image_id}]), 7).persons[0]) == 1


def test_doubted_persons_are_left_out(write):
    assert len(ask(write([PERSON], confidence=0.81), 7).persons[0]) == 0
    assert write([PERSON]).attributes["results_sha256"] != write([PERSON, PERSON]).attributes["results_sha256"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "is not JSON"),
        ({"a": 1}, "is no list of persons"),
        ([3], "is no list of persons"),
        ([{"image_id": 7}], "entry 0 has no usable image_id, keypoints or score"),
        ([PERSON, PERSON | {"score": "high"}], "entry 1 has no usable image_id, keypoints or score"),
        ([PERSON | {"image_id": 7.5}], r"entry 0 has no usable image_id, .*image_id 7\.5 is no whole number"),
        ([PERSON | {"image_id": "bus"}], "entry 0 has no usable image_id, keypoints or score"),
        ([PERSON | {"keypoints": [1, 2, 3]}], "entry 0 has 1 joints and the skeleton 3"),
        ([PERSON | {"keypoints": [1, 2]}], "entry 0 has no usable image_id, keypoints or score"),
        ([PERSON | {"keypoints": [float("nan")] * 9}], "entry 0 holds something else than finite numbers"),
        ([PERSON | {"keypoints": [1e300, 2, 1] * 3}], "entry 0 has a joint more than 1000000 pixels away"),
    ],
)
def test_files_that_are_wrong_are_one_line(write, content, message):
    with pytest.raises(WeightsError, match=message):
        write(content)


def test_a_file_that_is_not_there(tmp_path, surroundings):
    with pytest.raises(WeightsError, match="cannot be read"):
        Results(surroundings(FLIP), results=tmp_path / "none.json")
