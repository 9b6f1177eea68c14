"""Photographs as people have them: their size and their pixels, as a viewer shows them."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from distill.system.errors import InputError

ENDINGS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"Of files that are taken for photographs, in lower case."

REDUCTIONS = (1, 2, 4, 8)
"By which a photograph can be reduced while it is read."

_HIGH_BYTE = 256
_END_OF_JPEG = b"\xff\xd9"
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)

# Up to its limit, which raises, a large photograph is as good as any.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def is_photograph(path: Path) -> bool:
    """Whether a file is one by its ending; hidden files are none."""
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def header(path: Path) -> tuple[tuple[int, int], int]:
    """Width and height as the file stores them, and its EXIF orientation, 1 to 8 (1 where it has none).

    Raises:
        InputError: the file is missing or no picture.
    """
    with _opened(path) as image:
        return image.size, _orientation(image)


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height, pixels, once the photograph is turned as its EXIF says; raises as `header`."""
    return turned(*header(path))


def turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of a stored size after the turn of an EXIF orientation."""
    return size if orientation < 5 else size[::-1]


def read_photograph(
    path: Path, size: tuple[int, int] | None = None, reduction: int = 1, content: bytes | None = None
) -> np.ndarray:
    """Pixels (H, W, 3), uint8 RGB, of JPEG, PNG, WebP and whatever else Pillow opens.

    The photograph is turned as its EXIF says, as browsers and annotation tools show it, unless `size` fits only
    what is stored. Sixteen bits a channel become eight; what is transparent becomes white.

    Args:
        size: annotated width and height.
        reduction: one of `REDUCTIONS`: how many pixels in a row become one, their mean; a photograph of another size
            than the annotated one stays as it is.
        content: of the file, where it is known; messages name the path all the same.

    Raises:
        InputError: the file is missing, truncated or no picture.
    """
    with _opened(path, content) as image:
        orientation = _orientation(image)
        turns = orientation > 1 and not fits_only_unturned(image.size, orientation, size)
        if size not in (None, turned(image.size, orientation) if turns else image.size):
            reduction = 1
        if reduction == 1 and not turns and (pixels := _decoded(image)) is not None:
            return pixels
        whole = image.size
        if isinstance(image, JpegImageFile) and not turns:
            # The decoder itself leaves out what nobody asks for.
            image.draft(None, tuple(max(side // reduction, 1) for side in whole))
        is_reduced = image.size == reduced(whole, reduction)
        pixels = _eight_bits(image, path)
        if turns:
            pixels = ImageOps.exif_transpose(_with_orientation(pixels, orientation))
        return np.asarray(pixels if is_reduced else pixels.reduce(reduction))


def reduced(size: tuple[int, int], reduction: int) -> tuple[int, int]:
    """Width and height of a photograph of which so many pixels in a row became one; the last one may be of fewer."""
    return -(-size[0] // reduction), -(-size[1] // reduction)


def fits_only_unturned(stored: tuple[int, int], orientation: int, size: tuple[int, int] | None) -> bool:
    """Whether a size is that of the stored photograph and not that of the turned one."""
    return size is not None and size == stored != turned(stored, orientation)


def _decoded(image: Image.Image) -> np.ndarray | None:
    """Pixels of a whole JPEG of three colours by OpenCV, the same as by Pillow in less time; None of any other file.

    Of a file that was cut off it would give what there is, without a word.
    """
    if not isinstance(image, JpegImageFile) or image.mode != "RGB":
        return None
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(0)
    if not content.endswith(_END_OF_JPEG):
        return None
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


@contextmanager
def _opened(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as image:
            yield image
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; fetch the photographs again") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, where a photograph is wanted") from None
    except _UNREADABLE as error:
        raise InputError(
            f"{path} cannot be read as a photograph ({' '.join(str(error).split())}); save it again as JPEG or PNG, "
            "or leave it out of the set"
        ) from None


def _orientation(image: Image.Image) -> int:
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def _with_orientation(image: Image.Image, orientation: int) -> Image.Image:
    """The picture with that EXIF orientation and no other, for converting loses it in some modes."""
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return image


def _eight_bits(image: Image.Image, path: Path) -> Image.Image:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() >= _HIGH_BYTE**2:
            raise InputError(f"{path} has more than 16 bits a pixel; save it with 8")
        return Image.fromarray((values // (_HIGH_BYTE if values.max() >= _HIGH_BYTE else 1)).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode == "F":
        raise InputError(f"{path} holds fractions as pixels; save it with 8 bits a channel")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
