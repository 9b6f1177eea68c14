import torch
from torch import nn

from distill.heads.maps import average_resolutions


def test_resolutions_are_averaged_at_the_finest():
    coarse, fine = torch.rand(1, 2, 4, 6), torch.rand(1, 2, 8, 12)
    heatmaps, tags = average_resolutions({"heatmaps_s4": coarse, "tags_s4": 2 * coarse, "heatmaps_s2": fine})
    enlarged = nn.functional.interpolate(coarse, size=(8, 12), mode="bilinear", align_corners=False)
    torch.testing.assert_close(heatmaps, (enlarged + fine) / 2)
    torch.testing.assert_close(tags, 2 * enlarged)
    alone, _ = average_resolutions({"heatmaps_s4": coarse, "tags_s4": coarse, "attention": fine[:, :1]})
    torch.testing.assert_close(alone, coarse)


def test_a_network_without_tags_has_none():
    heatmaps, tags = average_resolutions({"heatmaps_s4": torch.rand(1, 2, 4, 6)})
    assert heatmaps.shape == (1, 2, 4, 6)
    assert tags is None
