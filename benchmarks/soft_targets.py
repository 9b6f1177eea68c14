"""How far a cached map is from the hard target of the same joints, by way of bringing it onto the student's grid.

python benchmarks/soft_targets.py

A teacher's map of 160 cells (sigma 1.3 cells, as bytes) of a 640 x 427 photograph is brought onto the student's
stride-4 grid (sigma 1.0) for several inputs and augmentation scales. Mean absolute error, in thousandths, and its
ratio to the baseline, plain bilinear warping; lower is better.
"""

import numpy as np
import torch

from distill.heads.rendering import render
from distill.labelling.resample import resample
from distill.pose import geometry
from distill.pose.peaks import find_peaks

SIZE, MAP, JOINTS = (640, 427), 160, 17
SOURCE_SIGMA, TARGET_SIGMA = 1.3, 1.0
METHODS = ("bilinear", "area", "rendered")


def draw(points: np.ndarray, side: int, sigma: float) -> torch.Tensor:
    """Maps (1, K, side, side) with a Gaussian at each point (K, 2)."""
    rows = torch.tensor(np.column_stack([points, np.ones(len(points))]), dtype=torch.float32)
    return render(rows, torch.arange(len(points)), (1, len(points), side, side), sigma)


def soft_target(method: str, cached: torch.Tensor, matrix: np.ndarray, side: int) -> torch.Tensor:
    """Cached map (1, K, MAP, MAP) on the student's grid by one of METHODS."""
    if method == "bilinear":
        maps = [geometry.warp(channel, matrix, (side, side)) for channel in cached[0].numpy()]
        return torch.from_numpy(np.stack(maps))[None]
    if method == "area":
        return resample(cached, matrix, (side, side), (0.0, 0.0, float(side), float(side)))
    peaks = find_peaks(cached[0].numpy(), 0.02)
    points = np.column_stack([geometry.transform(matrix, peaks[:, 1:3]), peaks[:, 3]])
    joints = torch.tensor(peaks[:, 0].astype(int))
    return render(torch.tensor(points, dtype=torch.float32), joints, (1, JOINTS, side, side), TARGET_SIGMA)


def measure(input_size: int, factor: float) -> dict[str, float]:
    """Mean absolute error of each method over 20 draws of joints."""
    rng = np.random.default_rng(0)
    side, centre = input_size // 4, input_size / 2
    to_map = geometry.letterbox(SIZE, (MAP, MAP))
    to_grid = geometry.compose(
        geometry.letterbox(SIZE, (input_size, input_size)),
        geometry.translation(-centre, -centre),
        geometry.scaling(factor),
        geometry.translation(centre, centre),
        geometry.scaling(1 / 4),
    )
    matrix = geometry.compose(geometry.invert(to_map), to_grid)
    errors = {method: [] for method in METHODS}
    for _ in range(20):
        joints = rng.uniform((220, 140), (420, 290), (JOINTS, 2))
        cached = (draw(geometry.transform(to_map, joints), MAP, SOURCE_SIGMA) * 255).round() / 255
        hard = draw(geometry.transform(to_grid, joints), side, TARGET_SIGMA)
        for method in METHODS:
            errors[method].append((soft_target(method, cached, matrix, side) - hard).abs().mean().item())
    return {method: float(np.mean(values)) for method, values in errors.items()}


def main():
    """Print the table."""
    print(f"{'input':>6}{'scale':>7}" + "".join(f"{method:>12}{'ratio':>7}" for method in METHODS))
    for input_size in (128, 256, 448):
        for factor in (0.5, 1.0, 2.0):
            errors = measure(input_size, factor)
            columns = [f"{1000 * errors[m]:>12.3f}{errors[m] / errors['bilinear']:>7.2f}" for m in METHODS]
            print(f"{input_size:>6}{factor:>7.1f}" + "".join(columns))


if __name__ == "__main__":
    main()
