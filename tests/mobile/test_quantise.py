"""The same network in fewer bits: smaller, close to float32, with the ranges that were asked for."""

from functools import cache

import numpy as np
import pytest

from mobile.errors import ExportError
from mobile.quantise import COMMON, PRECISIONS, Quantisation, quantise
from mobile.runtime import delegation, interpreter, to_stored, to_values


@pytest.fixture(scope="module")
def written(exported, photographs):
    """Function from the fields of a `Quantisation` to the model in it."""
    content = exported.path.read_bytes()
    return cache(lambda *fields: quantise(content, Quantisation(*fields), photographs))


def run(content: bytes, photograph: np.ndarray, path) -> dict[str, np.ndarray]:
    model = interpreter(content, 1, path)
    call = model.get_signature_runner()
    (name, detail), *_ = call.get_input_details().items()
    found = call(**{name: to_stored(photograph[None], detail)})
    return {key: to_values(found[key], detail) for key, detail in call.get_output_details().items()}


def test_float32_stays_as_it_is(exported, written):
    assert written("float32") == exported.path.read_bytes()


def test_fewer_bits_are_fewer_bytes(written):
    sizes = {precision: len(written(precision)) for precision in PRECISIONS}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert max(sizes["int8"], sizes["dynamic_int8"]) < 0.65 * sizes["float16"]


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float16", 0.005), ("int8", 0.2), ("int16x8", 0.2), ("dynamic_int8", 0.2)]
)
def test_outputs_stay_near_those_of_float32(exported, written, photographs, precision, tolerance):
    wanted = run(written("float32"), photographs[0], exported.path)
    found = run(written(precision), photographs[0], exported.path)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        error = np.abs(found[name] - value).max()
        assert 0 < error < tolerance * np.ptp(value), f"{name} differs by {error}"


def test_activations_of_sixteen_bits_are_nearer(exported, written, photographs):
    """With the same weights of eight; this host's delegate does not take them."""
    assert len(written("int16x8")) < 1.1 * len(written("int8"))
    wanted, eight, sixteen = (run(written(p), photographs[0], exported.path) for p in ("float32", "int8", "int16x8"))
    for name, value in wanted.items():
        assert np.abs(sixteen[name] - value).mean() < 0.8 * np.abs(eight[name] - value).mean()
    assert not delegation(interpreter(written("int16x8"), 1, exported.path)).whole


@pytest.mark.parametrize("precision", COMMON)
def test_one_piece_takes_photographs_in_float32(exported, written, precision):
    model = interpreter(written(precision), 1, exported.path)
    ends = model.get_input_details() + model.get_output_details()
    assert {np.dtype(end["dtype"]).name for end in ends} == {"float32"}
    assert delegation(model).whole


def test_int8_ends_and_every_pixel_its_own_value(exported, written, photographs):
    model = interpreter(written("int8", "min_max", "int8"), 1, exported.path)
    ends = model.get_input_details() + model.get_output_details()
    assert {np.dtype(end["dtype"]).name for end in ends} == {"int8"}
    pixels = np.arange(256, dtype=np.uint8)
    assert len(np.unique(to_stored(pixels, model.get_input_details()[0]))) == 256
    with_float_ends = run(written("int8"), photographs[1], exported.path)
    for name, value in run(written("int8", "min_max", "int8"), photographs[1], exported.path).items():
        np.testing.assert_allclose(value, with_float_ends[name], atol=1e-6, err_msg=name)


def test_ranges_of_the_moving_average_are_no_wider(exported, written):
    def scales(kind: str) -> np.ndarray:
        model = interpreter(written("int8", kind, "int8"), 1, exported.path)
        return np.array([end["quantization"][0] for end in model.get_output_details()])

    widest, average = scales("min_max"), scales("moving_average")
    assert (average <= widest * 1.001).all() and (average < widest).any()


def test_int8_without_photographs_is_refused(exported, photographs):
    for none in (None, photographs[:0]):
        with pytest.raises(ExportError, match="int8 needs photographs to calibrate with"):
            quantise(exported.path.read_bytes(), Quantisation("int8"), none)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("int4",), "precision 'int4' is unknown"),
        (("int8", "widest"), "ranges 'widest' is unknown"),
        (("int8", "min_max", "uint8"), "io 'uint8' is unknown"),
    ],
)
def test_unknown_settings_are_named(fields, message):
    with pytest.raises(ExportError, match=message):
        Quantisation(*fields)
