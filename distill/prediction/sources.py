"""What persons are looked for in: pictures, folders, videos, cameras and streams, frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from distill.data.photographs import is_photograph, read_photograph
from distill.data.reading.locate import photographs_in
from distill.system.errors import InputError
from distill.system.notes import note

VIDEOS = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".3gp", ".wmv"})
"Endings of files that are taken for videos, in lower case."
_STREAMS = ("http://", "https://", "rtsp://", "rtmp://", "udp://", "tcp://")
_RATE = 30.0
"Frames a second where a video does not say."
_MOST_BROKEN = 10_000
"Packets that cannot be decoded after which a video is given up."
PHOTOGRAPHS = "photographs"
"Name of the source that all photographs are."


@dataclass(frozen=True)
class Frame:
    """One picture that persons are looked for in."""

    pixels: np.ndarray
    "(H, W, 3) uint8 RGB, upright."
    number: int
    "Of the frame in its source, from 0, also where frames between are left out."
    time: float
    "Seconds since the source's first frame; of photographs 0."
    name: str
    "Of the file of a photograph, else of the source."


@dataclass(frozen=True)
class Photographs:
    """Pictures, each by itself."""

    name: str
    paths: Sequence[Path]
    is_live = False

    def frames(self, every: int = 1) -> Iterator[Frame]:
        """All that can be read; what cannot is told."""
        for number, path in enumerate(self.paths):
            try:
                yield Frame(read_photograph(path), number, 0.0, str(path))
            except InputError as error:
                note(str(error))

    @property
    def folders(self) -> set[Path]:
        """Where they lie."""
        return {path.resolve().parent for path in self.paths}

    @property
    def length(self) -> int:
        """Number of them."""
        return len(self.paths)


@dataclass(frozen=True)
class Video:
    """A file, a camera or a stream."""

    name: str
    address: str
    container: str | None = None
    "FFmpeg's name of the way in, where the address does not say."
    is_live: bool = False

    @property
    def folders(self) -> set[Path]:
        """Where the file lies; none of a camera or a stream."""
        path = Path(self.address)
        return {path.resolve().parent} if path.is_file() else set()

    def frames(self, every: int = 1) -> Iterator[Frame]:
        """Every n-th frame that can be decoded, turned upright; how many cannot is told at the end.

        Raises:
            InputError: it cannot be opened, or has no picture.
        """
        broken = number = 0
        first = None
        with self._opened() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = float(stream.average_rate or _RATE)
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets)
                    decoded = packet.decode()
                except StopIteration:
                    break
                except av.FFmpegError:
                    broken += 1
                    if broken > _MOST_BROKEN:
                        break
                    continue
                for frame in decoded:
                    time = number / rate if frame.time is None else float(frame.time)
                    first = time if first is None else first
                    if number % every == 0:
                        pixels = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                        yield Frame(np.ascontiguousarray(pixels), number, time - first, self.name)
                    number += 1
        if broken:
            note(f"{self.address}: {broken} packets cannot be decoded and are left out")
        if not number:
            raise InputError(f"{self.address} holds no frame that can be decoded; save the video again")

    @property
    def length(self) -> int | None:
        """Number of its frames as it says itself; None where it does not."""
        if self.is_live:
            return None
        with self._opened() as container:
            return container.streams.video[0].frames or None

    @property
    def rate(self) -> float:
        """Frames a second, the mean."""
        with self._opened() as container:
            return float(container.streams.video[0].average_rate or _RATE)

    def _opened(self) -> av.container.InputContainer:
        try:
            container = av.open(self.address, format=self.container)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(f"{self.address} cannot be opened as a video ({_reason(error)})") from None
        if not container.streams.video:
            container.close()
            raise InputError(f"{self.address} has no picture; name a video")
        return container


Source = Photographs | Video


def sources_of(words: Sequence[str]) -> list[Source]:
    """What the words name: files, folders, patterns with * or ?, numbers of cameras, addresses of streams.

    Photographs of all words are one source, the first.

    Raises:
        InputError: a word names nothing.
    """
    photographs: list[Path] = []
    videos: list[Source] = []
    for word in words:
        if word.isdigit():
            videos.append(Video(f"camera_{word}", f"/dev/video{word}", "v4l2", True))
        elif word.startswith(_STREAMS):
            videos.append(Video("stream", word, None, True))
        else:
            for path in _paths(word):
                if path.suffix.lower() in VIDEOS:
                    videos.append(Video(path.stem, str(path)))
                elif path not in photographs:
                    photographs.append(path)
    names = [video.name for video in videos]
    named = [_renamed(video, names, number) for number, video in enumerate(videos)]
    return [Photographs(PHOTOGRAPHS, photographs), *named] if photographs else named


def _paths(word: str) -> list[Path]:
    """Files that a word names: itself, those in a folder, or those of a pattern."""
    path = Path(word)
    if path.is_dir():
        videos = sorted(each for each in path.iterdir() if each.suffix.lower() in VIDEOS)
        found = [path / name for name in photographs_in(path)] + videos
        if not found:
            raise InputError(f"{word} holds no photograph and no video")
        return found
    if path.exists():
        return [path]
    pattern = path.relative_to(path.anchor)
    found = sorted(Path(path.anchor).glob(str(pattern))) if set(word) & set("*?[") else []
    found = [each for each in found if each.is_file() and (is_photograph(each) or each.suffix.lower() in VIDEOS)]
    if not found:
        raise InputError(f"{word} names no photograph, folder, video, camera or stream")
    return found


def _renamed(video: Video, names: Sequence[str], number: int) -> Video:
    if names.count(video.name) == 1:
        return video
    return Video(f"{video.name}_{number + 1}", video.address, video.container, video.is_live)


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
