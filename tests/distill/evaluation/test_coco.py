import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import FIGURES, bootstrap_ap, evaluate, to_results, write_results
from distill.pose.skeleton import COCO_17, Skeleton
from distill.pose.skeleton_fields import DEFAULT_SIGMA
from distill.system.errors import InputError

K = len(COCO_17)


@pytest.fixture(scope="module")
def mini(shared) -> KeypointSet:
    return KeypointSet(DataSource(shared / "coco_mini", "val2017"), COCO_17)


@pytest.fixture
def annotate(tmp_path):
    """Function from annotations to a set that holds them, on images 1 and 2, with 7 as the category of a person."""

    def write(*annotations: dict, skeleton: Skeleton | None = COCO_17, **fields: object) -> KeypointSet:
        document = {
            "images": [{"id": i, "file_name": f"{i}.jpg", "width": 1000, "height": 800} for i in (1, 2)],
            "categories": [{"id": 7, "keypoints": COCO_17.joints}],
            "annotations": [{"image_id": 1, "category_id": 7, **a} for a in annotations],
        }
        (tmp_path / "val").mkdir(exist_ok=True)
        for number in (1, 2):
            Image.new("L", (1000, 800)).save(tmp_path / f"val/{number}.jpg")
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations" / "person_keypoints_val.json").write_text(json.dumps(document | fields))
        return KeypointSet(DataSource(tmp_path, "val"), skeleton)

    return write


def truth(data: KeypointSet, shift: float = 0.0) -> dict:
    """The annotated persons as if they had been found, moved to the right."""
    predictions = {}
    for image_id in data.image_ids.tolist():
        persons = data.keypoints(image_id)
        persons[..., 0] += shift
        persons[..., 2] = persons[..., 2] > 0
        predictions[image_id] = persons, np.ones(len(persons))
    return predictions


def noisy(data: KeypointSet) -> dict:
    """Persons found with errors, some missed, some made up."""
    generator = np.random.default_rng(0)
    predictions = {}
    for image_id in data.image_ids.tolist():
        persons = data.keypoints(image_id)
        persons[..., 2] = 1
        persons[..., :2] += generator.normal(0, 4, persons[..., :2].shape)
        made_up = np.concatenate([generator.uniform(0, 400, (1, K, 2)), np.full((1, K, 1), 0.5)], axis=-1)
        persons = np.concatenate([persons[generator.random(len(persons)) < 0.8], made_up]).astype(np.float32)
        predictions[image_id] = persons, generator.random(len(persons))
    return predictions


def by_hand(results: list[dict], annotation_file, image_ids=None, category=1) -> list[float]:
    """pycocotools as its own manual shows it."""
    with contextlib.redirect_stdout(io.StringIO()):
        annotated = COCO(str(annotation_file))
        evaluator = COCOeval(annotated, annotated.loadRes(results), "keypoints")
        evaluator.params.catIds = [category]
        if image_ids is not None:
            evaluator.params.imgIds = image_ids
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats.tolist()


def person_at(x: float, y: float, side: float = 100.0, **fields: object) -> dict:
    """An annotated person whose joints fill a square."""
    points = np.random.default_rng(0).uniform(0, side, (K, 2)).round(1) + (x, y)
    keypoints = np.concatenate([points, np.full((K, 1), 2)], axis=1).ravel().tolist()
    return {"id": 1, "keypoints": keypoints, "bbox": [x, y, side, side], **fields}


def found(annotation: dict) -> tuple[np.ndarray, np.ndarray]:
    return np.reshape(annotation["keypoints"], (1, K, 3)) + (0.5, 0.5, -1.0), np.ones(1)


def test_ground_truth_scores_one(mini):
    figures = evaluate(truth(mini), mini)
    assert tuple(figures) == FIGURES
    assert list(figures.values()) == pytest.approx([1] * len(FIGURES))


def test_ground_truth_of_synthetic_people_scores_one(tiny_synthetic):
    data = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    assert evaluate(truth(data), data)["ap"] == pytest.approx(1)


def test_a_shift_costs_ap_and_a_larger_one_more(mini):
    ap = [evaluate(truth(mini, shift), mini)["ap"] for shift in (0, 2, 4, 8)]
    assert ap == sorted(ap, reverse=True) and len(set(ap)) == len(ap)


@pytest.mark.parametrize("count", [None, 20])
def test_figures_are_those_of_pycocotools(mini, count):
    predictions = noisy(mini)
    ids = mini.image_ids[:count].tolist()
    figures = evaluate(predictions, mini, ids)
    expected = by_hand(to_results(predictions, 1), mini.annotation_file, ids)
    assert [figures[name] for name in FIGURES] == expected
    assert 0.05 < figures["ap"] < 0.95


def test_only_the_images_asked_for_count(mini):
    ids = [i for i in mini.image_ids.tolist() if len(mini.keypoints(i))][:10]
    predictions = truth(mini)
    some = {i: predictions[i] for i in ids}
    assert evaluate(some, mini, np.array(ids))["ap"] == pytest.approx(1)
    assert evaluate(some, mini)["ap"] < 0.5


@pytest.mark.parametrize("predictions", [{}, {1: (np.zeros((0, K, 3)), np.zeros(0))}])
def test_finding_nobody_scores_zero(annotate, predictions):
    figures = evaluate(predictions, annotate(person_at(10, 10)))
    assert figures["ap"] == figures["ar"] == figures["ap_large"] == 0.0
    assert figures["ap_medium"] is None


@pytest.mark.parametrize("persons", [{}, {1: found(person_at(10, 10))}])
def test_nobody_to_find_gives_no_figure(annotate, persons):
    assert set(evaluate(persons, annotate()).values()) == {None}


def test_area_and_count_may_be_missing_and_numbers_may_begin_at_zero(annotate):
    person = person_at(10, 10, id=0)
    assert "area" not in person and "num_keypoints" not in person
    assert evaluate({1: found(person)}, annotate(person))["ap"] == pytest.approx(1)


def test_crowds_and_persons_without_joints_are_no_misses_and_excuse_what_is_found_there(annotate):
    person = person_at(10, 10)
    crowd = person_at(300, 300, id=2, iscrowd=1)
    unlabelled = {"id": 3, "bbox": [600, 10, 50, 50], "keypoints": [0] * 3 * K}
    nothing_said = {"id": 4, "bbox": [800, 10, 50, 50]}
    data = annotate(person, crowd, unlabelled, nothing_said)
    both = [np.concatenate(parts) for parts in zip(found(person), found(crowd), strict=True)]
    assert evaluate({1: found(person)}, data)["ap"] == pytest.approx(1)
    assert evaluate({1: tuple(both)}, data)["ap"] == pytest.approx(1)


def test_the_interval_of_ap_spans_the_figure_and_narrows_to_it_when_all_photographs_agree(mini):
    predictions = noisy(mini)
    ap = evaluate(predictions, mini)["ap"]
    low, high = bootstrap_ap(predictions, mini, samples=60)
    assert 0 < low < ap < high < 1 and 0.02 < high - low < 0.4
    assert (low, high) == bootstrap_ap(predictions, mini, samples=60)
    assert bootstrap_ap(truth(mini), mini, samples=5) == pytest.approx((1, 1))


def test_drawing_every_photograph_once_gives_the_figure_itself(mini):
    """With one photograph there is only one way to draw it."""
    image_id = next(i for i in mini.image_ids.tolist() if len(mini.keypoints(i)) > 2)
    some = {image_id: noisy(mini)[image_id]}
    ap = evaluate(some, mini, [image_id])["ap"]
    assert bootstrap_ap(some, mini, [image_id], samples=3) == pytest.approx((ap, ap))


def test_nothing_is_printed(annotate, capfd):
    data = annotate(person_at(10, 10))
    capfd.readouterr()
    evaluate({1: found(person_at(10, 10))}, data)
    assert capfd.readouterr() == ("", "")


def test_results_file_is_what_coco_takes(mini, tmp_path):
    predictions = noisy(mini)
    path = tmp_path / "new" / "results.json"
    write_results(path, predictions, mini.category)
    expected = evaluate(predictions, mini)
    assert by_hand(json.loads(path.read_text()), mini.annotation_file) == list(expected.values())


def test_results_are_pixel_indices_and_missing_joints_are_zero():
    person = np.zeros((1, K, 3), np.float32)
    person[0, 3] = 10.5, 20.25, 0.75
    [result] = to_results({5: (person, np.array([0.5]))}, 3)
    assert result["image_id"] == 5 and result["category_id"] == 3 and result["score"] == 0.5
    assert result["keypoints"][9:12] == [10.0, 19.75, 0.75]
    assert np.count_nonzero(result["keypoints"]) == 3


@pytest.mark.parametrize(("predicted", "counted"), [([9], None), ([1], [1, 9])])
def test_refuses_images_that_the_file_does_not_list(annotate, predicted, counted):
    predictions = {i: found(person_at(10, 10)) for i in predicted}
    with pytest.raises(InputError, match="image id 9 is not in"):
        evaluate(predictions, annotate(), counted)


@pytest.fixture
def among_others(annotate) -> KeypointSet:
    """Two persons of category 3 beside a dog with 17 joints of its own and a car."""
    fields = {
        "categories": [
            {"id": 1, "name": "dog", "keypoints": [f"paw_{k}" for k in range(K)]},
            {"id": 2, "name": "car"},
            {"id": 3, "name": "person", "keypoints": COCO_17.joints},
            {"id": 4, "name": "face", "keypoints": None},
        ]
    }
    return annotate(
        person_at(10, 10, id=1, category_id=3, area=5000, num_keypoints=K, iscrowd=0),
        person_at(400, 300, id=2, category_id=3, image_id=2, area=9000.5, num_keypoints=K, iscrowd=0),
        person_at(600, 100, id=3, category_id=1, area=9000),
        {"id": 4, "category_id": 2, "bbox": [5, 5, 90, 40], "area": 3600},
        **fields,
    )


def test_other_categories_are_neither_missed_nor_in_the_results_file(among_others, tmp_path):
    """The AP that we print is what pycocotools makes of the results file and the annotation file."""
    predictions = truth(among_others, shift=4)
    assert sum(len(persons) for persons, _ in predictions.values()) == 2
    figures = evaluate(predictions, among_others)
    assert 0.3 < figures["ap"] < 1
    write_results(tmp_path / "results.json", predictions, among_others.category)
    results = json.loads((tmp_path / "results.json").read_text())
    assert {result["category_id"] for result in results} == {3}
    expected = by_hand(results, among_others.annotation_file, category=3)
    assert list(figures.values()) == [None if value < 0 else value for value in expected]


def test_figures_are_relative_to_the_sigmas_of_the_sets_own_skeleton(annotate):
    person = person_at(10, 10)
    categories = [{"id": 7, "name": "person", "keypoints": [f"joint {k}" for k in range(K)]}]
    own = annotate(person, categories=categories, skeleton=None)
    shifted = found(person_at(16, 10))
    assert own.skeleton.sigmas == (DEFAULT_SIGMA,) * K
    precise = annotate(person, categories=categories, skeleton=replace(own.skeleton, sigmas=(0.01,) * K))
    assert evaluate({1: shifted}, precise)["ap"] < evaluate({1: shifted}, own)["ap"]
