"""Files and modules of one's own, imported so that what they register is known."""

import hashlib
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.abc import SourceLoader
from importlib.metadata import entry_points
from pathlib import Path

from distill.system.errors import InputError, last_place
from distill.system.files import write_atomically
from distill.system.notes import note

ENTRY_POINTS = "pose_distill"
"Group of the entry points by which an installed package names modules to import."


@dataclass(frozen=True)
class ImportedFile:
    """A file that was imported by its path or as a module."""

    given: str
    "As it was named: a path that ends in .py, or a dotted module name."
    path: str
    "Absolute path of the file."
    sha256: str
    "Of its content."

    @property
    def is_module(self) -> bool:
        """Whether it was named as a module."""
        return not _is_path(self.given)


_IMPORTED: dict[str, ImportedFile] = {}
"What was imported in this process, by SHA-256."
_CHOSEN: dict[str, ImportedFile] = {}
"What was chosen by `import_files` in this process, by the name of the file or module."


def import_files(names: Sequence[str], beside: Path | None = None) -> list[ImportedFile]:
    """Import files and modules in order and remember that this user chose them; what is imported already is not again.

    Args:
        names: paths that end in .py, or dotted module names.
        beside: folder in which a path is looked for that is not there from the working folder.

    Raises:
        InputError: a file or module is missing, has an error of syntax, or raises.
    """
    found = [_import_module(name) if not _is_path(name) else _import_path(name, beside) for name in names]
    _record(found)
    _CHOSEN.update({_own_name(file.given): file for file in found})
    return found


def import_entry_points():
    """Import what installed packages enter under the group `pose_distill`.

    Raises:
        InputError: a module cannot be imported.
    """
    for point in entry_points(group=ENTRY_POINTS):
        owner = f"entry point {point.name} of package {point.dist.name if point.dist else '?'}"
        with _told_as(owner):
            importlib.import_module(point.module)


def imported() -> list[dict[str, str]]:
    """All that was imported by name or path in this process, in order, as plain values for `import_remembered`."""
    return [asdict(file) for file in _IMPORTED.values()]


def import_remembered(files: Sequence[Mapping[str, str]], owner: str):
    """Import what `imported` said once, as far as it is what this user imported before by choice.

    A checkpoint may come from anywhere, so what it names is run only where the file at that place has the content
    that it names and `import_files` imported that content for this user before.

    Args:
        owner: what remembers them, such as the name of a checkpoint.

    A file of the same name that `import_files` was given in this process stands in its place, whatever its content;
    where that differs a note says so.

    Raises:
        InputError: a file is not there, is another one, or was never imported by this user; or as `import_files`.
    """
    for values in files:
        try:
            file = ImportedFile(str(values["given"]), str(values["path"]), str(values["sha256"]))
        except (KeyError, TypeError):
            raise InputError(f"{owner}: what it says of its imports is damaged: {values!r}") from None
        if file.sha256 in _IMPORTED:
            continue
        if (given := _CHOSEN.get(_own_name(file.given))) is not None:
            note(f"{owner} was made with another version of {file.given}; {given.path} is used")
        else:
            _import_known(file, owner)


def _import_known(file: ImportedFile, owner: str):
    chosen = _recorded().get(file.sha256)
    content = _content(Path(file.path))
    if chosen is None or content is None or hashlib.sha256(content).hexdigest() != file.sha256:
        reason = "is not there" if content is None else "was never imported here" if chosen is None else "has changed"
        raise InputError(
            f"{owner} needs {file.given} with SHA-256 {file.sha256}, but {file.path} {reason}; if you trust it, "
            f"give the file by --imports"
        )
    if not file.is_module:
        _import_content(file, content)
    elif chosen != file.given:
        raise InputError(
            f"{owner} needs module {file.given}, never imported here; if you trust it, give it by --imports"
        )
    elif (found := _import_module(file.given)).sha256 != file.sha256:
        raise InputError(f"{owner} needs {file.given} with SHA-256 {file.sha256}, but that module is {found.path}")


def _import_path(name: str, beside: Path | None) -> ImportedFile:
    path = Path(name).expanduser()
    if beside is not None and not path.exists():
        path = beside / path
    content = _content(path)
    if content is None:
        raise InputError(
            f"imports {name}: there is no such file; a module of an installed package is given by its name"
        )
    file = ImportedFile(name, str(path.resolve()), hashlib.sha256(content).hexdigest())
    if file.sha256 not in _IMPORTED:
        _import_content(file, content)
    return file


def _import_content(file: ImportedFile, content: bytes):
    """Run the very bytes that were hashed, as a module that classes and their docstrings are found by."""
    name = f"{Path(file.path).stem}_{file.sha256[:12]}"
    spec = importlib.util.spec_from_file_location(name, file.path, loader=_ContentLoader(file.path, content))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with _told_as(f"imports {file.given}"):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _IMPORTED[file.sha256] = file


def _import_module(name: str) -> ImportedFile:
    if os.sep in name:
        raise InputError(f"imports {name}: a file ends in .py; what the command works on stands before --imports")
    with _told_as(f"imports {name}"):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise
            raise InputError(
                f"imports {name}: no module of that name is installed; a file is given by its path, ending in .py"
            ) from None
    path = getattr(module, "__file__", None)
    content = path and _content(Path(path))
    if not content:
        raise InputError(f"imports {name}: the module has no file; name a module inside of it")
    file = ImportedFile(name, str(Path(path).resolve()), hashlib.sha256(content).hexdigest())
    return _IMPORTED.setdefault(file.sha256, file)


class _ContentLoader(SourceLoader):
    """Loads a module from bytes that were read before."""

    def __init__(self, path: str, content: bytes):
        self.path, self.content = path, content

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str) -> bytes:
        if path != self.path:
            raise OSError(f"no other file is read, such as {path}")
        return self.content


@contextmanager
def _told_as(owner: str) -> Iterator[None]:
    """Context in which what goes wrong inside the imported files is one line that names file and line."""
    try:
        yield
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(f"{owner}: {error.msg}, {error.filename}:{error.lineno}") from None
    except Exception as error:
        file, line = last_place(error)
        raise InputError(f"{owner}: {type(error).__name__}: {error}, {file}:{line}") from None


def _is_path(name: str) -> bool:
    return name.endswith(".py")


def _own_name(given: str) -> str:
    return Path(given).name if _is_path(given) else given


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _record_file() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "pose-distill" / "imports.json"


def _recorded() -> dict[str, str]:
    """What this user imported by choice: from SHA-256 to the name it was given by."""
    try:
        found = json.loads(_record_file().read_text())
    except (OSError, ValueError, RuntimeError):
        return {}
    return found if isinstance(found, dict) else {}


def _record(files: Sequence[ImportedFile]):
    known = _recorded()
    chosen = {file.sha256: file.given for file in files}
    if chosen.items() <= known.items():
        return
    try:
        write_atomically(_record_file(), json.dumps(known | chosen, indent=1) + "\n")
    except (OSError, RuntimeError):
        return
