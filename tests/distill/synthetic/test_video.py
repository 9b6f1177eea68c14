"""Moving scenes: the same people from frame to frame, and joints that lie where the picture shows them."""

import json

import av
import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17
from distill.synthetic import SceneConfig
from distill.synthetic.video import MovingScene, write_video
from distill.system.errors import InputError

CONTENT = SceneConfig(size=160, min_persons=2, max_persons=2, min_height=0.6, max_height=0.9)


def test_a_frame_is_a_function_of_time_and_seed():
    one, two, other = MovingScene(CONTENT, 3), MovingScene(CONTENT, 3), MovingScene(CONTENT, 4)
    two.frame(0.2)
    for found, wanted in zip(one.frame(1.5), two.frame(1.5), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert (one.frame(1.5)[0] != other.frame(1.5)[0]).any()


def test_people_move_smoothly_and_arms_and_legs_more_than_hips():
    frames = np.stack([MovingScene(CONTENT, 3).frame(number / 50)[1] for number in range(50)])
    seen = (frames[..., 2] > 0).all(axis=0)
    steps = np.linalg.norm(np.diff(frames[..., :2], axis=0), axis=-1)
    assert steps[:, seen].max() < 0.06 * CONTENT.size and steps[:, seen].max(axis=0).min() > 0
    spread = np.ptp(frames[..., :2], axis=0).max(axis=-1)
    ankle, hip = COCO_17.joints.index("left_ankle"), COCO_17.joints.index("left_hip")
    assert (spread[:, ankle] > spread[:, hip])[seen[:, ankle] & seen[:, hip]].all()


def test_the_video_and_its_truth(tmp_path):
    path = tmp_path / "walk.mp4"
    truth = json.loads(write_video(path, MovingScene(CONTENT, 3), 1.2, 10).read_text())
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == len(truth["images"]) == 12
    times = [image["time"] for image in truth["images"]]
    assert [float(frame.time) for frame in frames] == pytest.approx(times, abs=1e-3)
    assert {person["track_id"] for person in truth["annotations"]} == {1, 2}
    picture, keypoints = MovingScene(CONTENT, 3).frame(0.5)
    assert np.abs(frames[5].to_ndarray(format="rgb24").astype(int) - picture).mean() < 6
    found = {p["track_id"]: np.reshape(p["keypoints"], (-1, 3)) for p in truth["annotations"] if p["image_id"] == 5}
    for number, person in found.items():
        labelled = person[:, 2] > 0
        np.testing.assert_allclose(person[labelled, :2] + 0.5, keypoints[number - 1][labelled, :2], atol=2e-3)


def test_its_truth_is_read_as_a_set(tmp_path):
    """Beside the frames as pictures it is COCO's JSON."""
    truth = json.loads(write_video(tmp_path / "w.mp4", MovingScene(CONTENT, 3), 0.2, 10).read_text())
    (tmp_path / "frames").mkdir()
    for image in truth["images"]:
        image["file_name"] = f"{image['id']}.png"
        Image.fromarray(MovingScene(CONTENT, 3).frame(image["time"])[0]).save(tmp_path / "frames" / image["file_name"])
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    data = KeypointSet(DataSource(annotations=tmp_path / "truth.json", images=tmp_path / "frames"), COCO_17)
    assert [len(data.keypoints(i)) for i in data.image_ids.tolist()] == [2, 2]


def test_no_frame_is_refused(tmp_path):
    with pytest.raises(InputError, match="are no frame"):
        write_video(tmp_path / "w.mp4", MovingScene(CONTENT, 3), 0.01, 10)
