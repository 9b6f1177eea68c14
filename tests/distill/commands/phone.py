"""A stand-in for a phone, and an app that measures nothing."""

import json
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath

from mobile.packed import unpack
from tests.distill.commands.adb_device import AdbDevice, CommandFailed

PACKAGE = "org.posedistill.bench"
PART = 3000


@dataclass
class Phone(AdbDevice):
    """See above; what it does with a run is told by `behaviour`.

    Args:
        model: name that results carry.
        behaviour: from delegate to `ok`, `error`, `silent`, `crash`, `broken` or `die` (gone in the middle);
            `ok` by default.
        computes: from the bytes of a model to the persons and the outputs that the app gives; nobody and none by
            default.
        refuses_install: whether apps are refused.
        authorized: whether the host's key is taken; if not, nobody ever accepts it.
        user: number of the user that is shown.
        keeps_adb_out: whether adb may neither write nor read the app's own folder.
        full: whether the app cannot write its results.
        drops: whether the log loses a line of a long result.
        knows_little: whether the commands are missing that a phone need not have.
        celsius: temperature of the battery, one for each time that it is asked for; the last stays.
    """

    model: str = "Stand-in"
    behaviour: dict[str, str] = field(default_factory=dict)
    computes: Callable[[bytes], tuple[list[dict], bytes | None]] = lambda model: ([], None)
    refuses_install: bool = False
    authorized: bool = True
    user: int = 0
    keeps_adb_out: bool = False
    full: bool = False
    drops: bool = False
    knows_little: bool = False
    celsius: list[float] = field(default_factory=lambda: [25.5])
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)
    installed: bytes | None = None
    running: bool = False
    prepared: bool = False

    def __post_init__(self):
        self.listen()

    @property
    def folder(self) -> str:
        """Where the app's own files are."""
        root = "/sdcard" if self.user == 0 else f"/storage/emulated/{self.user}"
        return f"{root}/Android/data/{PACKAGE}/files"

    def is_closed(self, path: str) -> bool:
        """See `AdbDevice`."""
        if not path.startswith(self.folder):
            return not path.startswith("/data/local/tmp/")
        return self.keeps_adb_out or not self.prepared

    def shell(self, command: str) -> str:
        """See `AdbDevice`."""
        words = shlex.split(command)
        if self.knows_little and words[0] in ("dumpsys", "cmd", "wm", "input"):
            raise CommandFailed(f"{words[0]}: not found\n")
        if words[:2] == ["pm", "install"]:
            if self.refuses_install:
                raise CommandFailed("Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: signatures do not match]\n")
            self.installed = self.files.pop(words[-1])
            return "Success\n"
        if words[0] == "rm":
            for path in words[1:]:
                self.files.pop(path, None)
        elif words[0] == "test":
            if self.is_closed(words[2]):
                raise CommandFailed("")
            return f"{words[2]}\n"
        elif words[0] == "pidof":
            if not self.running:
                raise CommandFailed("")
            return "4242\n"
        elif words[0] == "date":
            return f"{self.now}\n"
        elif words[0] == "echo":
            return f"{words[1]}\n"
        elif words[:2] == ["dumpsys", "battery"]:
            celsius = self.celsius.pop(0) if len(self.celsius) > 1 else self.celsius[0]
            return f"  temperature: {round(10 * celsius)}\n"
        elif words[0] == "dumpsys":
            return "Thermal Status: 0\n"
        elif words[:2] == ["cmd", "package"]:
            return "Success\n"
        elif words[:2] == ["am", "get-current-user"]:
            return f"{self.user}\n"
        elif words[:2] == ["am", "force-stop"]:
            self.running = False
        elif words[:2] == ["am", "start"]:
            return self._start(words)
        return ""

    def _start(self, words: list[str]) -> str:
        if self.installed is None:
            return "Error type 3\nError: Activity class does not exist.\n"
        if words[words.index("--user") + 1] != str(self.user):
            return "Error: the user is not shown.\n"
        kinds = {"--es": str, "--ei": int, "--ez": lambda word: word == "true"}
        extras = {words[i + 1]: kinds[word](words[i + 2]) for i, word in enumerate(words) if word in kinds}
        if extras.get("prepare"):
            self.prepared = True
            return "Status: ok\n"
        self.requests.append(extras)
        behaviour = self.behaviour.get(extras["delegate"], "ok")
        if behaviour == "die":
            self.close()
        self.running = behaviour != "crash"
        if behaviour in ("ok", "error", "broken"):
            threading.Thread(target=self._finish, args=(extras, behaviour), daemon=True).start()
        return "Status: ok\nComplete\n"

    def _finish(self, extras: dict, behaviour: str):
        """Write the result and log it, as the app does."""
        result = {"status": "ok"} if behaviour == "broken" else self._result(extras, behaviour)
        text, file = json.dumps(result), f"{self.folder}/results/{extras['result']}"
        if not self.full:
            self.files[file] = text.encode()
        parts = [text[i : i + PART] for i in range(0, len(text), PART)]
        for i, part in enumerate(parts):
            if not (self.drops and i == 0):
                self.log(f"PART {extras['result']} {i} {part}")
        end = {"result": extras["result"], "file": None if self.full else file, "parts": len(parts)}
        self.log(f"RESULT {json.dumps(end | {'status': result['status']})}")

    def _content(self, name: str) -> bytes:
        """A file as the app finds it."""
        return self.files[name if name.startswith("/") else f"{self.folder}/{name}"]

    def _result(self, request: dict, status: str) -> dict:
        device = {"manufacturer": "Nobody", "model": self.model, "soc": "none", "android": "14", "api_level": 34}
        screen = {"screen_on": True, "locked": False, "in_front": True, "power_save": False}
        result = {
            "schema_version": 2,
            "status": status,
            "app": {"package": PACKAGE, "version": "0"},
            "started": "2026-01-01T00:00:00Z",
            "request": {"metadata": request["model"].replace(".tflite", ".json")} | request,
            "device": device | {"abi": "arm64-v8a", "cores": 8, "page_size": 4096, "debuggable": False},
            "screen": {"before": screen, "after": screen},
        }
        if status == "error":
            return result | {"error": {"kind": "delegate", "message": "nnapi is not on this phone; choose cpu"}}
        model = self._content(request["model"])
        described = "metadata" in request
        assert not described or json.loads(self._content(request["metadata"]))
        persons, outputs = self.computes(model)
        stored = f"{self.folder}/results/{request['result'].replace('.json', '.outputs')}"
        if outputs is not None:
            self.files[stored] = outputs
        heat = {"status": "none", "battery_celsius": 25.5}
        base = 24.0 / request["threads"]
        steps = {name: _times(share * base, request["runs"]) for name, share in _SHARES.items()}
        return result | {
            "thermal": {"before": heat, "after": heat},
            "runtime": {"name": "stand-in", "version": "0"},
            "model": {
                "file": PurePosixPath(request["model"]).name,
                "sha256": sha256(unpack(model).model).hexdigest(),
                "bytes": len(model),
                "network": "none" if described else "unknown",
                "trained": None,
                "input": [128, 128] if described else None,
                "input_type": "float32" if described else "unknown",
                "precision": "float32" if described else "unknown",
            },
            "delegate": {"name": request["delegate"], "operators": 10, "delegated": 9, "share": 0.9},
            "memory": {"before": 50_000_000, "peak": 80_000_000, "peak_reset": True},
            "times": {"initialisation": 40.0, "first": 2 * base, "warmup": _times(base, 2)} | steps,
            "outputs": None if outputs is None else stored,
            "persons": persons,
        }


_SHARES = {"preprocessing": 0.1, "inference": 1.0, "decoding": 0.2, "total": 1.3, "bare": 0.9}


def _times(value: float, runs: int) -> dict:
    factors = {"min": 0.9, "mean": 1.0, "median": 1.0, "p90": 1.1, "p95": 1.15, "p99": 1.2, "max": 1.3, "std": 0.05}
    figures = {name: value * factor for name, factor in factors.items()}
    return {"runs": runs, "samples": [value] * runs} | figures | ({} if runs >= 500 else {"p99": None})
