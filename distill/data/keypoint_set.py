"""Photographs, persons and masks of one split of a data set, looked up by image id."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from distill.data.formats.registry import read_split
from distill.data.photographs import read_photograph, reduced
from distill.data.reading.outlines import drawn
from distill.data.source import DataSource
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.errors import InputError
from distill.system.notes import note

PERSON, UNKNOWN, IGNORED = range(3)
"Channels of `KeypointSet.masks`."
OWN_SKELETON = "auto"
"Name that stands for the joints that a set brings itself."


class KeypointSet:
    """One split of a data set of any format, looked up by image id.

    What was left out or repaired on reading is said on standard error, a line each.

    Args:
        source: where the split is.
        skeleton: what the joints must be; None takes the set's own.

    Raises:
        InputError: a folder or file is missing, or the annotations are of another kind.
    """

    def __init__(self, source: DataSource, skeleton: Skeleton | None):
        self.source = source
        content = read_split(source, skeleton)
        self.split = content.name
        "Name of the split; empty where the set has none, or its annotations are a file that was named."
        self.skeleton: Skeleton = content.skeleton
        self.image_ids = content.image_ids
        "(N,) int64, ascending."
        self.folder, self.annotation_file = content.folder, content.annotation_file
        self.annotation_sha256 = content.sha256
        self.annotations = content.annotations
        self.category = content.category
        "Category id of a person in the set, which results are written with."
        self.notes = content.notes
        "What was left out or repaired, a line each."
        self._sizes, self._files = content.sizes, content.files
        self._is_annotated, self._annotates = content.is_annotated, content.annotates
        for line in content.notes:
            note(line)

    def __len__(self) -> int:
        return len(self.image_ids)

    def require_labelled(self, image_ids: Iterable[int] | None = None):
        """Refuse photographs, by default all, among which there is nothing to measure against.

        Raises:
            InputError: nobody on them has a labelled joint.
        """
        labelled = self.annotations.image_ids[self.annotations.labelled]
        if not (labelled.size if image_ids is None else np.isin(list(image_ids), labelled).any()):
            raise InputError(
                f"nobody has a labelled joint on these photographs of {self.annotation_file}, so there is nothing to "
                "measure against; name an annotated split with data.split, or more photographs with limit"
            )

    def size(self, image_id: int) -> tuple[int, int]:
        """Width and height of a photograph, pixels."""
        width, height = self._sizes[self._row(image_id)].tolist()
        return width, height

    def path(self, image_id: int) -> Path:
        """The file of a photograph."""
        return self.folder / str(self._files[self._row(image_id)])

    def photograph(self, image_id: int, reduction: int = 1) -> np.ndarray:
        """Pixels (H, W, 3), uint8 RGB.

        Args:
            reduction: as `distill.data.photographs.read_photograph` takes it.

        Raises:
            InputError: the file is missing, truncated, no picture, or not of the annotated size.
        """
        path, size = self.path(image_id), self.size(image_id)
        pixels = read_photograph(path, size, reduction)
        if pixels.shape[1::-1] != reduced(size, reduction):
            raise InputError(
                f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels, but {self.annotation_file.name} "
                f"says {size[0]} x {size[1]}; use photographs and annotations of the same release"
            )
        return pixels

    def joints_annotated(self, image_id: int) -> np.ndarray:
        """(K,) bool: joints that are annotated in a photograph; what it shows of the others is not known."""
        row = self._row(image_id)
        return self._annotates[row] & self._is_annotated[row]

    def is_annotated(self, image_id: int) -> bool:
        """Whether the people of a photograph are annotated at all."""
        return bool(self._is_annotated[self._row(image_id)])

    def keypoints(self, image_id: int) -> np.ndarray:
        """Labelled persons (P, K, 3): x, y in continuous pixels and visibility 0, 1 or 2.

        Crowds and persons without a labelled joint are left out.
        """
        those = self._of(image_id)
        return self.annotations.keypoints[those][self.annotations.labelled[those]]

    def boxes(self, image_id: int) -> np.ndarray:
        """Boxes (P, 4) x, y, width, height of the annotated persons, also of those without joints; no crowds."""
        those = self._of(image_id)
        return self.annotations.boxes[those][~self.annotations.is_crowd[those]]

    def masks(self, image_id: int, reduction: int = 1) -> np.ndarray:
        """Masks (H, W, 3), uint8 0 or 255: person, outline unknown, ignored by the hard losses.

        Channel `PERSON` is the union of all known outlines, crowds included; `UNKNOWN` the boxes of
        persons without one; `IGNORED` crowds and persons without a labelled joint, by outline or box. Of a
        photograph that nobody annotated both are everywhere.

        Args:
            reduction: they are drawn at the size of a photograph that is read with it.
        """
        width, height = self.size(image_id)
        masks = np.zeros((*reduced((width, height), reduction)[::-1], 3), dtype=np.uint8)
        if not self.is_annotated(image_id):
            masks[..., [UNKNOWN, IGNORED]] = 255
        those = self._of(image_id)
        for number in range(those.start, those.stop):
            outline = self.annotations.outlines[number]
            if outline is None:
                area = _box_area(self.annotations.boxes[number], reduction)
                masks[(*area, UNKNOWN)] = 255
            else:
                area = (drawn(outline, width, height, reduction),)
                masks[(*area, PERSON)] = 255
            if not self.annotations.labelled[number]:
                masks[(*area, IGNORED)] = 255
        return masks

    def _row(self, image_id: int) -> int:
        """Place of an image in `image_ids`."""
        row = int(self.image_ids.searchsorted(image_id))
        if row == len(self.image_ids) or self.image_ids[row] != image_id:
            raise InputError(f"image id {image_id} is not in {self.annotation_file}")
        return row

    def _of(self, image_id: int) -> slice:
        """The annotations of an image."""
        self._row(image_id)
        return self.annotations.of(image_id)


def _box_area(box: np.ndarray, reduction: int) -> tuple[slice, slice]:
    """Rows and columns of a box x, y, width, height: all pixels that it touches, reduced."""
    x, y, width, height = box
    edges = ((np.floor(first), np.ceil(last)) for first, last in ((y, y + height), (x, x + width)))
    rows, columns = (slice(*(max(round(edge / reduction), 0) for edge in pair)) for pair in edges)
    return rows, columns


def open_data(source: DataSource, skeleton_name: str) -> KeypointSet:
    """A split with the skeleton of that name or YAML file, or with its own where the name is "auto".

    Raises:
        InputError: as `KeypointSet` and `get_skeleton`.
    """
    return KeypointSet(source, None if skeleton_name == OWN_SKELETON else get_skeleton(skeleton_name))
