"""Keypoint R-CNN: a detector of persons with a keypoint head, as torchvision publishes it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.models.detection import keypointrcnn_resnet50_fpn

from teachers.checkpoint_forms import plain_state, read_checkpoint
from teachers.contract import Surroundings, TeacherPersons
from teachers.errors import WeightsError
from teachers.official import load_official
from teachers.registry import register

PREDICTOR = "roi_heads.keypoint_predictor.kps_score_lowres"
"Its last layer, one output channel a joint."
_EVEN = 2.0
"Logit of a joint's best cell at which its score is one half; Detectron draws joints from there on."


@register("keypoint_rcnn")
class KeypointRcnn:
    """Keypoint R-CNN with ResNet-50 and feature pyramid (He et al., ICCV 2017).

    A person's score is the detector's, a joint's the sigmoid of how far its best cell's logit lies above 2.

    Args:
        surroundings: as many joints as the checkpoint's head knows, in its order.
        weights: torchvision's published .pth, or a .safetensors that `widen_head` wrote.
        short_side: of the photograph as the network sees it, pixels; the longer one may have 5/3 of it.
        confidence: persons of a lower score are left out, 0..1.
        overlap: overlap of boxes from which two findings are one person, 0..1.
    """

    needs = ()

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weights: Path,
        short_side: int = 800,
        confidence: float = 0.1,
        overlap: float = 0.5,
    ):
        if short_side < 64:
            raise ValueError(f"short_side must be at least 64 pixels, not {short_side}")
        for name, value in (("confidence", confidence), ("overlap", overlap)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in 0..1, not {value}")
        self._device, self._dtype = surroundings.device, surroundings.dtype
        network = load_network(Path(weights), len(surroundings.joints), short_side)
        network.roi_heads.score_thresh, network.roi_heads.nms_thresh = confidence, overlap
        self._network = network.to(self._device).eval()
        with Path(weights).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.attributes: dict[str, Any] = {
            "weights_sha256": digest,
            "short_side": short_side,
            "confidence": confidence,
            "overlap": overlap,
        }

    @torch.inference_mode()
    def __call__(self, photographs: np.ndarray) -> TeacherPersons:
        """Persons of each photograph."""
        images = [torch.from_numpy(each).to(self._device).permute(2, 0, 1) / 255 for each in photographs]
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            found = self._network(images)
        persons = [_persons(each) for each in found]
        return TeacherPersons(persons, [each["scores"].float().cpu().numpy() for each in found])


def make_network(joints: int, short_side: int = 800) -> nn.Module:
    """The network with random weights.

    Args:
        joints: of its head.
        short_side: of the photographs that it sees, pixels.
    """
    sides = {"min_size": short_side, "max_size": short_side * 5 // 3}
    return keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_keypoints=joints, **sides)


def load_network(path: Path, joints: int, short_side: int = 800) -> nn.Module:
    """The network of a checkpoint.

    Raises:
        WeightsError: the file is missing or no such checkpoint, or its head knows another number of joints.
    """
    network = make_network(joints, short_side)
    state = read_state(path, network)
    if (known := len(state[f"{PREDICTOR}.bias"])) != joints:
        raise WeightsError(
            f"{path} knows {known} joints, not {joints}: name its skeleton (--skeleton), or widen its head with "
            "python -m distill.commands.widen_head"
        )
    load_official(network, state)
    return network


def read_state(path: Path, network: nn.Module) -> Mapping[str, torch.Tensor]:
    """A checkpoint's weights under the names of a network.

    Raises:
        WeightsError: the file is missing, damaged or of another network.
    """
    state = plain_state(read_checkpoint(path), str(path), network.state_dict())
    if f"{PREDICTOR}.bias" not in state:
        raise WeightsError(f"{path} has no {PREDICTOR}, so it is no Keypoint R-CNN; name the file that is meant")
    return state


def widen(
    state: Mapping[str, torch.Tensor], known: Sequence[str], wanted: Sequence[str], seed: int = 0
) -> dict[str, torch.Tensor]:
    """Weights whose head finds other joints: those of the same name are kept, the others begin at random.

    Args:
        known: joints of the head, in its order.
        wanted: joints that it is to find, in their order.
        seed: of the new weights.
    """
    weight, bias = state[f"{PREDICTOR}.weight"], state[f"{PREDICTOR}.bias"]
    if len(bias) != len(known):
        raise WeightsError(f"the head knows {len(bias)} joints, not {len(known)}; say which with known")
    fresh = torch.randn(len(wanted), len(weight), *weight.shape[2:], generator=torch.Generator().manual_seed(seed))
    new_weight = (fresh * weight.float().std()).transpose(0, 1).contiguous().to(weight.dtype)
    new_bias = torch.zeros(len(wanted), dtype=bias.dtype)
    for place, name in enumerate(wanted):
        if name in known:
            new_weight[:, place], new_bias[place] = weight[:, known.index(name)], bias[known.index(name)]
    return {**state, f"{PREDICTOR}.weight": new_weight, f"{PREDICTOR}.bias": new_bias}


def _persons(found: Mapping[str, torch.Tensor]) -> np.ndarray:
    """(P, K, 3) x, y in continuous pixels and score; places of the network are COCO's indices of pixels."""
    places = found["keypoints"][..., :2].float() + 0.5
    scores = torch.sigmoid(found["keypoints_scores"].float() - _EVEN)
    return torch.cat([places, scores[..., None]], dim=-1).cpu().numpy()
