"""Photographs of a split in one file, no larger than a training needs them, for network file systems.

The file is a ZIP archive, stored without compression: `pack.json`, which says of what it was made, and a JPEG for each
photograph, named by its id.
"""

import io
import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.photographs import header, read_photograph
from distill.system.errors import InputError
from distill.system.files import unfinished_file, write_atomically
from distill.system.overlap import mapped

PART = 1000
"Photographs of a part, the unit that is written and resumed."
_INFO = "pack.json"
_LOCAL = struct.Struct("<26xHH")
"Header before each file of an archive, as far as its last two fields: how long its name is, and what else follows."


@dataclass(frozen=True)
class Packing:
    """How photographs are packed."""

    short_side: int = 384
    "Most pixels of the shorter side; smaller photographs stay as they are."
    quality: int = 92
    "JPEG quality of those that are made smaller, 1 to 100."

    def __post_init__(self):
        if self.short_side < 32:
            raise InputError(f"short_side must be at least 32 pixels, not {self.short_side}")
        if not 1 <= self.quality <= 100:
            raise InputError(f"quality must lie in 1..100, not {self.quality}")


def pack(
    data: KeypointSet,
    out: Path,
    packing: Packing,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Write the photographs of a split into one file; returns whether it came to its end.

    Parts that are whole stay beside the file until it is there, and are gone on with.

    Args:
        progress: called with photographs packed and to be packed.
        stop: asked after each photograph.

    Raises:
        InputError: a photograph cannot be read, or the parts are of another set or packing.
    """
    parts, ids = out.with_name(f".{out.name}.parts"), data.image_ids.tolist()
    wanted = _content(data, packing)
    _claim(parts, wanted)
    names = [parts / f"{start:08d}.zip" for start in range(0, len(ids), PART)]
    for number, name in enumerate(names):
        own = ids[number * PART : (number + 1) * PART]
        if not name.exists() and not _write_part(name, data, own, packing, stop):
            return False
        progress(number * PART + len(own), len(ids))
    with unfinished_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(_INFO, json.dumps(wanted))
        for name in names:
            with zipfile.ZipFile(name) as part:
                for entry in part.infolist():
                    archive.writestr(entry.filename, part.read(entry))
    shutil.rmtree(parts)
    return True


class PackedPhotographs:
    """Photographs of a pack by image id; its table is read once, and shared by forked processes.

    Args:
        path: of the pack.
        data: the split that it was made of.

    Raises:
        InputError: it is no pack, or one of other photographs.
    """

    def __init__(self, path: Path, data: KeypointSet):
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                content = dict(json.loads(archive.read(_INFO)))
                entries = [entry for entry in archive.infolist() if entry.filename != _INFO]
                table = [(int(Path(e.filename).stem), e.header_offset, e.file_size) for e in entries]
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is no pack of photographs ({error}); make it by `distill-data pack`") from None
        for name, value in _of_set(data).items():
            if content.get(name) != value:
                raise InputError(
                    f"{path} was made of another set than {data.annotation_file} ({name} differs); pack that one"
                )
        if len(table) != len(data):
            raise InputError(f"{path} holds {len(table)} photographs of {len(data)}; pack the set again")
        self._ids, self._offsets, self._sizes = np.array(sorted(table), dtype=np.int64).T
        self._opened: tuple[int, int] | None = None

    def __call__(self, image_id: int) -> np.ndarray:
        """Pixels (H, W, 3), uint8 RGB, of a photograph as it was packed.

        Raises:
            InputError: it is not in the pack, or cannot be read.
        """
        row = int(np.searchsorted(self._ids, image_id))
        if row == len(self._ids) or self._ids[row] != image_id:
            raise InputError(f"image id {image_id} is not in {self.path}; pack the set again")
        return read_photograph(self.path / f"{image_id}.jpg", content=self._bytes(row))

    def _bytes(self, row: int) -> bytes:
        descriptor, offset, size = self._descriptor(), int(self._offsets[row]), int(self._sizes[row])
        names = sum(_LOCAL.unpack(os.pread(descriptor, _LOCAL.size, offset)))
        return os.pread(descriptor, size, offset + _LOCAL.size + names)

    def _descriptor(self) -> int:
        """Of the file, opened by each process for itself."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), os.open(self.path, os.O_RDONLY)
        return self._opened[1]


def _of_set(data: KeypointSet) -> dict[str, object]:
    return {"split": data.split, "annotation_sha256": data.annotation_sha256, "images": len(data)}


def _content(data: KeypointSet, packing: Packing) -> dict[str, object]:
    return _of_set(data) | {"short_side": packing.short_side, "quality": packing.quality}


def _claim(parts: Path, wanted: dict[str, object]):
    """Take the folder of the parts for this packing."""
    info = parts / _INFO
    if not info.exists():
        write_atomically(info, json.dumps(wanted))
    elif json.loads(info.read_text()) != wanted:
        raise InputError(f"{parts} holds parts of another set or packing; remove it, or give out another name")


def _write_part(name: Path, data: KeypointSet, ids: list[int], packing: Packing, stop: Callable[[], bool]) -> bool:
    """Write some photographs; returns whether it came to their end."""
    contents = []
    with closing(mapped(lambda image_id: _encoded(data, image_id, packing), ids, depth=64)) as encoded:
        for content in encoded:
            contents.append(content)
            if stop():
                return False
    with unfinished_file(name) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for image_id, content in zip(ids, contents, strict=True):
            archive.writestr(f"{image_id}.jpg", content)
    return True


def _encoded(data: KeypointSet, image_id: int, packing: Packing) -> bytes:
    """A photograph as it is packed."""
    path, size = data.path(image_id), data.size(image_id)
    factor = packing.short_side / min(size)
    if factor >= 1 and path.suffix.lower() in (".jpg", ".jpeg") and header(path) == (size, 1):
        return path.read_bytes()
    pixels = data.photograph(image_id)
    if factor < 1:
        smaller = tuple(max(round(side * factor), 1) for side in size)
        pixels = cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=packing.quality)
    return content.getvalue()
