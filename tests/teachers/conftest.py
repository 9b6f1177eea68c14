import numpy as np
import pytest
import torch

from distill.heads.maps import average_resolutions
from teachers.contract import Surroundings


@pytest.fixture(scope="session")
def surroundings():
    """Function that gives what a teacher of so many joints, named by letters, is given on the processor."""

    def make(flip_index, dtype=torch.float32, load_network=None, group=None):
        joints = tuple("abcdefghijklmnopqrstuvwxyz"[: len(flip_index)])
        device = torch.device("cpu")
        flip, sigmas = np.asarray(flip_index), np.full(len(joints), 0.07)
        return Surroundings(joints, flip, device, dtype, load_network, average_resolutions, sigmas, group)

    return make
