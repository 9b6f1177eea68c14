"""Nothing on a GPU meets what was left on the processor: shown by tensors without values, which need no GPU."""

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode

from distill.data.normalise import normalise
from distill.heads.batch import Batch
from distill.heads.maps import average_resolutions
from distill.labelling.resample import resample
from distill.networks.registry import create, heads_of, strides_of
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.training.objective import LossConfig, Objective, total
from teachers.contract import Surroundings
from teachers.inference import InferenceConfig, NetworkTeacher

GPU = torch.device("cuda", 0)


@pytest.fixture
def gpu():
    """Context in which tensors have a device and a shape but no values, and devices may not be mixed.

    A shape that depends on values, for which a training would wait for the GPU, is an error here.
    """
    with FakeTensorMode():
        yield


def network_on_gpu(name):
    with GPU:
        return create(Choice(name), heads_of(Choice(name), {}), COCO_17)


def test_devices_that_are_mixed_are_noticed(gpu):
    with pytest.raises(RuntimeError, match="two different devices"):
        torch.zeros(2, device=GPU) + torch.zeros(2)


@pytest.mark.parametrize("name", ["attention_xs", "higher_hrnet_demo"])
def test_losses_of_a_batch(gpu, name):
    batch = Batch(
        image_ids=torch.zeros(2, dtype=torch.int64),
        images=torch.zeros(2, 64, 64, 3, dtype=torch.uint8),
        masks=torch.zeros(2, 4, 32, 32, dtype=torch.uint8),
        keypoints=torch.zeros(2, 3, 17, 3),
        joints=torch.zeros(51, 4),
        persons=torch.zeros(2, 3, 17, 3),
        annotated=torch.ones(2, 17),
        peaks=torch.zeros(9, 6),
    ).to(GPU)
    network, heads = network_on_gpu(name), heads_of(Choice(name), {})
    objective = Objective(heads, strides_of(network, heads, COCO_17), LossConfig())
    counts = objective.counts([batch, batch])
    assert {count.device for count in counts.values()} == {GPU}
    losses = objective.losses(network(normalise(batch.images)), batch, counts)
    assert {"tag_pull", "tag_push", "heatmap_hard_s4", "heatmap_soft_s4"} <= set(losses)
    assert len(losses) >= 5
    assert total(losses).device == GPU


def test_a_shape_that_waits_for_the_gpu_is_noticed(gpu):
    with pytest.raises(DynamicOutputShapeException):
        torch.zeros(3, device=GPU).nonzero()


def test_maps_of_a_teacher(gpu, monkeypatch):
    # A network of tensors without values can be made on a GPU, but not moved there.
    monkeypatch.setattr(torch.nn.Module, "to", lambda network, *_, **__: network)
    config = InferenceConfig(input_size=64, scales=(1.0, 2.0), project=True)
    flip, sigmas = COCO_17.flip_index, np.array(COCO_17.sigmas)
    given = Surroundings(COCO_17.joints, flip, GPU, torch.float32, None, average_resolutions, sigmas, None)
    teacher = NetworkTeacher(network_on_gpu("higher_hrnet_demo"), config, given)
    maps = teacher(np.zeros((2, 40, 60, 3), np.uint8))
    assert (maps.heatmaps.device, maps.heatmaps.dtype, maps.tags.device) == (GPU, torch.float32, GPU)
    matrix = np.array([[0.5, 0, 0], [0, 0.5, 0]])
    assert resample(maps.heatmaps, matrix, (16, 16), (0, 0, 16, 16)).device == GPU
