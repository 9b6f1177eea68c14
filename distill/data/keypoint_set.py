"""Reading photographs, persons and masks from a COCO keypoint folder."""

import hashlib
import json
from operator import itemgetter
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as rle

from distill.data.annotations import Annotations
from distill.pose.skeleton import Skeleton
from distill.system.errors import InputError

PERSON, UNKNOWN, IGNORED = range(3)
"Channels of `KeypointSet.masks`."


class KeypointSet:
    """One split of a COCO keypoint set, looked up by image id.

    The photographs lie in ROOT/SPLIT or ROOT/images/SPLIT, the annotations in
    ROOT/annotations/person_keypoints_SPLIT.json.

    Args:
        root: the folder of the set.
        split: such as "train2017".
        skeleton: what the keypoints in the file must be.

    Raises:
        InputError: a folder or file is missing, or the annotations are of another kind.
    """

    def __init__(self, root: Path, split: str, skeleton: Skeleton):
        self.root, self.split, self.skeleton = Path(root), split, skeleton
        self.annotation_file = self.root / "annotations" / f"person_keypoints_{split}.json"
        content = self._read_annotation_file()
        self.annotation_sha256 = hashlib.sha256(content).hexdigest()
        self.folder = self._find_photographs()
        document = _parse(content, self.annotation_file)
        _check_skeleton(document, skeleton, self.annotation_file)
        for annotation in document["annotations"]:
            _check_annotation(annotation, len(skeleton), self.annotation_file)
        try:
            images = sorted({image["id"]: image for image in document["images"]}.values(), key=itemgetter("id"))
            self.image_ids = np.array([image["id"] for image in images], dtype=np.int64)
            self._sizes = np.array([(image["width"], image["height"]) for image in images], dtype=np.int64)
            self._files = np.array([image["file_name"] for image in images], dtype=str)
            self._annotations = Annotations(document["annotations"], len(skeleton))
        except KeyError as error:
            raise InputError(f"{self.annotation_file}: an image has no field {error.args[0]}") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{self.annotation_file} holds something else than a number ({error})") from None
        if not len(self.image_ids):
            raise InputError(f"{self.annotation_file} lists no images")

    @property
    def joints_annotated(self) -> np.ndarray:
        """(K,) bool: joints of the skeleton that this set annotates at all."""
        return np.ones(len(self.skeleton), dtype=bool)

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
        except (OSError, SyntaxError) as error:
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
        points = self._annotations.keypoints[those][self._annotations.labelled[those]]
        points[..., :2] += 0.5
        return points

    def masks(self, image_id: int) -> np.ndarray:
        """Masks (H, W, 3), uint8 0 or 255: person, outline unknown, ignored by the hard losses.

        Channel `PERSON` is the union of all known outlines, crowds included; `UNKNOWN` the boxes of
        persons without one; `IGNORED` crowds and persons without a labelled joint, by outline or box.
        """
        width, height = self.size(image_id)
        masks = np.zeros((height, width, 3), dtype=np.uint8)
        those = self._of(image_id)
        for number in range(those.start, those.stop):
            outline = self._outline(number, width, height)
            if outline is None:
                x, y, w, h = self._annotations.boxes[number]
                area = (
                    slice(max(int(np.floor(y)), 0), max(int(np.ceil(y + h)), 0)),
                    slice(max(int(np.floor(x)), 0), max(int(np.ceil(x + w)), 0)),
                )
                masks[(*area, UNKNOWN)] = 255
            else:
                area = (outline,)
                masks[(*area, PERSON)] = 255
            if not self._annotations.labelled[number]:
                masks[(*area, IGNORED)] = 255
        return masks

    def _outline(self, number: int, width: int, height: int) -> np.ndarray | None:
        """Boolean mask (H, W) of an annotation, or None where the outline is unknown."""
        segmentation = self._annotations.segmentation(number)
        if not segmentation:
            return None
        try:
            if isinstance(segmentation, list):
                encoded = rle.merge(rle.frPyObjects(segmentation, height, width))
            elif isinstance(segmentation["counts"], list):
                encoded = rle.frPyObjects(segmentation, height, width)
            else:
                encoded = segmentation
            outline = rle.decode(encoded).astype(bool)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise InputError(
                f"{self.annotation_file}: annotation {self._annotations.ids[number]} has a broken segmentation "
                f"({error})"
            ) from None
        if outline.shape != (height, width):
            raise InputError(
                f"{self.annotation_file}: annotation {self._annotations.ids[number]} has a segmentation of "
                f"{outline.shape[1]} x {outline.shape[0]} on an image of {width} x {height} pixels"
            )
        return outline

    def _row(self, image_id: int) -> int:
        """Place of an image in `image_ids`."""
        row = int(np.searchsorted(self.image_ids, image_id))
        if row == len(self.image_ids) or self.image_ids[row] != image_id:
            raise InputError(f"image id {image_id} is not in {self.annotation_file}")
        return row

    def _of(self, image_id: int) -> slice:
        """The annotations of an image."""
        self._row(image_id)
        return self._annotations.of(image_id)

    def _read_annotation_file(self) -> bytes:
        if not self.root.is_dir():
            raise InputError(f"data.root {self.root} is not a folder; give the folder that holds annotations/")
        try:
            return self.annotation_file.read_bytes()
        except FileNotFoundError:
            raise InputError(
                f"{self.annotation_file} does not exist; check data.root and data.split, or fetch it with "
                "`distill-data fetch`"
            ) from None

    def _find_photographs(self) -> Path:
        folders = [self.root / self.split, self.root / "images" / self.split]
        for folder in folders:
            if folder.is_dir():
                return folder
        raise InputError(f"no photographs: neither {folders[0]} nor {folders[1]} is a folder")


def _parse(content: bytes, path: Path) -> dict:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); it may be truncated, fetch it again") from None
    if not isinstance(document, dict) or not {"images", "annotations", "categories"} <= document.keys():
        raise InputError(f"{path} is not a COCO annotation file: images, annotations or categories is missing")
    return document


def _check_skeleton(document: dict, skeleton: Skeleton, path: Path):
    named = [tuple(category.get("keypoints", ())) for category in document["categories"]]
    if not any(named):
        raise InputError(f"{path} has no keypoints in its categories; give a person_keypoints file")
    if skeleton.joints not in named:
        raise InputError(f"{path} has other joints than skeleton {skeleton.name}; choose the right skeleton")


def _check_annotation(annotation: dict, num_keypoints: int, path: Path):
    for field, length in (("id", None), ("image_id", None), ("bbox", 4), ("keypoints", 3 * num_keypoints)):
        value = annotation.get(field)
        if value is None or (length and not isinstance(value, list)):
            raise InputError(f"{path}: annotation {annotation.get('id', '?')} has no usable field {field}")
        if length and len(value) != length:
            raise InputError(
                f"{path}: annotation {annotation['id']} has {len(value)} values in {field} instead of {length}"
            )
