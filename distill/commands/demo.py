"""distill-demo: the whole way on synthetic people, in minutes on a laptop."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from cache.store import SoftLabelStore
from distill.commands.cache import BuildConfig, build
from distill.commands.cache import DataConfig as CacheDataConfig
from distill.commands.cli import command, load_config
from distill.commands.eval import EvalConfig, EvalDataConfig, evaluate_model
from distill.commands.export import export_checkpoint
from distill.commands.export_config import ExportConfig, ExportDataConfig
from distill.commands.report import ReportConfig, write_report
from distill.commands.train import train
from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.drawing.result_sheet import Panel, confident, draw_results
from distill.drawing.sheet import write_image
from distill.evaluation.coco import evaluate
from distill.evaluation.models import load_model
from distill.evaluation.predictor import Predictor, letterboxed, network_forward, predict_all
from distill.labelling.teacher_pass import evaluate_store
from distill.networks.checkpoint import load_network
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.synthetic import SceneConfig, measure, synthesize
from distill.system.choice import Choice
from distill.system.devices import choose_precision
from distill.system.errors import InputError
from distill.system.files import write_atomically
from distill.system.json_values import to_json_values
from distill.training.config import TrainConfig

RECIPE = files("distill") / "recipes" / "demo.yaml"
TRAIN, HELD_OUT = "train2017", "val2017"
SCENE_SIZE = 128
PRETRAINING = {"input_size": SCENE_SIZE, "schedule.peak": 0.025, "schedule.floor": 0.01}
"What the student's first training has other than its recipe: small photographs teach most in little time."
LABEL_MAP_SIZE = 96
"Cells of a side of the teacher's own maps, which are stored as they are."
SHEET_SCENES = 12
ANALYSED_SCENES, ANALYSIS_DRAWS = 60, 100
"Of the report; more would take longer than they tell."


@dataclass(frozen=True)
class DemoConfig:
    """Draw scenes, cache the teacher's labels, train, evaluate and export the student, and show it."""

    out: Path = Path("runs/demo")
    "Folder of the demo; one that was interrupted is gone on with."
    train_scenes: int = 5000
    "Scenes to learn from."
    held_out_scenes: int = 500
    "Scenes to evaluate on."
    pretraining_steps: int = 1900
    "Optimiser steps of the student on small inputs."
    steps: int = 1075
    "Optimiser steps of the student after that, on inputs of the recipe's size."
    seed: int = 0
    "Of scenes, weights, order and augmentation."
    recipe: Path = Path(str(RECIPE))
    "Recipe of the student's two trainings."

    def __post_init__(self):
        for name in ("train_scenes", "held_out_scenes", "pretraining_steps", "steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")


class Demo:
    """The stages of one demo; each leaves its results in the folder and is skipped when they are there."""

    def __init__(self, config: DemoConfig):
        self.config = config
        self.data = config.out / "data"
        self.pretrained = config.out / "pretrain" / "last.safetensors"
        self.checkpoint = config.out / "train" / "last.safetensors"
        self.summary_file = config.out / "summary.json"
        self.summary = self._begin()

    def run(self):
        """All stages, in order."""
        self._stage("scenes", self.draw_scenes)
        self._stage("labels", self.cache_labels)
        self._stage("pretraining", self.pretrain_student)
        self._stage("training", self.train_student)
        self._stage("evaluation", self.evaluate_student)
        self._stage("export", self.export_student)
        self._stage("sheet", self.draw_sheet)
        self._stage("report", self.write_report)

    def draw_scenes(self) -> dict:
        """Training scenes and held-out scenes, from different seeds."""
        scenes = SceneConfig(size=SCENE_SIZE, min_overlap=0.08, cut=0.12, obstacles=0.0, clutter=6)
        counts = {TRAIN: self.config.train_scenes, HELD_OUT: self.config.held_out_scenes}
        for part, (split, count) in enumerate(counts.items()):
            synthesize(self.data, split, count, 2 * self.config.seed + part, scenes, overwrite=True)
        return {"scenes": {split: measure(self._annotations(split)) for split in counts}}

    def cache_labels(self) -> dict:
        """Soft labels of both splits; those of the held-out scenes, with persons, tell how good the teacher is."""
        for split in (TRAIN, HELD_OUT):
            build(
                BuildConfig(
                    data=CacheDataConfig(root=self.data, split=split),
                    out=str(self._store(split)),
                    # The mirror image would cost this teacher as much again and give it nothing.
                    teacher=Choice("demo", {"precision": choose_precision("auto"), "flip": False}),
                    # Where everybody is annotated nothing is learnt from the teacher's persons.
                    persons=split == HELD_OUT,
                    map_size=LABEL_MAP_SIZE,
                    shard_length=500,
                    batch_size=16,
                )
            )
        store = SoftLabelStore.open(self._store(TRAIN))
        size = sum(file.stat().st_size for file in self._store(TRAIN).rglob("*") if file.is_file())
        figures = evaluate_store(SoftLabelStore.open(self._store(HELD_OUT)), self._held_out())
        return {"label_bytes_per_image": size / len(store), **_prefixed("teacher", figures)}

    def pretrain_student(self) -> dict:
        """The student from scratch, on small inputs."""
        return self._train(self.pretrained.parent, self.config.pretraining_steps, PRETRAINING)

    def train_student(self) -> dict:
        """The student as it goes on from there, on inputs of the recipe's size."""
        return self._train(self.checkpoint.parent, self.config.steps, {"weights": self.pretrained})

    def evaluate_student(self) -> dict:
        """The student on the held-out scenes, at one scale and without flip."""
        held_out = self._held_out()
        figures = evaluate(predict_all(load_model(self.checkpoint).predictor(), held_out), held_out)
        network, _ = load_network(self.checkpoint)
        parameters = sum(p.numel() for p in network.parameters())
        return {**_prefixed("student", figures), "student_parameters": parameters}

    def export_student(self) -> dict:
        """The .tflite, compared with torch on held-out scenes."""
        report = export_checkpoint(
            ExportConfig(
                model=self.checkpoint,
                out=self.config.out / "student.tflite",
                data=ExportDataConfig(root=self.data, split=HELD_OUT),
            )
        )
        return {"tflite_max_error": max(report.max_error.values()), "tflite_bytes": report.bytes}

    def draw_sheet(self) -> dict:
        """One picture: photograph, ground truth, teacher, student, attention."""
        data, store = self._held_out(), SoftLabelStore.open(self._store(HELD_OUT))
        ids = data.image_ids[:SHEET_SCENES]
        network, info = load_network(self.checkpoint)
        forward = network_forward(network, torch.device("cpu"), heads=info.heads)
        predictor = Predictor(forward, info.input_size, COCO_17, GroupingConfig(), heads=info.heads)
        panels = []
        for image_id in ids.tolist():
            photograph = data.photograph(image_id)
            panels.append(
                Panel(
                    photograph=photograph,
                    truth=data.keypoints(image_id),
                    teacher=confident(*store.read_persons(image_id)),
                    student=confident(*predictor([photograph])[0]),
                    attention=_attention(forward(letterboxed(photograph, info.input_size)[0][None])),
                )
            )
        write_image(self.config.out / "sheet.png", draw_results(panels, COCO_17))
        return {}

    def write_report(self) -> dict:
        """What the student does wrong on some held-out scenes, and one page with everything."""
        analysis = self.config.out / "analysis"
        evaluate_model(
            EvalConfig(
                model=self.checkpoint,
                data=EvalDataConfig(root=self.data, split=HELD_OUT),
                analyse=analysis,
                soft_labels=str(self._store(HELD_OUT)),
                limit=ANALYSED_SCENES,
                bootstrap=ANALYSIS_DRAWS,
            )
        )
        write_report(
            ReportConfig(
                runs=[self.pretrained.parent, self.checkpoint.parent],
                out=self.config.out / "report.html",
                analyses=[analysis],
                stores=[str(self._store(TRAIN)), str(self._store(HELD_OUT))],
                models=[self.config.out / "student.tflite"],
            )
        )
        return {}

    def _train(self, out: Path, steps: int, changes: dict) -> dict:
        """One training of the student, from hard labels and soft labels."""
        overrides = {
            "data.root": self.data,
            "data.soft_labels": self._store(TRAIN),
            "out": out,
            "steps": steps,
            "schedule.period": steps,
            "seed": self.config.seed,
            "resume": "auto",
        }
        train(load_config(TrainConfig, self.config.recipe, overrides | changes))
        return {}

    def _begin(self) -> dict:
        settings = to_json_values(self.config) | {"out": None}
        if not self.summary_file.exists():
            return {"settings": settings, "seconds": {}}
        summary = json.loads(self.summary_file.read_text())
        if summary["settings"] != settings:
            raise InputError(f"{self.config.out} holds a demo of other settings; remove it or choose another out")
        return summary

    def _stage(self, name: str, action: Callable[[], dict]):
        if name in self.summary["seconds"]:
            print(f"{name}: already done")
            return
        print(f"{name} ...", flush=True)
        started = time.perf_counter()
        self.summary |= action()
        seconds = self.summary["seconds"]
        seconds[name] = round(time.perf_counter() - started, 1)
        seconds["total"] = round(sum(value for key, value in seconds.items() if key != "total"), 1)
        write_atomically(self.summary_file, json.dumps(self.summary, indent=1) + "\n")

    def _store(self, split: str) -> Path:
        return self.config.out / f"labels_{split}.zarr"

    def _annotations(self, split: str) -> Path:
        return self.data / "annotations" / f"person_keypoints_{split}.json"

    def _held_out(self) -> KeypointSet:
        return KeypointSet(DataSource(self.data, HELD_OUT), COCO_17)


def run_demo(config: DemoConfig):
    """Run or complete a demo and say where its results are."""
    demo = Demo(config)
    demo.run()
    summary, seconds = demo.summary, demo.summary["seconds"]
    stages = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items() if name != "total")
    print(f"\nteacher AP {summary['teacher_ap']:.3f}   student AP {summary['student_ap']:.3f}", end="   ")
    print(f"AP50 {summary['student_ap50']:.3f}   .tflite error {summary['tflite_max_error']:.1e}")
    print(f"{summary['label_bytes_per_image']:.0f} bytes of soft labels an image")
    print(f"{seconds['total']:.0f} seconds: {stages}")
    print(f"look at     {config.out / 'sheet.png'}")
    print(f"report      {config.out / 'report.html'}")
    print(f"figures     {demo.summary_file}")
    print(f"model       {config.out / 'student.tflite'}")
    print(f"TensorBoard tensorboard --logdir {config.out}")


def _attention(outputs: dict[str, torch.Tensor]) -> np.ndarray | None:
    """(h, w) 0..1 of a square photograph, which fills the input; None of a student that has none."""
    return outputs["attention"][0, 0].numpy() if "attention" in outputs else None


def _prefixed(prefix: str, figures: dict[str, float | None]) -> dict[str, float | None]:
    return {f"{prefix}_{name}": value for name, value in figures.items()}


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    return command("distill-demo", "The whole way on synthetic people.", DemoConfig, run_demo, argv)
