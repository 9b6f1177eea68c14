"""How near found joints are to annotated ones: keypoint similarity, and OKS as its mean."""

import numpy as np


def joint_similarity(places: np.ndarray, truth: np.ndarray, area: float, sigmas: np.ndarray) -> np.ndarray:
    """Keypoint similarity (...) of places (..., 2) and true ones (..., 2): exp(-d^2 / (2 area (2 sigma)^2)).

    Its mean over a person's labelled joints is COCO's object keypoint similarity (OKS).

    Args:
        area: of the annotated person, square pixels.
        sigmas: (...) of the joints.
    """
    squared = ((np.asarray(places, np.float64) - truth) ** 2).sum(axis=-1)
    return np.exp(-squared / (2 * (2 * sigmas) ** 2 * (area + np.spacing(1))))


def radius_of(similarity: float, area: float, sigmas: np.ndarray) -> np.ndarray:
    """Pixels from its true place at which a joint has that similarity, 0..1."""
    return np.sqrt(-2 * np.log(similarity) * area) * 2 * sigmas


def person_similarity(person: np.ndarray, truth: np.ndarray, area: float, sigmas: np.ndarray) -> float:
    """OKS of a found person (K, 3) with an annotated one (K, 3), of whom at least one joint is labelled.

    A joint that was not found (score 0) counts as nowhere, where pycocotools takes the photograph's corner for it.
    """
    labelled = truth[:, 2] > 0
    near = joint_similarity(person[:, :2], truth[:, :2], area, sigmas) * (person[:, 2] > 0)
    return float(near[labelled].mean())
