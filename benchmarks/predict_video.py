"""Frames a second of distill-predict on a video, against a plain loop over its frames.

    python benchmarks/predict_video.py [--model people_xs] [--seconds 8] [--size 640] [--turns 3]

The baseline reads a frame, looks at it, draws and encodes it, one after the other in one thread; both use the same
model, drawing and codec, and find the same persons. Turns alternate, and the medians and their ratio are printed.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from distill.prediction.model import PoseModel, load_model
from distill.prediction.run import Plan, run
from distill.prediction.sources import Video, sources_of
from distill.prediction.writers import annotated
from distill.synthetic import SceneConfig
from distill.synthetic.video import MovingScene, write_video
from distill.system.video_file import VideoWriter


def plain(model: PoseModel, video: Video, out: Path) -> list[int]:
    """Persons in each frame, by a loop in which everything waits for everything."""
    writer, counts = VideoWriter(out / "plain.mp4", video.rate), []
    for frame in video.frames():
        persons = model(frame.pixels)
        counts.append(len(persons))
        writer(annotated(frame.pixels, persons, model.skeleton), frame.time)
    writer.close()
    return counts


def overlapped(model: PoseModel, video: Video, out: Path) -> list[int]:
    """Persons in each frame, as distill-predict goes over them."""
    seen, _ = run(model, video, Plan(out))
    return [len(each.persons) for each in seen]


def main():
    """Write a video, go over it both ways by turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="people_xs", help="weights that ship, a checkpoint or a .tflite")
    parser.add_argument("--seconds", type=float, default=8.0, help="of the video")
    parser.add_argument("--size", type=int, default=640, help="side of the video, pixels")
    parser.add_argument("--turns", type=int, default=3, help="how often each way goes over it")
    given = parser.parse_args()
    model = load_model(given.model)
    rates: dict[str, list[float]] = {"plain loop": [], "distill-predict": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "moving.mp4"
        write_video(path, MovingScene(SceneConfig(size=given.size), 7), given.seconds, 25.0)
        (video,) = sources_of([str(path)])
        found = []
        for _ in range(given.turns):
            for name, way in zip(rates, (plain, overlapped), strict=True):
                started = time.perf_counter()
                found.append(way(model, video, Path(folder) / "out"))
                rates[name].append(len(found[-1]) / (time.perf_counter() - started))
    if any(counts != found[0] for counts in found):
        raise SystemExit("the two ways do not find the same persons")
    baseline, ours = (statistics.median(values) for values in rates.values())
    print(f"plain loop {baseline:.1f} frames a second, distill-predict {ours:.1f}, ratio {ours / baseline:.2f}")


if __name__ == "__main__":
    main()
