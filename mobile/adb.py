"""Android devices through the program adb."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

from mobile.errors import DeviceError

ANSWER_SECONDS = 30.0
TRANSFER_SECONDS = 300.0
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|recovery|sideload|bootloader|rescue|host|no permissions.*?"
)
_LISTED = re.compile(rf"(?P<serial>\S.*?)\s+(?P<state>{_STATES})(?: +\w+:\S+)*")
"A line without a tab, as of `adb devices -l`; serials of wireless phones may hold spaces."
_REASONS = {
    "unauthorized": "is unauthorized; accept this computer's key on its screen",
    "offline": "is offline; connect it again",
    "no permissions": "may not be opened by this user; add a udev rule for it",
}


def devices() -> dict[str, str]:
    """State of every device that adb knows, by serial; `device` for one that can be used.

    Raises:
        DeviceError: adb is missing, or its server does not answer.
    """
    _adb("start-server")
    lines = _adb("devices").splitlines()
    listed = lines[lines.index("List of devices attached") + 1 :] if "List of devices attached" in lines else []
    return dict(filter(None, map(_listed, listed)))


def _listed(line: str) -> tuple[str, str] | None:
    """Serial and state of a line of adb's list; None of one that names no device."""
    serial, tab, state = line.partition("\t")
    if not tab and (match := _LISTED.fullmatch(line.strip())):
        serial, state = match["serial"], match["state"]
    return (serial.strip(), state.strip()) if serial.strip() and state.strip() else None


def why_unusable(state: str) -> str:
    """What a device in a state other than `device` is, and what to do."""
    known = next((reason for name, reason in _REASONS.items() if state.startswith(name)), None)
    return known or f"is in the state '{state}', not ready for use"


class Device:
    """One device; every method raises `DeviceError` where it refuses, is gone or does not answer in time."""

    def __init__(self, serial: str, answer_seconds: float = ANSWER_SECONDS):
        self.serial = serial
        self._seconds = answer_seconds

    def shell(self, *words: str) -> str:
        """What a command prints; each word arrives as it is."""
        return self.script(shlex.join(words))

    def script(self, text: str) -> str:
        """What a line of shell prints."""
        return _adb("-s", self.serial, "shell", text, seconds=self._seconds)

    def follow(self, *words: str) -> subprocess.Popen:
        """A command that goes on, its lines to be read from `stdout` as they come; to be killed."""
        return subprocess.Popen(
            [_program(), "-s", self.serial, "shell", shlex.join(words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )

    def install(self, apk: Path):
        """Install or replace an app."""
        # Old versions of adb exit with 0 although the phone refused.
        answer = _adb("-s", self.serial, "install", "-r", str(apk), seconds=TRANSFER_SECONDS)
        if refused := re.search(r"Failure.*", answer):
            raise DeviceError(f"does not install {apk}: {refused[0]}")

    def push(self, local: Path, remote: str):
        """Copy a file to the device."""
        _adb("-s", self.serial, "push", str(local), remote, seconds=TRANSFER_SECONDS)

    def pull(self, remote: str, local: Path):
        """Copy a file from the device."""
        _adb("-s", self.serial, "pull", remote, str(local), seconds=TRANSFER_SECONDS)


def _adb(*arguments: str, seconds: float = ANSWER_SECONDS) -> str:
    try:
        done = subprocess.run(
            [_program(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(f"did not answer `adb {_verb(arguments)}` within {seconds:g} s") from None
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        reason = said[-1].removeprefix("adb: ").removeprefix("error: ") if said else f"code {done.returncode}"
        raise DeviceError(f"adb {_verb(arguments)} failed: {reason}")
    return done.stdout


def _program() -> str:
    program = shutil.which("adb")
    if program is None:
        raise DeviceError("adb is not installed; on Debian: apt-get install adb")
    return program


def _verb(arguments: tuple[str, ...]) -> str:
    return arguments[2] if arguments[0] == "-s" else arguments[0]
