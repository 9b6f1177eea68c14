"""A stand-in for a phone: a TCP server that speaks adb's device protocol, and an app that measures nothing."""

import json
import shlex
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from queue import Queue

FILES = "/sdcard/Android/data/org.posedistill.bench/files"
VERSION, MAX_DATA = 0x01000001, 1 << 16
BANNER = b"device::ro.product.name=standin;ro.product.model=Stand-in;ro.product.device=standin;features=shell_v2"
STDOUT, EXIT = 1, 3


class Stream:
    """One service that the host opened."""

    def __init__(self, phone: "Phone", connection: socket.socket, number: int, peer: int):
        self._phone, self._connection = phone, connection
        self.number, self.peer = number, peer
        self.arrived: Queue[bytes] = Queue()
        self.acknowledged = threading.Semaphore(0)
        self._rest = b""

    def write(self, data: bytes):
        for start in range(0, len(data), MAX_DATA):
            self._phone.send(self._connection, b"WRTE", self.number, self.peer, data[start : start + MAX_DATA])
            assert self.acknowledged.acquire(timeout=60)

    def read(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = self.arrived.get(timeout=60)
            if not data:
                raise EOFError
            self._rest += data
            self._phone.send(self._connection, b"OKAY", self.number, self.peer)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self):
        self._phone.send(self._connection, b"CLSE", self.number, self.peer)


@dataclass
class Phone:
    """See above; what it does with a run is told by `behaviour`.

    Args:
        model: name that results carry.
        behaviour: from delegate to `ok`, `error`, `silent`, `crash`, `broken` or `die` (gone in the middle);
            `ok` by default.
        refuses_install: whether apps are refused.
        authorized: whether the host's key is taken; if not, nobody ever accepts it.
    """

    model: str = "Stand-in"
    behaviour: dict[str, str] = field(default_factory=dict)
    refuses_install: bool = False
    authorized: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)
    installed: bytes | None = None
    running: bool = False

    def __post_init__(self):
        self._lock, self._connections = threading.Lock(), []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Be gone, as a phone whose cable is pulled."""
        # A blocked accept keeps a listener alive that is only closed.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def send(self, connection: socket.socket, name: bytes, first: int, second: int, data: bytes = b""):
        """Send one message of the protocol."""
        (code,) = struct.unpack("<I", name)
        head = struct.pack("<6I", code, first, second, len(data), sum(data) & 0xFFFFFFFF, code ^ 0xFFFFFFFF)
        with self._lock:
            connection.sendall(head + data)

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket):
        streams: dict[int, Stream] = {}
        with suppress(OSError), connection.makefile("rb") as incoming:
            while len(head := incoming.read(24)) == 24:
                code, first, second, length, _, _ = struct.unpack("<6I", head)
                self._handle(connection, streams, struct.pack("<I", code), first, second, incoming.read(length))
        for stream in streams.values():
            stream.arrived.put(b"")

    def _handle(self, connection, streams: dict[int, Stream], name: bytes, first: int, second: int, data: bytes):
        if name == b"CNXN" and self.authorized:
            self.send(connection, b"CNXN", VERSION, MAX_DATA, BANNER)
        elif name == b"CNXN" or (name == b"AUTH" and first == 2):
            self.send(connection, b"AUTH", 1, 0, bytes(range(20)))
        elif name == b"OPEN":
            stream = streams[len(streams) + 1] = Stream(self, connection, len(streams) + 1, first)
            service = data.rstrip(b"\0").decode()
            threading.Thread(target=self._service, args=(connection, stream, service), daemon=True).start()
        elif name == b"WRTE":
            streams[second].arrived.put(data)
        elif name == b"OKAY":
            streams[second].acknowledged.release()
        elif name == b"CLSE" and second in streams:
            streams[second].arrived.put(b"")

    def _service(self, connection: socket.socket, stream: Stream, service: str):
        with suppress(OSError, EOFError):
            kind, _, rest = service.partition(":")
            kind = kind.partition(",")[0]
            if kind not in ("shell", "sync"):
                self.send(connection, b"CLSE", 0, stream.peer)
                return
            self.send(connection, b"OKAY", stream.number, stream.peer)
            if kind == "sync":
                self._sync(stream)
            else:
                self.commands.append(rest)
                output = self._shell(rest).encode()
                code = b"\1" if output.startswith(b"Failure") else b"\0"
                stream.write(struct.pack("<BI", STDOUT, len(output)) + output + struct.pack("<BI", EXIT, 1) + code)
            stream.close()

    def _sync(self, stream: Stream):
        while True:
            name, length = struct.unpack("<4sI", stream.read(8))
            if name == b"QUIT":
                return
            path = stream.read(length).decode()
            if name == b"STAT":
                there = path in self.files
                folder = not there and any(file.startswith(f"{path}/") for file in self.files)
                mode = 0o100644 if there else 0o040755 if folder else 0
                stream.write(struct.pack("<4s3I", b"STAT", mode, len(self.files.get(path, b"")), 0))
            elif name == b"SEND":
                self.files[path.rpartition(",")[0]] = self._receive(stream)
                stream.write(struct.pack("<4sI", b"OKAY", 0))
            elif name == b"RECV":
                content = self.files[path]
                for start in range(0, len(content), MAX_DATA):
                    part = content[start : start + MAX_DATA]
                    stream.write(struct.pack("<4sI", b"DATA", len(part)) + part)
                stream.write(struct.pack("<4sI", b"DONE", 0))

    @staticmethod
    def _receive(stream: Stream) -> bytes:
        content = b""
        while True:
            name, length = struct.unpack("<4sI", stream.read(8))
            if name == b"DONE":
                return content
            assert name == b"DATA"
            content += stream.read(length)

    def _shell(self, command: str) -> str:
        words = shlex.split(command)
        if words[:2] == ["pm", "install"]:
            if self.refuses_install:
                return "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: signatures do not match]\n"
            self.installed = self.files[words[-1]]
            return "Success\n"
        if words[0] == "rm":
            for path in words[1:]:
                self.files.pop(path, None)
        elif words[0] == "ls":
            return f"{words[1]}\n" if words[1] in self.files else "4242\n" if self.running else "gone\n"
        elif words[:2] == ["am", "force-stop"]:
            self.running = False
        elif words[:2] == ["am", "start"]:
            return self._start(words)
        return ""

    def _start(self, words: list[str]) -> str:
        if self.installed is None:
            return "Error type 3\nError: Activity class does not exist.\n"
        extras = {}
        for i, word in enumerate(words):
            if word in ("--es", "--ei"):
                extras[words[i + 1]] = int(words[i + 2]) if word == "--ei" else words[i + 2]
        name = extras.pop("result")
        self.requests.append(extras)
        behaviour = self.behaviour.get(extras["delegate"], "ok")
        if behaviour == "die":
            self.close()
        self.running = behaviour != "crash"
        if behaviour in ("ok", "error"):
            self.files[f"{FILES}/results/{name}"] = json.dumps(self._result(extras, behaviour)).encode()
        elif behaviour == "broken":
            self.files[f"{FILES}/results/{name}"] = b'{"status": "ok"}'
        return "Status: ok\nComplete\n"

    def _result(self, request: dict, status: str) -> dict:
        device = {"manufacturer": "Nobody", "model": self.model, "soc": "none", "android": "14", "api_level": 34}
        result = {
            "schema_version": 1,
            "status": status,
            "app": {"package": "org.posedistill.bench", "version": "0"},
            "started": "2026-01-01T00:00:00Z",
            "request": request,
            "device": device | {"abi": "arm64-v8a", "cores": 8},
        }
        if status == "error":
            return result | {"error": {"kind": "delegate", "message": "nnapi is not on this phone; choose cpu"}}
        model = self.files[f"{FILES}/{request['model']}"]
        assert json.loads(self.files[f"{FILES}/{request['metadata']}"])
        heat = {"status": "none", "battery_celsius": 25.5}
        base = 24.0 / request["threads"]
        steps = {name: _times(share * base, request["runs"]) for name, share in _SHARES.items()}
        return result | {
            "thermal": {"before": heat, "after": heat},
            "runtime": {"name": "stand-in", "version": "0"},
            "model": {
                "file": PurePosixPath(request["model"]).name,
                "sha256": sha256(model).hexdigest(),
                "bytes": len(model),
                "network": "none",
                "trained": None,
                "input": [128, 128],
                "precision": "float32",
            },
            "delegate": {"name": request["delegate"], "operators": 10, "delegated": "unknown", "share": "unknown"},
            "memory": {"before": 50_000_000, "peak": 80_000_000},
            "times": {"initialisation": 40.0, "first": 2 * base, "warmup": _times(base, 2)} | steps,
            "persons": [{"score": 0.5, "joints": [[1.0, 2.0, 0.9]]}],
        }


_SHARES = {"preprocessing": 0.1, "inference": 1.0, "decoding": 0.2, "total": 1.3}


def _times(value: float, runs: int) -> dict:
    factors = {"min": 0.9, "mean": 1.0, "median": 1.0, "p90": 1.1, "p95": 1.15, "p99": 1.2, "max": 1.3, "std": 0.05}
    return {"runs": runs} | {name: value * factor for name, factor in factors.items()}
