from fractions import Fraction

import av
import numpy as np
import pytest

from distill.pose.skeleton import COCO_17
from distill.prediction.model import Person


@pytest.fixture
def person():
    """Function that gives a person standing at x, y, of a height in pixels, and its score."""

    def make(x=100.0, y=100.0, height=100.0, score=0.9, track=None):
        rng = np.random.default_rng(3)
        places = np.array([x, y]) + rng.uniform(-0.5, 0.5, (len(COCO_17), 2)) * (0.4 * height, height)
        keypoints = np.column_stack([places, np.full(len(places), 0.8)]).astype(np.float32)
        return Person(keypoints, score, track)

    return make


@pytest.fixture
def video(tmp_path):
    """Function that writes a video of plain frames, their brightness rising, at given times in seconds."""

    def write(name="clip.mp4", count=10, size=(64, 48), times=None, rotation=0, corner=False):
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10, options={"bf": "0", "g": "1"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            if rotation:
                stream.set_display_rotation(rotation)
            for number in range(count):
                pixels = np.full((size[1], size[0], 3), number * 6, np.uint8)
                if corner:
                    pixels[: size[1] // 2, : size[0] // 2] = 255
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                moment = number / 10 if times is None else times[number]
                frame.pts, frame.time_base = round(moment * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return write
