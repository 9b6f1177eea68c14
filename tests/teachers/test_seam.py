"""A teacher in one file outside of the packages: its labels are stored, verified and evaluated like any other's."""

import importlib.util
import json
import sys

import numpy as np
import pytest

from cache.store import SoftLabelStore
from distill.commands.cache import BuildConfig, DataConfig, build, main
from distill.commands.cache_tools import VerifyConfig, verify
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.teacher import check_teacher
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError
from teachers.registry import TEACHERS

SOURCE = '''
import json
from pathlib import Path

import numpy as np

from teachers.contract import Surroundings, TeacherPersons
from teachers.registry import register


@register("results_file")
class ResultsFile:
    """Persons that were found before, from a file.

    Args:
        results: JSON file of persons (P, K, 3) by image id.
        least: joints of lower scores are left out.
    """

    needs = ("image_ids",)

    def __init__(self, surroundings: Surroundings, *, results: Path, least: float = 0.1):
        if not 0 <= least <= 1:
            raise ValueError(f"least must lie in 0..1, not {least}")
        self.persons = json.loads(results.read_text())
        self.attributes = {"least": least}

    def __call__(self, photographs, image_ids):
        persons = [np.array(self.persons[str(i)]).reshape(-1, 17, 3) for i in image_ids]
        persons = [some * (some[..., 2:] > self.attributes["least"]) for some in persons]
        return TeacherPersons(persons, [some[..., 2].mean(1) for some in persons])
'''


@pytest.fixture
def synthetic(tiny_synthetic):
    """12 synthetic scenes."""
    return KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)


@pytest.fixture
def choice(synthetic, tmp_path, monkeypatch):
    """The teacher, known by importing its file, with results that are the annotations."""
    file = tmp_path / "results_file.py"
    file.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("results_file", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "results_file", module)
    spec.loader.exec_module(module)
    results = tmp_path / "results.json"
    persons = {i: synthetic.keypoints(i) * (1, 1, 0.5) for i in synthetic.image_ids.tolist()}
    results.write_text(json.dumps({i: some.tolist() for i, some in persons.items()}))
    yield Choice("results_file", {"results": str(results)})
    del TEACHERS["results_file"]


def test_labels_of_a_teacher_from_outside(choice, synthetic, tiny_synthetic, tmp_path, capsys):
    out = tmp_path / "labels.zarr"
    data = DataConfig(root=tiny_synthetic, split="val2017")
    build(BuildConfig(data=data, out=str(out), teacher=choice, map_size=64, shard_length=4, evaluate=True))
    assert float(capsys.readouterr().out.split("ap ")[1].split()[0]) > 0.99
    store = SoftLabelStore.open(out)
    assert store.attributes["teacher"]["name"] == "results_file"
    assert store.attributes["teacher"]["least"] == 0.1
    verify(VerifyConfig(store=str(out), sample=3, teacher=choice))
    assert "3 images labelled again; heatmap values differ by at most 0.0000" in capsys.readouterr().out
    image_id = int(store.image_ids[3])
    persons = synthetic.keypoints(image_id)
    assert 0 < len(store.read_peaks(image_id)) <= np.count_nonzero(persons[..., 2])


def test_its_options_are_checked_like_any_other(choice):
    with pytest.raises(InputError, match=r"teacher\.results is not set, and results_file needs it"):
        check_teacher(Choice("results_file"))
    with pytest.raises(InputError, match="teacher results_file has no option 'most'; its options are results, least"):
        check_teacher(choice.merged(Choice("", {"most": 1})))


def test_its_own_complaint_is_one_line(choice, tiny_synthetic, tmp_path, capsys):
    teacher = f"{{name: results_file, least: 2, results: {choice.options['results']}}}"
    arguments = ["build", "--data.root", str(tiny_synthetic), "--data.split", "val2017", "--teacher", teacher]
    assert main([*arguments, "--out", str(tmp_path / "labels.zarr")]) == 1
    assert capsys.readouterr().err == "distill-cache: teacher.least must lie in 0..1, not 2.0\n"
