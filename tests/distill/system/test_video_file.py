"""Videos that are written keep the times of their frames."""

import av
import numpy as np
import pytest

from distill.system.video_file import VideoWriter


def test_a_video_keeps_its_times_and_an_odd_size(tmp_path):
    writer = VideoWriter(tmp_path / "deep" / "clip.mp4", 10)
    times = [0.0, 0.1, 0.35, 0.4]
    for time in times:
        writer(np.full((49, 65, 3), 80, np.uint8), time)
    writer.close()
    with av.open(str(writer.path)) as container:
        frames = list(container.decode(video=0))
    assert [float(frame.time) for frame in frames] == pytest.approx(times, abs=1e-3)
    assert (frames[0].width, frames[0].height) == (64, 48)


def test_a_file_is_replaced_only_by_a_finished_one(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("before")
    writer = VideoWriter(path, 10)
    writer(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert path.read_text() == "before"
    writer.close()
    assert path.read_bytes()[4:8] == b"ftyp" and [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]
    VideoWriter(tmp_path / "empty.mp4", 10).close()
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]
