"""Synthetic people: procedurally drawn scenes with exact keypoints, visibility and outlines."""

from distill.synthetic.config import SceneConfig, SceneContent
from distill.synthetic.scene import Scene, draw_scene
from distill.synthetic.statistics import measure
from distill.synthetic.writer import synthesize

__all__ = ["Scene", "SceneConfig", "SceneContent", "draw_scene", "measure", "synthesize"]
