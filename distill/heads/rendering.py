"""Drawing heatmaps from points with heights: annotated joints and the teacher's peaks alike.

Hard and soft targets come from the same renderer at the same width, so they never contradict each
other, at any augmentation scale: the soft one differs in where its peaks are and how high.
"""

import math

import torch


def render(
    points: torch.Tensor, channel: torch.Tensor, shape: tuple[int, int, int, int], sigma: float | torch.Tensor
) -> torch.Tensor:
    """Heatmaps (B, K, H, W) float32 with a Gaussian at each point; where several meet, the highest counts.

    Args:
        points: (N, 3) float32, x and y in cells (cell u is centred at u + 0.5) and height 0..1.
        channel: (N,) int64, which of the B * K maps a point belongs to.
        shape: B, K, H, W.
        sigma: standard deviation, cells; one for all, or (N,) one for each point.
    """
    batch, joints, height, width = shape
    if isinstance(sigma, torch.Tensor):
        radius = math.ceil(3 * float(sigma.max())) if len(sigma) else 0
        sigma = sigma[:, None]
    else:
        radius = math.ceil(3 * sigma)
    offset = torch.arange(-radius, radius + 1, device=points.device)
    column = points[:, 0].floor().long()[:, None] + offset
    row = points[:, 1].floor().long()[:, None] + offset
    near_x = torch.exp(-((column + 0.5 - points[:, :1]) ** 2) / (2 * sigma**2))
    near_y = torch.exp(-((row + 0.5 - points[:, 1:2]) ** 2) / (2 * sigma**2))
    # What lies outside adds nothing to a cell that exists, which is quicker than picking out what lies inside.
    near_x *= (column >= 0) & (column < width)
    near_y *= (row >= 0) & (row < height)
    value = points[:, 2, None, None] * near_y[:, :, None] * near_x[:, None, :]
    row, column = row.clamp_(0, height - 1), column.clamp_(0, width - 1)
    cell = (channel[:, None, None] * height + row[:, :, None]) * width + column[:, None, :]
    maps = torch.zeros(batch * joints * height * width, device=points.device)
    maps.scatter_reduce_(0, cell.flatten(), value.flatten(), "amax")
    return maps.view(shape)
