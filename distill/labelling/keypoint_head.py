"""A Keypoint R-CNN's last layer for joints that it was not published with, everything else frozen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection.roi_heads import keypointrcnn_loss

from distill.data.keypoint_set import KeypointSet
from distill.system.errors import InputError
from teachers.keypoint_rcnn import PREDICTOR

_JITTER = 0.08
"Of a box's sides, by how much its edges vary while the head learns."
_LEAST = 5
"Pixels on the coarsest side of a box that teaches."


class HeadTraining:
    """The training of a head on the annotated persons of a set; each step is a function of seed and step.

    Args:
        network: with a head for the set's joints.
        data: annotated persons.
        batch_size: photographs of a step.
        rate: learning rate at the start; it falls to nothing along half a cosine.
        whole_head: learn the convolutions before the last layer too.

    Raises:
        InputError: nobody is annotated.
    """

    def __init__(
        self, network: nn.Module, data: KeypointSet, batch_size: int, rate: float, seed: int, *, whole_head: bool
    ):
        self.network, self.data, self.batch_size, self.rate, self.seed = network.eval(), data, batch_size, rate, seed
        self.image_ids = np.array([i for i in data.image_ids.tolist() if len(data.keypoints(i))])
        if not len(self.image_ids):
            raise InputError(f"{data.annotation_file} has no labelled person to learn from; name an annotated split")
        prefix = ("roi_heads.keypoint_predictor", "roi_heads.keypoint_head") if whole_head else PREDICTOR
        self.learnt = {name: each for name, each in network.named_parameters() if name.startswith(prefix)}
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        for parameter in self.learnt.values():
            parameter.requires_grad_(True)
        self._optimizer = torch.optim.SGD(self.learnt.values(), lr=rate, momentum=0.9, weight_decay=1e-4)
        self.step = 0

    def run(self, steps: int, on_step: Callable[[int, float], None], part: Path, every: int = 100):
        """Learn up to a step; the state is kept in `part` every so many steps, and gone on from where it is there.

        Args:
            on_step: called with the step and its loss.
        """
        if part.exists():
            self._restore(part)
        while self.step < steps:
            for group in self._optimizer.param_groups:
                group["lr"] = self.rate * (1 + np.cos(np.pi * self.step / steps)) / 2
            loss = self._loss()
            if not torch.isfinite(loss):
                raise InputError(f"the loss is {loss.item()} at step {self.step}; lower rate")
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self.step += 1
            on_step(self.step, loss.item())
            if self.step % every == 0 and self.step < steps:
                self._keep(part)

    def _loss(self) -> torch.Tensor:
        rng = np.random.default_rng([self.seed, self.step])
        chosen = rng.choice(self.image_ids, self.batch_size, replace=len(self.image_ids) < self.batch_size).tolist()
        device = next(iter(self.learnt.values())).device
        images = [torch.tensor(self.data.photograph(i), device=device).permute(2, 0, 1) / 255 for i in chosen]
        targets = [self._target(i, rng, device) for i in chosen]
        heads = self.network.roi_heads
        with torch.no_grad():
            batch, targets = self.network.transform(images, targets)
            features = self.network.backbone(batch.tensors)
            boxes = [target["boxes"] for target in targets]
            pooled = heads.keypoint_roi_pool(features, boxes, batch.image_sizes)
        logits = heads.keypoint_predictor(heads.keypoint_head(pooled))
        keypoints = [target["keypoints"] for target in targets]
        return keypointrcnn_loss(logits, boxes, keypoints, [torch.arange(len(b), device=device) for b in boxes])

    def _target(self, image_id: int, rng: np.random.Generator, device: torch.device) -> dict[str, torch.Tensor]:
        """Boxes around the labelled joints, moved a little, and joints in COCO's indices of pixels."""
        persons = self.data.keypoints(image_id)
        is_labelled = persons[..., 2:] > 0
        low = np.where(is_labelled, persons[..., :2], np.inf).min(axis=1)
        high = np.where(is_labelled, persons[..., :2], -np.inf).max(axis=1)
        sides = np.maximum(high - low, _LEAST)
        edges = np.concatenate([low - sides * 0.15, high + sides * 0.15], axis=1)
        edges += rng.normal(0, _JITTER, edges.shape) * np.tile(sides, 2)
        edges = edges.clip(0, np.tile(self.data.size(image_id), 2))
        edges[:, 2:] = np.maximum(edges[:, 2:], edges[:, :2] + 1)
        indices = np.concatenate([persons[..., :2] - 0.5, is_labelled], axis=-1)
        return {
            "boxes": torch.tensor(edges, dtype=torch.float32, device=device),
            "keypoints": torch.tensor(indices, dtype=torch.float32, device=device),
        }

    def _keep(self, part: Path):
        momenta = {
            f"momentum.{name}": self._optimizer.state[each]["momentum_buffer"] for name, each in self.learnt.items()
        }
        tensors = {f"weight.{name}": each for name, each in self.learnt.items()} | momenta
        pending = part.with_name(f".{part.name}")
        save_file({name: each.detach().cpu().contiguous() for name, each in tensors.items()}, pending, self._mark())
        pending.replace(part)

    def _restore(self, part: Path):
        with safe_open(part, "pt") as file:
            found = dict(file.metadata() or {})
            step = int(found.pop("step", -1))
            if found | {"step": str(self.step)} != self._mark():
                raise InputError(f"{part} was left by another training; remove it, or choose another out")
            with torch.no_grad():
                for name, each in self.learnt.items():
                    each.copy_(file.get_tensor(f"weight.{name}"))
                    momentum = file.get_tensor(f"momentum.{name}").to(each.device)
                    self._optimizer.state[each]["momentum_buffer"] = momentum
        self.step = step

    def _mark(self) -> dict[str, str]:
        """What a training that goes on must share, and the step."""
        return {
            "step": str(self.step),
            "data": self.data.annotation_sha256,
            "joints": " ".join(self.data.skeleton.joints),
            "settings": f"{self.batch_size} {self.rate} {self.seed} {sorted(self.learnt)}",
        }
