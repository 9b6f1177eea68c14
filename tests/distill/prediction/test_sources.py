"""Every way to name pictures and videos; times, turns and damage of videos."""

import shutil

import numpy as np
import pytest
from PIL import Image

from distill.prediction.sources import Photographs, Video, sources_of
from distill.system.errors import InputError


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "b.png", "more/c.jpg")):
        Image.fromarray(np.full((8, 12, 3), number * 50, np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def names(sources):
    return [path.name for path in sources[0].paths]


def test_pictures_by_name_folder_and_pattern(pictures):
    assert names(sources_of([str(pictures / "b.png")])) == ["b.png"]
    assert names(sources_of([str(pictures)])) == ["a.jpg", "b.png", "c.jpg"]
    assert names(sources_of([str(pictures / "*.jpg")])) == ["a.jpg"]
    assert names(sources_of([str(pictures / "**" / "*.jpg")])) == ["a.jpg", "c.jpg"]
    assert names(sources_of([str(pictures / "b.png"), str(pictures)])) == ["b.png", "a.jpg", "c.jpg"]


def test_a_picture_that_cannot_be_read_is_told_and_left_out(pictures, capsys):
    (pictures / "b.png").write_bytes(b"no picture")
    (source,) = sources_of([str(pictures)])
    assert [frame.number for frame in source.frames()] == [0, 2]
    assert "b.png cannot be read as a photograph" in capsys.readouterr().err


def test_videos_beside_pictures_and_of_one_name(pictures, video):
    path = video()
    shutil.copy(path, pictures / "clip.mp4")
    sources = sources_of([str(pictures), str(path)])
    assert isinstance(sources[0], Photographs) and [source.name for source in sources[1:]] == ["clip_1", "clip_2"]


def test_cameras_and_streams_are_understood():
    camera, stream = sources_of(["0", "rtsp://host/stream"])
    assert (camera.address, camera.is_live, stream.address) == ("/dev/video0", True, "rtsp://host/stream")
    with pytest.raises(InputError, match="/dev/video0 cannot be opened as a video"):
        next(camera.frames())


@pytest.mark.parametrize("word", ["nowhere.jpg", "nowhere/*.jpg", "no where"])
def test_what_names_nothing_is_told(word):
    with pytest.raises(InputError, match=r"names no photograph, folder, video, camera or stream"):
        sources_of([word])


def test_frames_have_their_own_times(video):
    times = [0.0, 0.1, 0.15, 0.4, 0.5, 1.0]
    (source,) = sources_of([str(video(count=6, times=times))])
    frames = list(source.frames())
    assert [frame.time for frame in frames] == pytest.approx(times, abs=2e-3)
    assert [frame.number for frame in frames] == list(range(6)) and source.length == 6
    assert np.diff([frame.pixels.mean() for frame in frames]).min() > 3
    assert [frame.number for frame in source.frames(every=4)] == [0, 4]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_phone_held_upright_is_turned_back(video, rotation):
    frame = next(sources_of([str(video(count=2, rotation=rotation, corner=True))])[0].frames())
    expected = np.full((48, 64), 0)
    expected[:24, :32] = 255
    expected = np.rot90(expected, rotation // 90)
    assert frame.pixels.shape[:2] == expected.shape
    assert np.abs(frame.pixels[..., 0].astype(int) - expected)[4:-4, 4:-4].mean() < 8


def test_damaged_frames_are_left_out_and_told(video, capsys):
    path = video(name="clip.ts", count=40)
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    path.write_bytes(content)
    (source,) = sources_of([str(path)])
    assert 10 < len(list(source.frames())) < 40


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100])
def test_no_video_is_one_line(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"clip.mp4 (cannot be opened as a video|holds no frame)") as refused:
        list(Video("clip", str(path)).frames())
    assert "\n" not in str(refused.value)


def test_a_video_cut_short_gives_what_there_is(video):
    path = video(name="clip.ts", count=30)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 < len(list(sources_of([str(path)])[0].frames())) < 30
