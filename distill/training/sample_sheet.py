"""Pictures of training samples for TensorBoard."""

from collections.abc import Mapping

import numpy as np
import torch

from distill.drawing.persons import draw_heatmaps, draw_mask, draw_persons
from distill.drawing.sheet import contact_sheet
from distill.heads.batch import Batch
from distill.heads.contract import Head, split_key
from distill.heads.maps import activated
from distill.pose.skeleton import Skeleton

SAMPLES = 4
"Rows of a panel."


def draw_samples(
    batch: Batch, outputs: Mapping[str, torch.Tensor], heads: Mapping[str, Head], skeleton: Skeleton
) -> np.ndarray:
    """A sheet (H, W, 3) uint8 RGB, a row a sample.

    Columns: the augmented photograph with its annotation, the segmentation, and of the network's finest heatmaps the
    hard targets, the teacher's as soft targets and the network's own; last the network's attention. What the network
    has not is left out.
    """
    outputs = activated({key: maps.detach() for key, maps in outputs.items()}, heads)
    images = batch.images[:SAMPLES].cpu().numpy()
    persons = batch.keypoints[:SAMPLES].cpu().numpy()
    masks = batch.masks[:SAMPLES, 0].float().cpu().numpy() / 255
    labelled = [each[(each[..., 2] > 0).any(1)] for each in persons]
    columns = {
        "annotation": [draw_persons(i, p, skeleton) for i, p in zip(images, labelled, strict=True)],
        "segmentation": [draw_mask(i, m) for i, m in zip(images, masks, strict=True)],
    }
    for title, maps in _heatmaps(batch, outputs, heads).items():
        maps = maps[:SAMPLES].float().clamp(0, 1).cpu().numpy()
        columns[title] = [draw_heatmaps(i, m) for i, m in zip(images, maps, strict=True)]
    if "attention" in outputs:
        attention = outputs["attention"][:SAMPLES, 0].float().cpu().numpy()
        columns["attention"] = [draw_mask(i, m) for i, m in zip(images, attention, strict=True)]
    return contact_sheet([list(row) for row in zip(*columns.values(), strict=True)], list(columns))


def _heatmaps(batch: Batch, outputs: Mapping[str, torch.Tensor], heads: Mapping[str, Head]) -> dict[str, torch.Tensor]:
    """Targets and maps (B, K, H, W) of the finest heatmaps, by title."""
    strides = {stride: key for key in outputs for name, stride in [split_key(key)] if name == "heatmaps"}
    if not strides:
        return {}
    stride = min(strides)
    head, maps = heads["heatmaps"], outputs[strides[stride]]
    targets = {"hard targets": head.hard_targets(batch, maps.shape, stride)}
    if len(batch.peaks):
        targets["soft targets"] = head.soft_targets(batch, maps.shape, stride)
    return targets | {"network": maps}
