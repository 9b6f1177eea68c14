"""A small training that the tests of this folder change as they need."""

import dataclasses

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.labelling.teacher import load_teacher
from distill.labelling.teacher_pass import TeacherPass, create_store
from distill.networks.checkpoint import save_checkpoint
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.training.config import LogConfig, TrainConfig, TrainDataConfig
from distill.training.objective import LossConfig


@pytest.fixture
def config(tiny_synthetic, tmp_path):
    """Ten steps on 24 scenes, so that a run crosses epochs; one restart at step 4."""
    return TrainConfig(
        data=TrainDataConfig(root=tiny_synthetic, workers=1),
        out=tmp_path / "run",
        input_size=64,
        steps=10,
        batch_size=4,
        precision="float32",
        loss=LossConfig(alpha=0.0),
        schedule=Choice("sgdr", {"peak": 0.02, "floor": 0.001, "period": 4, "warmup": 2}),
        log=LogConfig(scalars_every=1, images_every=5, histograms_every=5, minival_images=4, minival_every=5),
    )


@pytest.fixture
def quiet(config):
    """The same without pictures, histograms and minivals but the last, read in the process itself."""
    return dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, workers=0),
        log=LogConfig(scalars_every=1, images_every=0, histograms_every=0, minival_images=2, minival_every=0),
    )


@pytest.fixture(scope="session")
def oracle_store(tiny_synthetic, tmp_path_factory):
    """Function that makes a store of an oracle's labels of the 24 scenes, three shards of 8 or some of them."""

    def make(shards=None):
        data = KeypointSet(DataSource(tiny_synthetic, "train2017"), COCO_17)
        oracle, grouping = load_teacher(Choice("oracle"), COCO_17), GroupingConfig()
        url = tmp_path_factory.mktemp("oracle") / "labels.zarr"
        store = create_store(url, data, oracle.attributes, grouping, map_size=32, shard_length=8, noise_floor=0.02)
        TeacherPass(store, data, oracle.teacher, grouping).run(shards=shards)
        return store

    return make


@pytest.fixture(scope="session")
def labels(oracle_store):
    """URL of a complete store."""
    return str(oracle_store().url)


@pytest.fixture(scope="session")
def losses_of():
    """Function from the folder of a run to a loss of every step that it logged, the total unless another is named."""

    def read(run, name="total"):
        log = EventAccumulator(str(run / "log"), size_guidance={"scalars": 0})
        log.Reload()
        return {event.step: event.value for event in log.Scalars(f"loss/{name}")}

    return read


@pytest.fixture
def weights(new_network, new_info, tmp_path):
    """A checkpoint of an untrained teacher that gives heatmaps at two strides."""
    torch.manual_seed(3)
    path = tmp_path / "teacher.safetensors"
    save_checkpoint(path, new_info("higher_hrnet_demo"), new_network("higher_hrnet_demo").state_dict())
    return path


@pytest.fixture
def seen(batch):
    """A batch whose images a teacher can look at."""
    batch.images = torch.randint(0, 256, batch.images.shape, dtype=torch.uint8, generator=torch.manual_seed(0))
    return batch
