"""Weights that others have published: fetched where an address can be scripted, else asked for, and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from distill.data.download import Checksum, download, size_of
from distill.labelling.teacher import load_teacher
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.errors import InputError
from teachers.errors import WeightsError


@dataclass(frozen=True)
class Published:
    """One file of weights."""

    file: str
    "Its name."
    option: str
    "Option of the teacher that takes it."
    teacher: str
    "Teacher that it is for."
    url: str | None = None
    "Folder of the file on its server; None where a person has to fetch it."
    checksum: Checksum | None = None
    "Of the file; without one it must fit the teacher."
    where: str = ""
    "Where a person finds it."


_HIGHER_HRNET = "the model zoo that the README of github.com/HRNet/HigherHRNet-Human-Pose-Estimation links to"
_MOVENET = "Google's MoveNet (Apache-2.0), converted to ONNX; one with the raw heads inside, as docs/teachers.md says"
PUBLISHED = {
    "keypoint_rcnn": Published(
        "keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
        "weights",
        "keypoint_rcnn",
        "https://download.pytorch.org/models",
        Checksum("SHA-256", "fc266e95"),
    ),
    "higher_hrnet_w32": Published(
        "higher_hrnet32_coco_512x512-8ae85183_20200713.pth",
        "weights",
        "higher_hrnet_w32",
        "https://download.openmmlab.com/mmpose/bottom_up",
        Checksum("SHA-256", "8ae85183"),
    ),
    "higher_hrnet_w48": Published(
        "higher_hrnet48_coco_512x512-60fedcbc_20200712.pth",
        "weights",
        "higher_hrnet_w48",
        "https://download.openmmlab.com/mmpose/bottom_up",
        Checksum("SHA-256", "60fedcbc"),
    ),
    "higher_hrnet_w32_official": Published(
        "pose_higher_hrnet_w32_512.pth", "weights", "higher_hrnet_w32", where=_HIGHER_HRNET
    ),
    "higher_hrnet_w48_official": Published(
        "pose_higher_hrnet_w48_640.pth", "weights", "higher_hrnet_w48", where=_HIGHER_HRNET
    ),
    "movenet_multipose": Published("movenet-multipose.onnx", "weights", "movenet_multipose", where=_MOVENET),
    "movenet_thunder": Published("movenet-thunder.onnx", "network", "top_down", where=_MOVENET),
    "posenet": Published(
        "posenet_mobilenet_v1_075_481_641_16_quant_nodecoder.tflite",
        "weights",
        "posenet",
        where="any PoseNet (Apache-2.0) as .tflite without the decoder at its end",
    ),
}
"What can be fetched, by the name that the command takes."


@dataclass(frozen=True)
class FetchWeightsConfig:
    """Fetch a teacher's published weights, or check those that lie there; goes on where it stopped."""

    name: str
    "Which: one of the names that are listed where it is none of them."
    out: Path = Path("weights")
    "Folder that gets the file."
    url: str | None = None
    "Folder of a mirror that has the same file; by default its own server."
    retries: int = 5
    "Attempts in a row after lost connections that brought nothing."

    def __post_init__(self):
        if self.name not in PUBLISHED:
            raise InputError(f"no weights are called {self.name!r}; choose from {', '.join(PUBLISHED)}")
        if self.url is not None and (
            urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc
        ):
            raise InputError(f"url {self.url!r} must begin with http:// or https:// and a host")
        if self.retries < 0:
            raise InputError(f"retries {self.retries} must not be negative")


def fetch_weights(config: FetchWeightsConfig, published: Mapping[str, Published] = PUBLISHED) -> None:
    """Bring a file, or check the one that is there, and say how it is used.

    Raises:
        InputError: it cannot be fetched, a person has to fetch it, or the file that is there is another one.
    """
    wanted = published[config.name]
    path = config.out / wanted.file
    if not path.exists():
        base = config.url or wanted.url
        if base is None or wanted.checksum is None:
            raise InputError(
                f"{wanted.file} has no address that a command can fetch: get it from {wanted.where}, put it at {path} "
                "and run this again, which checks it"
            )
        config.out.mkdir(parents=True, exist_ok=True)
        _bring(f"{base.rstrip('/')}/{wanted.file}", path, wanted, config.retries)
    elif wanted.checksum is not None and (wrong := wanted.checksum.complaint(path)):
        raise InputError(f"{path}: {wrong}; remove the file and run again")
    if wanted.checksum is None:
        _check_use(path, wanted)
    print(f"{path}: checked; distill-cache build --teacher.name {wanted.teacher} --teacher.{wanted.option} {path}")


def _bring(url: str, path: Path, wanted: Published, retries: int) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True) as bar:
        size = size_of(url, retries)
        task = bar.add_task(path.name, total=size)
        download(
            url,
            path,
            checksum=wanted.checksum,
            size=size,
            retries=retries,
            report=lambda done: bar.update(task, completed=done),
        )


def _check_use(path: Path, wanted: Published) -> None:
    """Whether the teacher that the file is for takes it."""
    options = {wanted.option: path, "device": "cpu"}
    try:
        load_teacher(Choice(wanted.teacher, options), COCO_17)
    except (InputError, WeightsError) as error:
        raise InputError(f"{path} is not what is meant: {error}") from None
