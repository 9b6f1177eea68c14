"""Following and smoothing persons in moving scenes of known joints, by a model that is not perfect.

    python benchmarks/tracking.py [--model attention_xs] [--videos 4]

The baseline is the persons as they are found, frame by frame. Printed are, over all videos: how often a person's
number changes, in what share of the frames where somebody is shown it has its most frequent number, and for each way of
smoothing the mean error of places, of accelerations, and the ratio of the latter to the baseline's.
"""

import argparse
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from distill.prediction.model import load_model
from distill.prediction.run import Plan, run, smooth_tracks
from distill.prediction.smoothing import METHODS, acceleration_error
from distill.prediction.sources import Video
from distill.prediction.writers import Seen
from distill.synthetic import SceneConfig
from distill.synthetic.video import MovingScene, write_video

SIDE, RATE = 320, 25.0
NEAR = 0.15
"Mean distance of joints, in parts of the person's height, up to which a finding is a person."


def owners(each: Seen, truth: np.ndarray) -> dict[int, int]:
    """Number of the true person (P, 17, 3) by place of the finding that is nearest to it, if it is near enough."""
    cost = np.full((len(each.persons), len(truth)), 1e3)
    for row, person in enumerate(each.persons):
        for column, joints in enumerate(truth):
            both = (joints[:, 2] > 0) & (person.keypoints[:, 2] > 0)
            if both.sum() >= 3:
                height = np.ptp(joints[joints[:, 2] > 0, 1])
                apart = np.linalg.norm(person.keypoints[both, :2] - joints[both, :2], axis=1).mean()
                cost[row, column] = apart / max(height, 1.0)
    rows, columns = linear_sum_assignment(cost)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if cost[r, c] < NEAR}


def followed(seen: list[Seen], truths: list[np.ndarray]) -> tuple[int, int, int]:
    """Changes of number, frames with a person's most frequent number, and frames in which it is shown."""
    switches = kept = shown = 0
    for person in range(max(len(truth) for truth in truths)):
        numbers = []
        for each, truth in zip(seen, truths, strict=True):
            if (truth[person, :, 2] > 0).sum() < 3:
                continue
            shown += 1
            own = [row for row, column in owners(each, truth).items() if column == person]
            if own and each.persons[own[0]].track is not None:
                numbers.append(each.persons[own[0]].track)
        switches += sum(one != two for one, two in pairwise(numbers))
        kept += Counter(numbers).most_common(1)[0][1] if numbers else 0
    return switches, kept, shown


def errors(seen: list[Seen], truths: list[np.ndarray], by_frame: list[dict[int, int]]) -> tuple[float, float]:
    """Mean distance of joints from their true places, pixels, and of their accelerations, pixels a second squared."""
    times = np.array([each.time for each in seen])
    found = np.zeros((len(seen), len(truths[0]), 17, 3))
    for row, (each, owned) in enumerate(zip(seen, by_frame, strict=True)):
        for place, person in owned.items():
            found[row, person] = each.persons[place].keypoints
    truth = np.stack(truths)
    there = (found[..., 2] > 0) & (truth[..., 2] > 0)
    apart = np.linalg.norm(found[..., :2] - truth[..., :2], axis=-1)[there].mean()
    shape = (len(seen), -1, 3)
    return float(apart), acceleration_error(found.reshape(shape), truth.reshape(shape), times)


def main():
    """Write the videos, look at them and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="attention_xs", help="as distill-predict takes it")
    parser.add_argument("--videos", type=int, default=4, help="scenes of three people each")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each")
    given = parser.parse_args()
    model = load_model(given.model)
    counts, table, frames, spent = np.zeros(3, int), {name: [] for name in METHODS}, 0, 0.0
    content = SceneConfig(size=SIDE, min_persons=3, max_persons=3, min_height=0.5, max_height=0.9)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.videos):
            path, scene = Path(folder) / f"{seed}.mp4", MovingScene(content, 100 + seed)
            write_video(path, scene, given.seconds, RATE)
            truths = [scene.frame(number / RATE)[1] for number in range(round(given.seconds * RATE))]
            started = time.perf_counter()
            seen, _ = run(
                model, Video(path.stem, str(path)), Plan(Path(folder) / "out", ("csv",), save=False, track=True)
            )
            spent, frames = spent + time.perf_counter() - started, frames + len(seen)
            counts += followed(seen, truths)
            by_frame = [owners(each, truth) for each, truth in zip(seen, truths, strict=True)]
            for name in METHODS:
                table[name].append(errors(smooth_tracks(seen, name), truths, by_frame))
    print(
        f"{frames} frames, {frames / spent:.1f} a second; {counts[0]} changes of number, {counts[1] / counts[2]:.1%} of"
    )
    print("the frames in which somebody is shown have the person's most frequent number")
    base = np.mean([acceleration for _, acceleration in table["none"]])
    print(f"{'smoothing':<16}{'places, px':>12}{'accelerations, px/s2':>22}{'ratio':>8}")
    for name, values in table.items():
        place, acceleration = np.mean(values, axis=0)
        print(f"{name:<16}{place:>12.2f}{acceleration:>22.0f}{acceleration / base:>8.2f}")


if __name__ == "__main__":
    main()
