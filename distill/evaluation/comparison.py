"""Models side by side on equal photographs."""

from collections.abc import Mapping, Sequence

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import Predictions, evaluate, interval_of, resampled_ap


def compare(
    predictions: Mapping[str, Predictions],
    data: KeypointSet,
    image_ids: Sequence[int] | None = None,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, dict]:
    """By model: AP, its 95 % interval, and the difference from the first model with the interval of that.

    All models are measured on the same photographs, and, drawn again, on the same draws (a paired bootstrap): what
    makes photographs hard for all of them does not widen the interval of a difference.

    Args:
        predictions: by name of the model; the first is what the others are held against.
        samples: how often the photographs are drawn.
        seed: of the drawing.
    """
    ap = {name: evaluate(found, data, image_ids)["ap"] for name, found in predictions.items()}
    draws = {
        name: resampled_ap(found, data, image_ids, samples=samples, seed=seed) for name, found in predictions.items()
    }
    first = next(iter(predictions))
    table = {}
    for name in predictions:
        table[name] = {"ap": ap[name], "interval": interval_of(draws[name])}
        if name != first:
            differences = draws[name] - draws[first]
            table[name] |= {
                "difference": ap[name] - ap[first],
                "difference_interval": interval_of(differences),
            }
    return table
