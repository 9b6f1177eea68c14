"""The tools that the Android build starts, and the files of Maven Central it uses, each pinned by its SHA-256."""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PINNED = Path(__file__).with_name("dependencies.txt")
REPOSITORY = Path(os.environ.get("MAVEN_REPOSITORY", Path.home() / ".m2" / "repository"))
ATTEMPTS, PAUSE_S = 3, 5


class BuildError(ValueError):
    """The build cannot go on; the message is one line for whoever started it."""


@dataclass(frozen=True)
class Dependency:
    """A file of Maven Central."""

    group: str
    artifact: str
    extension: str
    version: str
    sha256: str
    use: str
    "What the build does with it: see `dependencies.txt`."

    @property
    def path(self) -> Path:
        """Where Maven keeps it."""
        folder = REPOSITORY.joinpath(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}.{self.extension}"


def dependencies(*uses: str) -> list[Dependency]:
    """The pinned files of these uses, as `dependencies.txt` lists them."""
    lines = PINNED.read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    known = [Dependency(*coordinates.split(":"), sha256, use) for coordinates, sha256, use in rows]
    return [dependency for dependency in known if dependency.use in uses]


def fetch(wanted: Sequence[Dependency], folder: Path) -> list[Path]:
    """Local paths of the dependencies, each with the pinned SHA-256; Maven downloads those that are missing.

    Raises:
        BuildError: Maven cannot get one, or one is not what was pinned.
    """
    if any(not dependency.path.exists() for dependency in wanted):
        folder.mkdir(parents=True, exist_ok=True)
        pom = folder / "pom.xml"
        pom.write_text(_pom(wanted))
        _download(pom, wanted)
    for dependency in wanted:
        if _sha256(dependency.path) != dependency.sha256:
            raise BuildError(f"{dependency.path} is not the file that dependencies.txt pins; delete it and try again")
    return [dependency.path for dependency in wanted]


def _download(pom: Path, wanted: Sequence[Dependency]) -> None:
    # -U: without it Maven remembers for a day that a file could not be had.
    command = ("mvn", "-q", "-B", "-U", "-f", pom, f"-Dmaven.repo.local={REPOSITORY}", "dependency:resolve")
    for attempt in range(ATTEMPTS):
        done = start(*command)
        if done.returncode == 0:
            return
        if attempt + 1 < ATTEMPTS:
            time.sleep(PAUSE_S)
    missing = ", ".join(f"{d.group}:{d.artifact}:{d.version}" for d in wanted if not d.path.exists())
    raise BuildError(f"Maven cannot download {missing or 'its own plugins'}; is there a network? Start again to go on")


def _pom(wanted: Iterable[Dependency]) -> str:
    entries = "".join(
        f"<dependency><groupId>{d.group}</groupId><artifactId>{d.artifact}</artifactId><version>{d.version}</version>"
        f"<type>{d.extension}</type><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        "</exclusions></dependency>\n"
        for d in wanted
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>org.posedistill</groupId><artifactId>downloads</artifactId><version>1</version>\n"
        f"<dependencies>\n{entries}</dependencies></project>\n"
    )


def _sha256(path: Path) -> str:
    if not path.exists():
        raise BuildError(f"Maven left no {path}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def start(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a tool and keep what it says.

    Raises:
        BuildError: it is not installed.
    """
    try:
        return subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed; run `make system-deps`") from None
