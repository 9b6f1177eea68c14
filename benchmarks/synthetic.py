"""Images a second of the synthetic scenes on one core, JPEG writing included.

    python benchmarks/synthetic.py [--images 400] [--size 256 128]

The baseline of the ratio writes the same pictures, already drawn, as JPEG files: what no generator can beat.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2

from distill.synthetic import SceneConfig, draw_scene
from distill.synthetic.writer import annotate, write_jpeg

WARM_UP = 20


def measure(size: int, images: int) -> tuple[float, float]:
    """Seconds of one core for drawing, annotating and writing `images` scenes, and for writing alone."""
    config = SceneConfig(size=size)
    for index in range(WARM_UP):
        draw_scene(config, 1, index)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        start = time.process_time()
        scenes = []
        for index in range(images):
            scene = draw_scene(config, 0, index)
            annotate(scene, index + 1)
            write_jpeg(path / f"{index}.jpg", scene.image, 90)
            scenes.append(scene.image)
        whole = time.process_time() - start
        start = time.process_time()
        for index, image in enumerate(scenes):
            write_jpeg(path / f"{index}.jpg", image, 90)
        return whole, time.process_time() - start


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=400, help="scenes to draw (default 400)")
    parser.add_argument("--size", type=int, nargs="+", default=[256, 128], help="picture sizes, pixels")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for size in arguments.size:
        whole, writing = measure(size, arguments.images)
        print(
            f"{size} x {size}: {arguments.images / whole:.0f} images/s on one core "
            f"({1000 * whole / arguments.images:.2f} ms an image), {whole / writing:.1f} times the time of "
            f"writing ready pictures ({arguments.images / writing:.0f} images/s)"
        )


if __name__ == "__main__":
    main()
