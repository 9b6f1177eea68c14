"""Unpacking of archives that come from elsewhere."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from distill.data.download import require_space
from distill.system.errors import InputError
from distill.system.files import unfinished_file

_ENCRYPTED = 1


def unpack(archive: Path, root: Path, folder: str, report: Callable[[int, int], None] = lambda *_: None) -> None:
    """Unpack a zip file whose members all lie in `folder` into `root`.

    Files that are there with their full size are left; each new one appears whole or not at all.

    Args:
        report: told how many files of how many are done.

    Raises:
        InputError: the archive is damaged, does not fit on the disk, or has a member that is a link,
            encrypted, or would lie outside ROOT/FOLDER. Nothing is written when a member is unsafe.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            for member in members:
                _check_member(member, folder, archive)
            missing = [member for member in members if not _is_there(member, root)]
            require_space(root, sum(member.file_size for member in missing))
            for done, member in enumerate(missing, start=len(members) - len(missing) + 1):
                _write_member(opened, member, root)
                report(done, len(members))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise InputError(f"{archive}: damaged archive ({error}); remove it and run again") from error


def _check_member(member: zipfile.ZipInfo, folder: str, archive: Path) -> None:
    path = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if "\\" in member.filename or path.parts[:1] != (folder,) or ".." in path.parts or len(path.parts) < 2:
        raise InputError(f"{archive}: member {member.filename!r} would lie outside {folder}/")
    if kind not in (0, stat.S_IFREG):
        raise InputError(f"{archive}: member {member.filename!r} is no plain file")
    if member.flag_bits & _ENCRYPTED:
        raise InputError(f"{archive}: member {member.filename!r} is encrypted")


def _is_there(member: zipfile.ZipInfo, root: Path) -> bool:
    path = root / member.filename
    return path.is_file() and path.stat().st_size == member.file_size


def _write_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path) -> None:
    """Copy one member; reading to the end checks its CRC."""
    path = root / member.filename
    with unfinished_file(path) as unfinished, opened.open(member) as source, unfinished.open("wb") as target:
        shutil.copyfileobj(source, target)
