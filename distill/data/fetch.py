"""COCO 2017 keypoints from their public place into the folder layout that the reader expects."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TransferSpeedColumn

from distill.data.download import Checksum, download
from distill.data.unpack import unpack
from distill.system.errors import InputError


@dataclass(frozen=True)
class Archive:
    """A zip file of the data set."""

    path: str
    "Below the base URL."
    size: int
    "Bytes."
    md5: str
    "Hexadecimal checksum."
    folder: str
    "What it unpacks to."
    files: int
    "How many files that folder then holds."


ARCHIVES = {
    "annotations": Archive(
        "annotations/annotations_trainval2017.zip", 252907541, "f4bbac642086de4f52a3fdda2de5fa2c", "annotations", 6
    ),
    "val2017": Archive("zips/val2017.zip", 815585330, "442b8da7639aecaf257c1dceb8ba8c80", "val2017", 5000),
    "train2017": Archive("zips/train2017.zip", 19336861798, "cced6f7f71b7629ddf16f17bbcfab6b2", "train2017", 118287),
}


@dataclass(frozen=True)
class FetchConfig:
    """Download COCO 2017 with its person keypoints and unpack it; goes on where it stopped."""

    root: Path
    "Folder that gets train2017/, val2017/ and annotations/; all of it needs 40 GB while it is unpacked."
    parts: tuple[str, ...] = tuple(ARCHIVES)
    "What to fetch: annotations (0.3 GB), val2017 (0.8 GB), train2017 (19 GB)."
    url: str = "http://images.cocodataset.org"
    "Where zips/ and annotations/ lie; a mirror with the same files will do."
    retries: int = 5
    "Attempts in a row after lost connections that brought nothing."
    keep_archives: bool = False
    "Leave the zip files in ROOT after they were unpacked."

    def __post_init__(self):
        if not self.parts or set(self.parts) - set(ARCHIVES):
            raise InputError(f"parts {list(self.parts)}: choose from {', '.join(ARCHIVES)}")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc:
            raise InputError(f"url {self.url!r} must begin with http:// or https:// and a host")
        if self.retries < 0:
            raise InputError(f"retries {self.retries} must not be negative")


def fetch(config: FetchConfig, archives: Mapping[str, Archive] = ARCHIVES) -> None:
    """Bring every part that is not complete yet, one after another, showing progress.

    Raises:
        InputError: as `download` and `unpack`.
    """
    config.root.mkdir(parents=True, exist_ok=True)
    for name in config.parts:
        archive = archives[name]
        if _is_complete(config.root, archive):
            print(f"{config.root / archive.folder}: complete")
            continue
        packed = config.root / Path(archive.path).name
        _bring(f"{config.url.rstrip('/')}/{archive.path}", packed, archive, config.retries)
        _unpack(packed, config.root, archive)
        if not config.keep_archives:
            packed.unlink()
        print(f"{config.root / archive.folder}: {archive.files} files")


def _is_complete(root: Path, archive: Archive) -> bool:
    """Whether every file is there; a file gets its name only when it is whole, so they can be counted."""
    suffixes = (".jpg", ".json")
    return sum(path.suffix in suffixes for path in (root / archive.folder).glob("*")) >= archive.files


def _bring(url: str, packed: Path, archive: Archive, retries: int) -> None:
    """Download, or check what an earlier run or the user has put in its place."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(packed.name, total=archive.size)

        def report(done: int) -> None:
            bar.update(task, completed=done)

        checksum = Checksum("MD5", archive.md5)
        if not packed.exists():
            download(url, packed, checksum=checksum, size=archive.size, retries=retries, report=report)
        elif wrong := checksum.complaint(packed, report):
            raise InputError(f"{packed}: {wrong}; remove the file and run again")


def _unpack(packed: Path, root: Path, archive: Archive) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(f"unpacking {packed.name}", total=archive.files)
        unpack(packed, root, archive.folder, lambda done, total: bar.update(task, completed=done, total=total))
