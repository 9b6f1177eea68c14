"""What the benchmark app says in the phone's log: parts of a result, and the line that ends a run."""

import json
import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic

from mobile.adb import Device
from mobile.errors import DeviceError
from mobile.phone_folder import PACKAGE

TAG = "PoseDistillBench"
LOOK_SECONDS = 5.0
"Between two looks whether the app still runs; the log says when a run ends, but not that the app is gone."


@dataclass(frozen=True)
class Finished:
    """The end of a run."""

    text: str | None
    "The result, None where the log lost a part of it."
    file: str | None
    "Where the app wrote it, None where it could not."


class AppLog:
    """The app's lines from now on, as they come; to be used as a context.

    Raises:
        DeviceError: adb is missing, or the phone does not answer.
    """

    def __init__(self, device: Device):
        self._device = device
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._parts: dict[int, str] = {}

    def __enter__(self) -> "AppLog":
        since = self._device.shell("date", "+%m-%d %H:%M:%S.000").strip()
        self._follower = self._device.follow("logcat", "-v", "raw", "-T", since, "-s", f"{TAG}:I")
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *exception: object):
        self._follower.kill()
        self._follower.wait()

    def _read(self):
        with suppress(ValueError, OSError):
            for line in self._follower.stdout:
                self._lines.put(line.rstrip("\r\n"))
        self._lines.put(None)

    def wait(self, result: str, timeout: float, stop: Event) -> Finished:
        """The end of the run of a result of this name.

        Raises:
            DeviceError: the app ended without it, it took longer than `timeout` seconds, or `stop` was set.
        """
        end, look = monotonic() + timeout, monotonic() + LOOK_SECONDS
        while True:
            with suppress(queue.Empty):
                line = self._lines.get(timeout=0.2)
                if line is None:
                    raise DeviceError("the phone's log ended")
                if found := self._understood(line, result):
                    return found
                continue
            if stop.is_set():
                raise DeviceError("interrupted")
            if monotonic() > end:
                raise DeviceError(f"no result within {timeout:g} s; raise timeout or lower runs")
            if monotonic() > look:
                look = monotonic() + LOOK_SECONDS
                if not self._runs():
                    raise DeviceError("the app ended without a result; `adb logcat` tells more")

    def is_here(self) -> bool:
        """Whether the phone still answers."""
        with suppress(DeviceError):
            return self._device.script("echo here").strip() == "here"
        return False

    def _runs(self) -> bool:
        return self._device.script(f"pidof {PACKAGE} || true").strip() != ""

    def _understood(self, line: str, result: str) -> Finished | None:
        kind, _, rest = line.partition(" ")
        if kind == "PART" and rest.startswith(f"{result} "):
            number, _, text = rest.removeprefix(f"{result} ").partition(" ")
            if number.isdigit():
                self._parts[int(number)] = text
        elif kind == "RESULT":
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(rest)
                if said["result"] == result:
                    parts = [self._parts.get(i) for i in range(said["parts"])]
                    return Finished(None if None in parts else "".join(parts), said["file"])
        return None
