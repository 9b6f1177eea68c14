"""Pictures as people have them: right pixels, or one line."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from distill.data.photographs import REDUCTIONS, header, is_photograph, read_photograph, reduced, upright_size
from distill.system.errors import InputError

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = np.asarray(Image.fromarray(COLOURS).convert("L"))


def saved(path, image, **options):
    image.save(path, **options)
    return path


def smooth():
    """A picture (40, 60, 3) that survives JPEG: every corner of another colour."""
    y, x = np.mgrid[0:40, 0:60]
    return np.stack([4 * x, 6 * y, 200 - 3 * x], axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.bmp", "a.tif", "a.gif"])
def test_pixels_are_the_files(tmp_path, name):
    image = Image.fromarray(COLOURS)
    path = saved(tmp_path / name, image.quantize(256) if name.endswith("gif") else image)
    assert is_photograph(path) and np.array_equal(read_photograph(path), COLOURS)


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "a.webp", "A.WEBP"])
def test_lossy_pictures_are_close(tmp_path, name):
    path = saved(tmp_path / name, Image.fromarray(smooth()), quality=95)
    assert is_photograph(path) and np.abs(read_photograph(path).astype(int) - smooth()).mean() < 4


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    sides=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    quality=st.integers(5, 100),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    progressive=st.booleans(),
    keep_rgb=st.booleans(),
)
def test_a_jpeg_has_the_pixels_that_pillow_gives_it(
    tmp_path_factory, seed, sides, quality, subsampling, progressive, keep_rgb
):
    """However it is stored; also a damaged one that both can read, and one with something behind its end."""
    colours = np.random.default_rng(seed).integers(0, 256, (*sides, 3), dtype=np.uint8)
    stored = io.BytesIO()
    options = {"keep_rgb": True} if keep_rgb else {"subsampling": subsampling}
    Image.fromarray(colours).save(stored, "JPEG", quality=quality, progressive=progressive, **options)
    path = tmp_path_factory.mktemp("jpeg") / "a.jpg"
    for content in (stored.getvalue(), stored.getvalue() + b"behind"):
        path.write_bytes(content)
        assert np.array_equal(read_photograph(path), np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
        assert np.array_equal(read_photograph(path, content=content), read_photograph(path))


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.99])
def test_a_jpeg_that_was_cut_off_is_refused_wherever_it_ends(tmp_path, left):
    path = saved(tmp_path / "a.jpg", Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 64, 3), np.uint8)))
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(InputError, match="cannot be read as a photograph"):
        read_photograph(path)


def test_grey(tmp_path):
    for name, image in (
        ("l.png", Image.fromarray(GREY)),
        ("16.png", Image.fromarray(GREY.astype(np.uint16) * 257)),
        ("l.jpg", Image.fromarray(smooth()[..., 0])),
    ):
        pixels = read_photograph(saved(tmp_path / name, image))
        assert (pixels == pixels[..., :1]).all() and pixels.dtype == np.uint8
        if name.endswith("png"):
            assert np.array_equal(pixels[..., 0], GREY)


def test_sixteen_bits_of_twelve_are_not_black(tmp_path):
    """Cameras that fill 8 of 16 bits write values to 255 alone."""
    low = saved(tmp_path / "low.png", Image.fromarray(GREY.astype(np.uint16)))
    assert np.array_equal(read_photograph(low)[..., 0], GREY)


def test_one_bit(tmp_path):
    path = saved(tmp_path / "1.png", Image.fromarray((GREY > 128).astype(np.uint8) * 255).convert("1"))
    assert set(np.unique(read_photograph(path)).tolist()) == {0, 255}


def test_what_is_transparent_is_white(tmp_path):
    alpha = np.zeros((6, 9), dtype=np.uint8)
    alpha[:, 5:] = 255
    expected = np.where(alpha[..., None] == 255, COLOURS, 255)
    rgba = Image.fromarray(np.dstack([COLOURS, alpha]))
    assert np.array_equal(read_photograph(saved(tmp_path / "rgba.png", rgba)), expected)
    la = Image.fromarray(np.dstack([GREY, alpha]), mode="LA")
    assert np.array_equal(read_photograph(saved(tmp_path / "la.png", la))[..., 0], np.where(alpha == 255, GREY, 255))
    palette = Image.fromarray(COLOURS).quantize(64)
    seen = np.asarray(palette.convert("RGB"))
    path = saved(tmp_path / "p.png", palette, transparency=b"\xff" * 32 + b"\0" * 32)
    hidden = np.asarray(palette) >= 32
    assert np.array_equal(read_photograph(path), np.where(hidden[..., None], 255, seen))


def test_inks_become_colours(tmp_path):
    path = saved(tmp_path / "cmyk.jpg", Image.fromarray(smooth()).convert("CMYK"), quality=95)
    assert np.abs(read_photograph(path).astype(int) - smooth()).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_photographs_are_upright(tmp_path, orientation, mode):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = Image.fromarray(smooth()).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    path = saved(tmp_path / "a.jpg", stored, exif=exif, quality=95)
    assert header(path) == (stored.size, orientation) and upright_size(path) == (60, 40)
    expected = np.asarray(upright.convert("RGB")).astype(int)
    assert np.abs(read_photograph(path) - expected).mean() < 8
    assert np.abs(read_photograph(path, (60, 40)) - expected).mean() < 8
    if orientation > 4:
        assert read_photograph(path, (40, 60)).shape == (60, 40, 3)


def test_a_strange_orientation_is_none(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 42
    assert header(saved(tmp_path / "a.jpg", Image.fromarray(smooth()), exif=exif))[1] == 1


def test_the_first_of_several_frames_is_read(tmp_path):
    frames = [Image.fromarray(smooth()), Image.fromarray(smooth()[::-1])]
    path = saved(tmp_path / "a.jpg", frames[0], format="MPO", save_all=True, append_images=frames[1:], quality=95)
    assert np.abs(read_photograph(path).astype(int) - smooth()).mean() < 4


def long_text() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("history", "a" * (2 << 20), zip=True)
    out = io.BytesIO()
    Image.fromarray(COLOURS).save(out, "PNG", pnginfo=text)
    return out.getvalue()


def too_large() -> bytes:
    out = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("make", [long_text, too_large, bytes, lambda: b"<html>404</html>", lambda: b"\x89PNG\r\n"])
def test_what_is_no_picture_is_one_line(tmp_path, make):
    path = tmp_path / "a.png"
    path.write_bytes(make())
    for read in (header, read_photograph):
        with pytest.raises(InputError, match=r"a\.png cannot be read as a photograph \(.*\); save it again") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.bmp"])
def test_a_truncated_picture_is_one_line(tmp_path, name):
    path = saved(tmp_path / name, Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match="cannot be read as a photograph"):
        read_photograph(path)


def test_deep_and_fractional_pixels_are_refused(tmp_path):
    wide = saved(tmp_path / "32.tif", Image.fromarray(np.full((4, 4), 1 << 20, dtype=np.int32)))
    with pytest.raises(InputError, match="more than 16 bits"):
        read_photograph(wide)
    real = saved(tmp_path / "f.tif", Image.fromarray(np.full((4, 4), 0.5, dtype=np.float32)))
    with pytest.raises(InputError, match="fractions"):
        read_photograph(real)


def test_what_is_not_there_or_a_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_photograph(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="is a folder"):
        header(tmp_path)


@pytest.mark.parametrize("name", ["a.txt", ".a.jpg", "a.json", "jpg", "a.heic"])
def test_other_files_are_no_photographs(tmp_path, name):
    assert not is_photograph(tmp_path / name)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "turned.jpg"])
def test_reduced_pixels_are_means_of_their_neighbours(tmp_path, name, reduction):
    """Sides that no reduction divides; smooth, so that the decoder's rounding is small."""
    rows, columns = np.mgrid[:61, :93]
    smooth = np.stack([rows * 3, columns * 2, rows + columns], axis=2).astype(np.uint8)
    exif = Image.Exif()
    if name.startswith("turned"):
        exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(smooth).save(tmp_path / name, exif=exif, **({"quality": 98} if name.endswith("jpg") else {}))
    whole = read_photograph(tmp_path / name)
    found = read_photograph(tmp_path / name, whole.shape[1::-1], reduction)
    assert found.shape[1::-1] == reduced(whole.shape[1::-1], reduction)
    padded = np.pad(whole.astype(float), ((0, -whole.shape[0] % 8), (0, -whole.shape[1] % 8), (0, 0)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // reduction, reduction, padded.shape[1] // reduction, reduction, 3)
    wanted = blocks.mean((1, 3))[: found.shape[0] - 1, : found.shape[1] - 1]
    assert np.abs(found[:-1, :-1] - wanted).max() < 6


def test_a_photograph_of_another_size_than_the_annotated_one_stays_whole(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg")
    assert read_photograph(tmp_path / "a.jpg", (63, 48), 2).shape == (48, 64, 3)
