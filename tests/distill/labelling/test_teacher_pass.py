import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from cache.errors import StoreError
from cache.store import SoftLabelStore
from distill.commands.cache import main
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.teacher import load_teacher
from distill.labelling.teacher_pass import (
    TeacherPass,
    create_store,
    evaluate_store,
    labelled_images,
)
from distill.pose import geometry
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError


@pytest.fixture(scope="module")
def oracle():
    """A teacher that knows the annotations."""
    return load_teacher(Choice("oracle"), COCO_17)


@pytest.fixture(scope="module")
def synthetic(tiny_synthetic):
    """12 synthetic scenes."""
    return KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)


def start(url, data, loaded, **changes):
    """A pass that has not begun, over a new store with small shards, or over the one that is there."""
    settings = {"map_size": 64, "shard_length": 5, "noise_floor": 0.02} | changes
    grouping = GroupingConfig()
    store = create_store(url, data, loaded.attributes, grouping, **settings)
    return TeacherPass(store, data, loaded.teacher, grouping, batch_size=4)


def files_of(store):
    return {
        str(path.relative_to(store.files.root)): path.read_bytes()
        for path in store.files.root.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def labelled(synthetic, oracle, tmp_path_factory):
    """The oracle's labels of the synthetic scenes."""
    teacher_pass = start(tmp_path_factory.mktemp("labels") / "oracle.zarr", synthetic, oracle)
    assert teacher_pass.run()
    return teacher_pass.store


def test_oracle_on_synthetic_people(labelled, synthetic):
    """Every coordinate on the way agrees: photograph, network input, maps, store and evaluation."""
    metrics = evaluate_store(labelled, synthetic)
    assert metrics["ap"] > 0.99
    assert (labelled.files.root / "evaluation.json").is_file()


def test_oracle_on_real_photographs(shared, tmp_path):
    oracle = load_teacher(Choice("oracle", {"flip": False}), COCO_17)
    data = KeypointSet(DataSource(shared / "coco_mini", "val2017"), COCO_17)
    teacher_pass = start(tmp_path / "labels.zarr", data, oracle, shard_length=32)
    assert teacher_pass.run()
    assert evaluate_store(teacher_pass.store, data)["ap"] > 0.99


def joints_seen(data, image_id, apart):
    """Joint, x, y of labelled joints inside a photograph, (n, 3), each `apart` pixels or more from its like."""
    persons = data.keypoints(image_id)
    person, joint = np.nonzero(persons[..., 2])
    places = persons[person, joint, :2]
    distances = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    distances[(joint[:, None] != joint[None]) | np.eye(len(joint), dtype=bool)] = np.inf
    is_inside = ((places >= 0) & (places < data.size(image_id))).all(-1)
    return np.column_stack([joint, places])[is_inside & (distances.min(-1, initial=np.inf) > apart)]


def found_at(peaks, joint, x, y):
    """The peak of a joint that is nearest to a place, and how far it is."""
    peaks = peaks[peaks[:, 0] == joint]
    distances = np.hypot(peaks[:, 1] - x, peaks[:, 2] - y)
    return peaks[distances.argmin()], distances.min()


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("input_size", "scales"), [(512, [1.0]), (640, [1.0]), (256, [0.5, 1.0, 1.5])])
def test_stored_peaks_are_as_high_as_the_teachers(shared, tmp_path, input_size, scales, flip):
    """Nothing that is averaged or resized lowers them: all are 1, wherever they lie between the cells."""
    oracle = load_teacher(Choice("oracle", {"input_size": input_size, "scales": scales, "flip": flip}), COCO_17)
    data = KeypointSet(DataSource(shared / "coco_mini", "val2017"), COCO_17)
    teacher_pass = start(tmp_path / "labels.zarr", data, oracle, shard_length=12, limit=12)
    assert teacher_pass.run()
    heights, distances = [], []
    for image_id in teacher_pass.store.image_ids.tolist():
        peaks = teacher_pass.store.read_peaks(image_id)
        cell = 2 * min(data.size(image_id)) / (input_size * max(scales))
        for joint, x, y in joints_seen(data, image_id, apart=2 * cell):
            peak, distance = found_at(peaks, joint, x, y)
            heights.append(peak[3])
            distances.append(distance / cell)
    assert len(heights) > 200
    assert min(heights) > 0.99
    assert max(distances) < 0.25


def test_width_of_a_peak_is_the_teachers(synthetic, tmp_path):
    """The oracle's: 2 cells at a quarter and at half of the resolution, whose mean bend is that of 2.53 half cells."""
    loaded = load_teacher(Choice("oracle", {"input_size": 256}), COCO_17)
    teacher_pass = start(tmp_path / "labels.zarr", synthetic, loaded)
    assert teacher_pass.run()
    widths = np.concatenate([teacher_pass.store.read_peaks(i)[:, 4] for i in synthetic.image_ids.tolist()])
    assert np.median(widths) == pytest.approx(2 / np.sqrt((1 + 1 / 4) / 2), rel=0.01)


def test_stored_maps_peak_at_the_joints(synthetic, tmp_path):
    loaded = load_teacher(Choice("oracle", {"input_size": 256}), COCO_17)
    teacher_pass = start(tmp_path / "labels.zarr", synthetic, loaded)
    assert teacher_pass.run()
    distances = []
    for image_id in synthetic.image_ids.tolist():
        label = teacher_pass.store.read(image_id)
        for joint, *place in joints_seen(synthetic, image_id, apart=4):
            x, y = geometry.transform(label.to_map, np.array(place))
            if not (3 < x < 61 and 3 < y < 61):
                continue
            left, top = int(x) - 2, int(y) - 2
            window = label.heatmap[int(joint), top : top + 5, left : left + 5]
            assert window.max() > 0.8
            row, column = np.unravel_index(window.argmax(), window.shape)
            distances.append(np.hypot(left + column + 0.5 - x, top + row + 0.5 - y))
    assert len(distances) > 100
    assert np.median(distances) < 0.75


def test_a_need_that_cannot_be_met_is_named(labelled, synthetic):
    class Needy:
        needs = ("depth",)

    with pytest.raises(InputError, match="the teacher needs depth, but what can be given is persons, image_ids"):
        TeacherPass(labelled, synthetic, Needy(), GroupingConfig())


def test_a_store_without_persons_has_the_same_maps_and_peaks(labelled, synthetic, oracle, tmp_path):
    bare = start(tmp_path / "bare.zarr", synthetic, oracle, persons=False)
    assert bare.run()
    for image_id in synthetic.image_ids.tolist():
        without, full = bare.store.read(image_id), labelled.read(image_id)
        np.testing.assert_array_equal(without.heatmap, full.heatmap)
        np.testing.assert_array_equal(without.peaks, full.peaks)
        assert without.persons.shape == (0, 17, 3)
    with pytest.raises(StoreError, match="made with persons false, so there is nobody to score"):
        evaluate_store(bare.store, synthetic)
    with pytest.raises(StoreError, match="persons is False, expected True"):
        start(bare.store.url, synthetic, oracle)


def test_outside_of_the_photograph_is_zero(shared, oracle, tmp_path):
    data = KeypointSet(DataSource(shared / "coco_mini", "val2017"), COCO_17)
    teacher_pass = start(tmp_path / "labels.zarr", data, oracle, shard_length=3, limit=3)
    assert teacher_pass.run()
    store = teacher_pass.store
    for image_id, size in zip(store.image_ids, store.image_sizes, strict=True):
        label = store.read(image_id)
        (left, top), (right, bottom) = geometry.transform(label.to_map, np.array([(0, 0), size]))
        centres = np.arange(64) + 0.5
        outside = (centres < left) | (centres > right), (centres < top) | (centres > bottom)
        assert not label.heatmap[:, :, outside[0]].any()
        assert not label.heatmap[:, outside[1], :].any()


def test_interrupted_pass_resumes_to_the_same_store(labelled, synthetic, oracle, tmp_path):
    asked = iter([False, False, True])
    first = start(tmp_path / "labels.zarr", synthetic, oracle)
    assert not first.run(stop=lambda: next(asked))
    assert first.store.missing_shards() == [1, 2]
    with pytest.raises(StoreError, match="2 of 3 shards are missing"):
        evaluate_store(first.store, synthetic)
    seen = []
    second = start(tmp_path / "labels.zarr", synthetic, oracle)
    assert second.run(progress=lambda done, total: seen.append((done, total)))
    assert (seen[0], seen[-1]) == ((0, 7), (7, 7))
    assert files_of(second.store).keys() == files_of(labelled).keys() - {"evaluation.json"}
    for name, content in files_of(second.store).items():
        assert content == files_of(labelled)[name], name


def test_shard_of_a_network_comes_out_the_same_by_itself(synthetic, untrained_weights, tmp_path):
    loaded = load_teacher(Choice("demo", {"weights": untrained_weights, "device": "cpu"}), COCO_17)
    whole = start(tmp_path / "whole.zarr", synthetic, loaded)
    assert whole.run()
    before = files_of(whole.store)
    (whole.store.files.root / "complete/000001.json").unlink()
    assert start(tmp_path / "whole.zarr", synthetic, loaded).run()
    assert files_of(whole.store) == before


def test_attributes_say_what_made_the_labels(labelled, synthetic):
    attributes = SoftLabelStore.open(labelled.url).attributes
    assert attributes["split"] == "val2017"
    assert attributes["annotation_sha256"] == synthetic.annotation_sha256
    assert attributes["joints"] == list(COCO_17.joints)
    teacher = attributes["teacher"]
    assert teacher["name"] == "oracle"
    assert teacher["weights_sha256"] is None
    assert teacher["scales"] == [1.0]
    assert teacher["grouping"]["detection_threshold"] == 0.1
    assert attributes["encoding"] == {"kind": "linear", "levels": 255, "floor": 0.02}


def test_images_without_label_are_skipped_only_when_asked(synthetic, oracle, tmp_path):
    teacher_pass = start(tmp_path / "labels.zarr", synthetic, oracle)
    with pytest.raises(StoreError, match="none of the 12 images has a label"):
        labelled_images(teacher_pass.store, synthetic, synthetic.image_ids, skip_unlabelled=True)
    assert teacher_pass.run(shards=[0, 2])
    with pytest.raises(StoreError, match="1 of 3 shards are missing, the first is 1"):
        labelled_images(teacher_pass.store, synthetic, synthetic.image_ids)
    found = labelled_images(teacher_pass.store, synthetic, synthetic.image_ids, skip_unlabelled=True)
    assert found.tolist() == [*synthetic.image_ids[:5], *synthetic.image_ids[10:]]
    assert teacher_pass.run()
    assert labelled_images(teacher_pass.store, synthetic, synthetic.image_ids) is synthetic.image_ids


def test_store_made_for_other_people_is_refused_even_when_skipping(labelled, synthetic, tiny_synthetic, tmp_path):
    ids = synthetic.image_ids
    shutil.copytree(tiny_synthetic, tmp_path / "edited")
    file = tmp_path / "edited/annotations/person_keypoints_val2017.json"
    file.write_text(file.read_text() + " ")
    edited = KeypointSet(DataSource(tmp_path / "edited", "val2017"), COCO_17)
    other_joints = KeypointSet(DataSource(tiny_synthetic, "val2017"), COCO_17)
    other_joints.skeleton = replace(COCO_17, name="coco_feet")
    train = KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)
    for data, field in ((edited, "annotation_sha256"), (other_joints, "skeleton"), (train, "split")):
        for skip in (False, True):
            with pytest.raises(StoreError, match=f"{field} is .* expected"):
                labelled_images(labelled, data, ids, skip_unlabelled=skip)


def test_store_of_another_split_or_teacher_is_refused(labelled, tiny_synthetic, synthetic):
    train = KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)
    with pytest.raises(StoreError, match="split is 'val2017', expected 'train2017'"):
        evaluate_store(labelled, train)
    other = load_teacher(Choice("oracle", {"flip": False}), COCO_17)
    with pytest.raises(StoreError, match=r"teacher\.flip is True, expected False"):
        start(labelled.url, synthetic, other)


BUILD = """
import sys
from distill.commands.cache import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_build_that_is_ended_by_a_signal_resumes(repository, tiny_synthetic, tmp_path, number, code):
    out = tmp_path / "labels.zarr"
    arguments = ["build", "--data.root", str(tiny_synthetic), "--data.split", "val2017", "--out", str(out)]
    arguments += ["--teacher", "oracle", "--map_size", "64", "--shard_length", "1", "--batch_size", "1"]
    environment = {"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", BUILD, *arguments], cwd=repository, env=environment)
    try:
        while process.poll() is None and not list(out.glob("complete/*.json")):
            time.sleep(0.002)
        process.send_signal(number)
        assert process.wait(60) == code
    finally:
        process.kill()
    store = SoftLabelStore.open(out)
    assert 0 < len(store.missing_shards()) < 12
    assert main(arguments) == 0
    assert store.missing_shards() == []
