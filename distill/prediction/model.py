"""Any model by a name or a path, from photographs to persons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import students
from distill.evaluation.models import load_model as load_trained
from distill.labelling.labels import persons_of_maps
from distill.labelling.teacher import TEACHERS, load_teacher
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton, get_skeleton
from distill.system.choice import Choice
from distill.system.errors import InputError
from teachers.contract import TeacherMaps

DEFAULT = "people_l"
"The people student that ships, the larger one."
_WEIGHTS = Path(students.__file__).parent / "weights"
_BLIND = ("results", "oracle")
"Teachers that look at no photograph."

Found = tuple[np.ndarray, np.ndarray]
"Persons (P, K, 3) x, y in the photograph's pixels and score, and their scores (P,)."


@dataclass(frozen=True)
class Person:
    """One person in a photograph."""

    keypoints: np.ndarray
    "(K, 3) float32 x, y in continuous pixels, and score 0..1; all zero where a joint was not found."
    score: float
    "0..1."
    track: int | None = None
    "Number of the person in a video, where it is tracked."

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width, height around the joints that were found, pixels."""
        seen = self.keypoints[self.keypoints[:, 2] > 0, :2]
        low, high = seen.min(axis=0), seen.max(axis=0)
        return (*low.tolist(), *(high - low).tolist())


@dataclass(frozen=True)
class PoseModel:
    """A model ready to find persons."""

    find: Callable[[Sequence[np.ndarray]], list[Found]]
    "From photographs (H, W, 3) uint8 RGB to the persons of each."
    skeleton: Skeleton
    "Of its joints."
    confidence: float = 0.15
    "Persons of a lower score are left out."
    max_persons: int = 30
    "Most persons of a photograph."

    def __call__(self, image: np.ndarray) -> list[Person]:
        """Persons of a photograph (H, W, 3) uint8 RGB, best first.

        Raises:
            InputError: it has another shape or type.
        """
        return self.predict([image])[0]

    def predict(self, images: Sequence[np.ndarray]) -> list[list[Person]]:
        """Persons of each photograph; they go through the network together."""
        for image in images:
            if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                shape = getattr(image, "shape", type(image).__name__)
                raise InputError(f"a photograph must be an array (height, width, 3) of uint8 RGB, not {shape}")
        return [self._chosen(*found) for found in self.find(images)] if len(images) else []

    def _chosen(self, persons: np.ndarray, scores: np.ndarray) -> list[Person]:
        order = np.argsort(-np.asarray(scores), kind="stable")[: self.max_persons]
        kept = [i for i in order.tolist() if scores[i] >= self.confidence and (persons[i][:, 2] > 0).any()]
        return [Person(np.asarray(persons[i], np.float32), float(scores[i])) for i in kept]


class Models:
    """What `load_model` knows by name, for the help of commands: weights that ship, and teachers."""

    def names(self) -> list[str]:
        """All names."""
        return [*_shipped(), *(name for name in TEACHERS.names() if name not in _BLIND)]

    def get(self, name: str) -> Callable:
        """What takes the options of that name: the teacher; weights have none."""
        return TEACHERS.get(name) if name in TEACHERS.names() else _weights


MODELS = Models()


def load_model(
    model: str | Path | Choice = DEFAULT,
    *,
    confidence: float = 0.15,
    max_persons: int = 30,
    input_size: tuple[int, int] | None = None,
    flip: bool = False,
    device: str = "auto",
    skeleton: str = "coco_17",
) -> PoseModel:
    """A model by the name of weights that ship, by the path of a checkpoint or .tflite, or a teacher by its name.

    Args:
        model: such as people_xs, runs/mine/best.safetensors, student.tflite, or a teacher as a choice of its name with
            its options.
        confidence: persons of a lower score are left out, 0..1.
        max_persons: most persons of a photograph.
        input_size: width and height of the network's input, pixels; by default that of its training. An exported model
            and a teacher have their own.
        flip: look at the mirrored photograph, too; a teacher says so itself.
        device: cpu, cuda, or auto.
        skeleton: joints of a teacher.

    Raises:
        InputError: there is no such model, or an option does not fit it.
        ExportError, WeightsError: a file is damaged.
    """
    if not 0 <= confidence <= 1:
        raise InputError(f"confidence must lie in 0..1, not {confidence}")
    if max_persons < 1:
        raise InputError(f"max_persons must be at least 1, not {max_persons}")
    choice = model if isinstance(model, Choice) else Choice(str(model))
    if choice.name in TEACHERS.names() and not Path(choice.name).exists():
        if flip or input_size:
            raise InputError(f"flip and input_size are options of students; give {choice.name} its own, --model.OPTION")
        found, joints = _teacher(choice, get_skeleton(skeleton), device), get_skeleton(skeleton)
    else:
        found, joints = _trained(_path_of(choice), max_persons, input_size, flip, device)
    return PoseModel(found, joints, confidence, max_persons)


def _shipped() -> dict[str, Path]:
    """Files of the weights that ship, by name."""
    return {path.stem: path for path in sorted(_WEIGHTS.glob("*.safetensors"))}


def _weights():
    """Weights that ship, or a file; they have no options."""


def _path_of(choice: Choice) -> Path:
    shipped = _shipped()
    if choice.options:
        raise InputError(f"model {choice.name} takes no options; they are for teachers")
    path = shipped.get(choice.name, Path(choice.name))
    if not path.exists():
        known = ", ".join(MODELS.names())
        raise InputError(
            f"model {choice.name} is no file and no name; give a .safetensors or .tflite, or one of {known}"
        )
    return path


def _trained(path: Path, max_persons: int, input_size: tuple[int, int] | None, flip: bool, device: str):
    trained = load_trained(path, input_size=input_size, device=device)
    recommended = trained.predictor().grouping
    predictor = trained.predictor(replace(recommended, max_persons=max_persons), flip)
    return predictor, trained.skeleton


def _teacher(choice: Choice, skeleton: Skeleton, device: str) -> Callable[[Sequence[np.ndarray]], list[Found]]:
    if choice.name in _BLIND:
        raise InputError(f"{choice.name} looks at no photograph, so it finds nobody on yours; name another model")
    options = choice.options if "device" in choice.options else {**choice.options, "device": device}
    teacher = load_teacher(Choice(choice.name, options), skeleton).teacher
    if teacher.needs:
        raise InputError(
            f"{choice.name} needs {' and '.join(teacher.needs)} of a data set here; give it --model.persons"
        )
    grouping = GroupingConfig()

    def find(images: Sequence[np.ndarray]) -> list[Found]:
        found = []
        for image in images:
            answer = teacher(image[None])
            if isinstance(answer, TeacherMaps):
                answer = persons_of_maps(answer, skeleton, grouping)
            found.append((np.asarray(answer.persons[0]), np.asarray(answer.scores[0])))
        return found

    return find
