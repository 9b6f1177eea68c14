"""What synthetic scenes look like."""

from dataclasses import dataclass

from distill.synthetic.textures import SIDE
from distill.system.errors import InputError


@dataclass(frozen=True)
class SceneContent:
    """What is seen in a scene, whatever its size. The defaults are those of the demo.

    Raises:
        InputError: a value is out of range.
    """

    min_persons: int = 1
    "Fewest people in a scene; 0 makes scenes of distractors alone possible."
    max_persons: int = 3
    "Most people in a scene, at most 12."
    min_height: float = 0.35
    "Smallest standing height of a person, as a fraction of the picture."
    max_height: float = 1.0
    "Largest standing height of a person, as a fraction of the picture."
    min_overlap: float = 0.1
    "Box overlap (IoU) that people of one scene are moved together for, mean over the pairs, 0 to 0.4."
    cut: float = 0.15
    "Share of the people who are moved across the border, 0 to 1."
    obstacles: float = 0.2
    "Share of the people who stand behind a thing, 0 to 1."
    distractors: float = 2.0
    "Mean number of things in a scene that look like people or parts of them and are not annotated."
    clutter: int = 10
    "Mean number of other things in the background."

    def __post_init__(self):
        if not 0 <= self.min_persons <= self.max_persons <= 12:
            raise InputError(
                f"min_persons {self.min_persons} and max_persons {self.max_persons} must rise within 0 and 12"
            )
        if not 0 < self.min_height <= self.max_height <= 4:
            raise InputError(f"min_height {self.min_height} and max_height {self.max_height} must rise within 0 and 4")
        for field, limit in (
            *(("min_overlap", 0.4), ("cut", 1.0), ("obstacles", 1.0)),
            *(("distractors", 20.0), ("clutter", 200)),
        ):
            if not 0 <= getattr(self, field) <= limit:
                raise InputError(f"{field} {getattr(self, field)} must lie between 0 and {limit}")


@dataclass(frozen=True, kw_only=True)
class SceneConfig(SceneContent):
    """What a scene looks like, its size included.

    Raises:
        InputError: a value is out of range.
    """

    size: int = 128
    "Width and height of the picture, pixels; 32 to 640."

    def __post_init__(self):
        super().__post_init__()
        if not 32 <= self.size <= SIDE:
            raise InputError(f"size {self.size} must lie between 32 and {SIDE} pixels")
