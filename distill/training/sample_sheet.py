"""Pictures of training samples for TensorBoard."""

import numpy as np
import torch

from distill.drawing.persons import draw_heatmaps, draw_mask, draw_persons
from distill.drawing.sheet import contact_sheet
from distill.heads.batch import Batch
from distill.pose.skeleton import Skeleton
from distill.training.losses import LossConfig, hard_targets, soft_targets

SAMPLES = 4
"Rows of a panel."


def draw_samples(batch: Batch, outputs: dict[str, torch.Tensor], loss: LossConfig, skeleton: Skeleton) -> np.ndarray:
    """A sheet (H, W, 3) uint8 RGB, a row a sample.

    Columns: the augmented photograph with its annotation, hard targets, the teacher's maps as soft
    targets, the network's maps, the segmentation and the network's attention.
    """
    key = min((k for k in outputs if k.startswith("heatmaps_s")), key=lambda k: int(k.partition("_s")[2]))
    stride = int(key.partition("_s")[2])
    shape, sigma = outputs[key].shape, loss.sigma_of(key)
    hard = hard_targets(batch, shape, stride, sigma)[:SAMPLES].cpu().numpy()
    soft = soft_targets(batch, shape, stride, sigma)[:SAMPLES].cpu().numpy()
    maps = outputs[key][:SAMPLES].detach().float().clamp(0, 1).cpu().numpy()
    person = batch.masks[:SAMPLES, 0].float().cpu().numpy() / 255
    titles = ["annotation", "hard targets", "soft targets", "network"]
    rows = []
    for i, image in enumerate(batch.images[:SAMPLES].cpu().numpy()):
        persons = batch.keypoints[i].cpu().numpy()
        labelled = persons[(persons[..., 2] > 0).any(1)]
        row = [draw_persons(image, labelled, skeleton)]
        row += [draw_heatmaps(image, m[i]) for m in (hard, soft, maps)]
        rows.append([*row, draw_mask(image, person[i])])
    titles.append("segmentation")
    if "attention" in outputs:
        attention = outputs["attention"][:SAMPLES].detach().float().sigmoid().cpu().numpy()
        for row, image, mask in zip(rows, batch.images[:SAMPLES].cpu().numpy(), attention[:, 0], strict=True):
            row.append(draw_mask(image, mask))
        titles.append("attention")
    return contact_sheet(rows, titles)
