"""Synthetic people: procedurally drawn scenes with exact keypoints, visibility and outlines."""

from distill.synthetic.scene import Scene, SceneConfig, draw_scene
from distill.synthetic.statistics import measure
from distill.synthetic.writer import synthesize

__all__ = ["Scene", "SceneConfig", "draw_scene", "measure", "synthesize"]
