"""Whether a phone computed what this host computes with the same model on the same photograph."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from distill.deployment.agreement import LEAST_SCORE, nearest
from distill.evaluation.exported import exported_predictor, exported_skeleton
from distill.evaluation.predictor import letterboxed
from distill.system.errors import InputError
from mobile import metadata
from mobile.runtime import LiteRTModel


@dataclass(frozen=True)
class PhoneAgreement:
    """How near a phone's results are to the host's."""

    persons: float | None
    "Mean OKS, 0..1, of each sure person of either with the nearest that the other saw; None where nobody is sure."
    maps: float | None
    "Largest difference of an output's value, as a share of that output's largest on the host; None if not fetched."

    def complaint(self, least_persons: float, most_maps: float) -> str | None:
        """Why a run must not count, None if it may."""
        if self.persons is not None and self.persons < least_persons:
            return f"its persons agree with this host's by an OKS of {self.persons:.3f}, below {least_persons:g}"
        # Not `>`: it would accept what is not a number.
        if self.maps is not None and not self.maps <= most_maps:
            return f"its outputs differ from this host's by {self.maps:.2g} of the largest value, above {most_maps:g}"
        return None


class PhoneChecks:
    """Compares results with what each model gives here; the host runs each model once.

    Args:
        photograph: (H, W, 3) uint8 RGB, what the phones run on.
    """

    def __init__(self, photograph: np.ndarray):
        self._photograph = photograph
        self._here: dict[Path, tuple[LiteRTModel, dict[str, np.ndarray], np.ndarray, np.ndarray]] = {}

    def __call__(self, path: Path, result: dict, outputs: bytes | None) -> PhoneAgreement | None:
        """How near a result is; None for a model that nothing describes.

        Args:
            path: the model.
            result: as result.schema.json describes it.
            outputs: of its last run, as they are stored, by position; None for none.

        Raises:
            InputError, ExportError: the model cannot be run here.
        """
        if not metadata.is_described(path):
            return None
        model, expected, here, scores = self._run(path)
        there = np.array([person["joints"] for person in result["persons"]], np.float32).reshape(-1, *here.shape[1:])
        sure = np.array([person["score"] for person in result["persons"]]) >= LEAST_SCORE
        sigmas = np.array(exported_skeleton(model).sigmas)
        near = nearest(there[sure], here, sigmas) + nearest(here[scores >= LEAST_SCORE], there, sigmas)
        return PhoneAgreement(
            float(np.mean(near)) if near else None, None if outputs is None else _difference(model, expected, outputs)
        )

    def _run(self, path: Path) -> tuple[LiteRTModel, dict[str, np.ndarray], np.ndarray, np.ndarray]:
        if path not in self._here:
            model = LiteRTModel(path)
            image = letterboxed(self._photograph, model.input_size)[0]
            persons, scores = exported_predictor(model)([self._photograph])[0]
            self._here[path] = model, model(image[None]), persons, scores
        return self._here[path]


def _difference(model: LiteRTModel, expected: dict[str, np.ndarray], stored: bytes) -> float:
    """See `PhoneAgreement.maps`; infinite where the outputs are of another size."""
    differences, at = [], 0
    for output in model.metadata["outputs"]:
        kind, count = np.dtype(output["dtype"]), int(np.prod(output["shape"]))
        part = stored[at : at + kind.itemsize * count]
        at += kind.itemsize * count
        if len(part) != kind.itemsize * count:
            return float("inf")
        values, wanted = np.frombuffer(part, kind).astype(np.float64), expected[output["name"]].reshape(-1)
        if quantisation := output["quantisation"]:
            values = (values - quantisation["zero_point"]) * quantisation["scale"]
        differences.append(np.abs(values - wanted).max() / max(np.abs(wanted).max(), 1e-6))
    # Numpy's maximum, unlike Python's, keeps what is not a number.
    return float(np.max(differences)) if at == len(stored) else float("inf")


def photograph_of(path: Path | None, apk: Path, bundled: str) -> np.ndarray:
    """The photograph that the app runs on, turned as its EXIF says, (H, W, 3) uint8 RGB.

    Args:
        path: the file; None for the one in the app.
        apk: the app.
        bundled: name of that one.

    Raises:
        InputError: there is none, or it is no picture.
    """
    try:
        content = zipfile.ZipFile(apk).read(f"assets/{bundled}") if path is None else path.read_bytes()
        return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    except (OSError, KeyError, zipfile.BadZipFile, Image.DecompressionBombError) as error:
        name = f"{bundled} in {apk}" if path is None else f"photograph {path}"
        raise InputError(f"{name} cannot be read: {error}") from None
