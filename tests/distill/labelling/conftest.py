import pytest
import torch

from distill.networks import registry as networks
from distill.networks.checkpoint import CheckpointInfo, save_checkpoint
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice

DEMO = Choice("higher_hrnet_demo")


@pytest.fixture(scope="session")
def untrained():
    """The demo's network, unfilled."""
    torch.manual_seed(0)
    return networks.create(DEMO, networks.heads_of(DEMO, {}), COCO_17).eval()


@pytest.fixture(scope="session")
def untrained_weights(untrained, tmp_path_factory):
    """A checkpoint of it for inputs of 128 pixels, as training writes them."""
    path = tmp_path_factory.mktemp("weights") / "trained.safetensors"
    info = CheckpointInfo(
        networks.NETWORKS.expanded(DEMO).plain(), {"heatmaps": {}, "tags": {}}, COCO_17, (128, 128), 0
    )
    save_checkpoint(path, info, untrained.state_dict())
    return path
