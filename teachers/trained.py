"""Teachers that are networks with weights: the one that ships, the published ones, and any of distill-train."""

import hashlib
from dataclasses import replace
from pathlib import Path

from torch import nn

from teachers.contract import Surroundings
from teachers.higher_hrnet import by_short_name
from teachers.inference import InferenceConfig, NetworkTeacher
from teachers.official import load_official
from teachers.registry import register

DEMO_WEIGHTS = Path(__file__).parent / "weights" / "higher_hrnet_demo.safetensors"
OFFICIAL_TARGET_OFFSET = 0.5
"Input pixels by which a cell of the official networks means more than its centre: their targets were floored."


@register("demo")
def demo(
    surroundings: Surroundings,
    *,
    weights: Path | None = None,
    input_size: int | None = None,
    flip: bool = InferenceConfig.flip,
    scales: tuple[float, ...] = InferenceConfig.scales,
    project: bool = InferenceConfig.project,
) -> NetworkTeacher:
    """The teacher that ships with this package, or any network of distill-train.

    Args:
        weights: a .safetensors checkpoint of distill-train; by default the one that ships.
        input_size: short side of the network's input, pixels; by default what the weights were trained at.
        flip: average with the mirrored photograph.
        scales: sizes to average over, relative to input_size.
        project: group persons at input resolution instead of half of it, which is slower.
    """
    network, config, source = _of_training(surroundings, weights or DEMO_WEIGHTS, None)
    config = replace(config, scales=scales, flip=flip, project=project, input_size=input_size or config.input_size)
    return NetworkTeacher(network, config, surroundings, source)


class HigherHRNetTeacher(NetworkTeacher):
    """A HigherHRNet with published weights, or with those of distill-train."""

    network_name: str
    "Short name of the network."
    official_input_size = InferenceConfig.input_size
    "Short side that the published weights were tested at, pixels."

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        weights: Path,
        input_size: int | None = None,
        flip: bool = InferenceConfig.flip,
        scales: tuple[float, ...] = InferenceConfig.scales,
        project: bool = InferenceConfig.project,
    ):
        """Build the network and fill it.

        Args:
            weights: published .pth checkpoint, or a .safetensors checkpoint of distill-train.
            input_size: short side of the network's input, pixels; by default what the weights were trained at.
            flip: average with the mirrored photograph.
            scales: sizes to average over, relative to input_size.
            project: group persons at input resolution instead of half of it, which is slower.
        """
        if weights.suffix == ".safetensors":
            network, config, source = _of_training(surroundings, weights, self.network_name)
        else:
            network, config, source = self._published(weights, len(surroundings.joints))
        config = replace(config, scales=scales, flip=flip, project=project, input_size=input_size or config.input_size)
        super().__init__(network, config, surroundings, source)

    def _published(self, weights: Path, num_keypoints: int) -> tuple[nn.Module, InferenceConfig, dict]:
        network = by_short_name(self.network_name, num_keypoints)
        load_official(network, weights)
        config = InferenceConfig(input_size=self.official_input_size, target_offset=OFFICIAL_TARGET_OFFSET)
        return network, config, _source(weights)


@register("higher_hrnet_w32")
class HigherHRNetW32(HigherHRNetTeacher):
    """HigherHRNet of width 32, published for inputs of 512 pixels."""

    network_name = "higher_hrnet_w32"


@register("higher_hrnet_w48")
class HigherHRNetW48(HigherHRNetTeacher):
    """HigherHRNet of width 48, published for inputs of 640 pixels."""

    network_name = "higher_hrnet_w48"
    official_input_size = 640


@register("higher_hrnet_demo")
class HigherHRNetDemo(HigherHRNetTeacher):
    """The small HigherHRNet whose weights ship with this package, with other weights."""

    network_name = "higher_hrnet_demo"


def _of_training(
    surroundings: Surroundings, weights: Path, name: str | None
) -> tuple[nn.Module, InferenceConfig, dict]:
    """Network, its input size and the source of its weights; it must have the name, where one is given."""
    trained = surroundings.load_network(weights)
    if name not in (None, trained.name):
        raise ValueError(f"weights {weights} holds {trained.name}, but teacher.name is {name}")
    if trained.joints != surroundings.joints:
        raise ValueError(f"weights {weights} is for other joints ({', '.join(trained.joints[:3])}, ...)")
    return trained.network, InferenceConfig(input_size=trained.input_size, target_offset=0.0), _source(weights)


def _source(weights: Path) -> dict:
    with weights.open("rb") as file:
        return {"weights_sha256": hashlib.file_digest(file, "sha256").hexdigest()}
