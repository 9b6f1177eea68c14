import numpy as np
import torch

from distill.data.normalise import MEAN, STD, normalise
from distill.pose import geometry


def test_normalise_is_the_imagenet_convention():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    expected = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    result = normalise(torch.from_numpy(images))
    assert result.dtype == torch.float32 and result.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5)


def test_padding_normalises_to_nearly_zero():
    padding = torch.tensor(geometry.PADDING, dtype=torch.uint8).reshape(1, 1, 1, 3)
    assert normalise(padding).abs().max() < 0.01
