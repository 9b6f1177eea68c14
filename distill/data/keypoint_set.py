"""Photographs, persons and masks of one split of a data set, looked up by image id."""

from pathlib import Path

import numpy as np
from PIL import Image

from distill.data.formats.registry import AUTO, read_split
from distill.data.outlines import drawn
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.errors import InputError
from distill.system.notes import note

PERSON, UNKNOWN, IGNORED = range(3)
"Channels of `KeypointSet.masks`."
OWN_SKELETON = "auto"
"Name that stands for the joints that a set brings itself."


class KeypointSet:
    """One split of a data set of any format, looked up by image id.

    What was left out on reading is said on standard error, a line each.

    Args:
        root: the folder of the set.
        split: such as "train2017".
        skeleton: what the joints must be; None takes the set's own.
        format: name of a file in `distill/data/formats`; "auto" finds it by what lies in the folder.

    Raises:
        InputError: a folder or file is missing, or the annotations are of another kind.
    """

    def __init__(self, root: Path, split: str, skeleton: Skeleton | None, format: str = AUTO):
        self.root, self.split = Path(root), split
        content = read_split(self.root, split, skeleton, format)
        self.skeleton: Skeleton = content.skeleton
        self.image_ids = content.image_ids
        "(N,) int64, ascending."
        self.folder, self.annotation_file = content.folder, content.annotation_file
        self.annotation_sha256 = content.sha256
        self.annotations = content.annotations
        self.joints_annotated = content.joints_annotated
        "(K,) bool: joints that somebody in this split has; the others teach nothing here."
        self.category = content.category
        "Category id of a person in the set, which results are written with."
        self._sizes, self._files = content.sizes, content.files
        for line in content.notes:
            note(line)

    def __len__(self) -> int:
        return len(self.image_ids)

    def size(self, image_id: int) -> tuple[int, int]:
        """Width and height of a photograph, pixels."""
        width, height = self._sizes[self._row(image_id)].tolist()
        return width, height

    def path(self, image_id: int) -> Path:
        """The file of a photograph."""
        return self.folder / str(self._files[self._row(image_id)])

    def photograph(self, image_id: int) -> np.ndarray:
        """Pixels (H, W, 3), uint8 RGB.

        Raises:
            InputError: the file is missing, truncated, no picture, or not of the annotated size.
        """
        path = self.path(image_id)
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
        except FileNotFoundError:
            raise InputError(
                f"{path} is listed in {self.annotation_file.name} but does not exist; fetch the photographs again"
            ) from None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(f"{path} cannot be read as a photograph ({error}); fetch it again") from None
        if pixels.shape[1::-1] != self.size(image_id):
            width, height = self.size(image_id)
            raise InputError(
                f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels, but {self.annotation_file.name} "
                f"says {width} x {height}; use photographs and annotations of the same release"
            )
        return pixels

    def keypoints(self, image_id: int) -> np.ndarray:
        """Labelled persons (P, K, 3): x, y in continuous pixels and visibility 0, 1 or 2.

        Crowds and persons without a labelled joint are left out.
        """
        those = self._of(image_id)
        return self.annotations.keypoints[those][self.annotations.labelled[those]]

    def masks(self, image_id: int) -> np.ndarray:
        """Masks (H, W, 3), uint8 0 or 255: person, outline unknown, ignored by the hard losses.

        Channel `PERSON` is the union of all known outlines, crowds included; `UNKNOWN` the boxes of
        persons without one; `IGNORED` crowds and persons without a labelled joint, by outline or box.
        """
        width, height = self.size(image_id)
        masks = np.zeros((height, width, 3), dtype=np.uint8)
        those = self._of(image_id)
        for number in range(those.start, those.stop):
            outline = self.annotations.outlines[number]
            if outline is None:
                x, y, w, h = self.annotations.boxes[number]
                area = (
                    slice(max(int(np.floor(y)), 0), max(int(np.ceil(y + h)), 0)),
                    slice(max(int(np.floor(x)), 0), max(int(np.ceil(x + w)), 0)),
                )
                masks[(*area, UNKNOWN)] = 255
            else:
                area = (drawn(outline, width, height),)
                masks[(*area, PERSON)] = 255
            if not self.annotations.labelled[number]:
                masks[(*area, IGNORED)] = 255
        return masks

    def _row(self, image_id: int) -> int:
        """Place of an image in `image_ids`."""
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self.image_ids) or self.image_ids[row] != image_id:
            raise InputError(f"image id {image_id} is not in {self.annotation_file}")
        return row

    def _of(self, image_id: int) -> slice:
        """The annotations of an image."""
        self._row(image_id)
        return self.annotations.of(image_id)


def open_data(root: Path, split: str, skeleton_name: str, format: str = AUTO) -> KeypointSet:
    """A split with the skeleton of that name or YAML file, or with its own where the name is "auto".

    Raises:
        InputError: as `KeypointSet` and `get_skeleton`.
    """
    skeleton = None if skeleton_name == OWN_SKELETON else get_skeleton(skeleton_name)
    return KeypointSet(root, split, skeleton, format)
