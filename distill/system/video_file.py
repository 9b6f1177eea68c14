"""Writing videos."""

import os
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

_CLOCK = 90_000
"Ticks a second, so that frames keep their own times."


class VideoWriter:
    """An mp4 whose frames keep the times they are given; it gets its name when it is closed.

    Args:
        path: the file, which is replaced.
        rate: frames a second, about.
        quality: of H.264, 0 (without loss) to 51.
    """

    def __init__(self, path: Path, rate: float, quality: int = 23):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._rate, self._quality, self._last = path, rate, quality, -1
        self._pending = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
        self._container, self._stream = av.open(str(self._pending), "w"), None

    def __call__(self, pixels: np.ndarray, time: float):
        """Append a frame (H, W, 3) uint8 RGB; an odd last row or column is left out, for the codec takes none."""
        height, width = (side // 2 * 2 for side in pixels.shape[:2])
        if self._stream is None:
            self._stream = self._container.add_stream(
                "libx264", rate=round(max(self._rate, 1)), options={"crf": str(self._quality)}
            )
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.codec_context.time_base = Fraction(1, _CLOCK)
        elif (self._stream.width, self._stream.height) != (width, height):
            pixels = cv2.resize(pixels, (self._stream.width, self._stream.height))
        pixels = pixels[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        self._last = max(round(time * _CLOCK), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _CLOCK)
        self._container.mux(self._stream.encode(frame))

    def close(self):
        """Finish the file and give it its name; without a frame there is none."""
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode())
            self._container.close()
            if self._stream is not None:
                self._pending.replace(self.path)
        finally:
            self._pending.unlink(missing_ok=True)
