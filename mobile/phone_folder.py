"""Where files for the benchmark app lie on a phone, whoever its user is and whether or not the app ever ran."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mobile.adb import Device
from mobile.errors import DeviceError

PACKAGE = "org.posedistill.bench"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
SHARED = "/data/local/tmp/pose-distill-bench"
"A folder that adb writes and every app may read; the app takes absolute paths below it and no others."


def plain_name(name: str) -> str:
    """The same name with `_` for what a phone's shell or storage could take amiss."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


class PhoneFolder:
    """Files on a phone, for the user that it shows.

    The app's own folder is made by Android, with the rights it needs, when the app starts, so it is started once for
    that; where adb may not write there, as in other users' folders, the files go into `SHARED`.

    Args:
        device: a phone with the app installed.

    Raises:
        DeviceError: the phone does not answer.
    """

    def __init__(self, device: Device):
        self._device = device
        number = device.script("am get-current-user || true").strip()
        self.user = ("--user", number) if number.isdigit() else ()
        root = "/sdcard" if number in ("", "0") or not number.isdigit() else f"/storage/emulated/{number}"
        self._own = f"{root}/Android/data/{PACKAGE}/files"
        device.shell("am", "start", "-W", *self.user, "-n", ACTIVITY, "--ez", "prepare", "true")
        self._takes_files = self._own in device.script(f"test -w {self._own} && echo {self._own} || true")
        self._pushed: list[str] = []

    @property
    def _folder(self) -> str:
        return self._own if self._takes_files else SHARED

    def name(self, file: str) -> str:
        """What the app calls a file that was pushed."""
        return file if self._takes_files else f"{SHARED}/{file}"

    def push(self, local: Path, name: str) -> str:
        """Push a file; what the app calls it."""
        try:
            self._write(local, name)
        except DeviceError:
            if not self._takes_files or self._pushed:
                raise
            self._takes_files = False
            self._write(local, name)
        return self.name(name)

    def _write(self, local: Path, name: str):
        remote = f"{self._folder}/{name}"
        if not self._takes_files:
            self._device.shell("mkdir", "-p", SHARED)
        self._device.push(local, remote)
        self._pushed.append(remote)
        if not self._takes_files:
            self._device.shell("chmod", "644", remote)

    def pull(self, remote: str) -> bytes | None:
        """Content of a file that the app wrote; None where adb may not read it."""
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / PurePosixPath(remote).name
            try:
                self._device.pull(remote, local)
                return local.read_bytes()
            except (DeviceError, OSError):
                return None

    def forget(self, result: str):
        """Remove a result and its outputs from an earlier run."""
        self._device.shell("rm", "-f", *self._results(result))

    def clean(self, results: Iterable[str]):
        """Remove what was pushed and what came of it."""
        self._device.shell("am", "force-stop", PACKAGE)
        self._device.shell("rm", "-f", *self._pushed, *(file for result in results for file in self._results(result)))

    def _results(self, result: str) -> list[str]:
        path = PurePosixPath(self._own) / "results" / result
        return [str(path), str(path.with_suffix(".outputs"))]
