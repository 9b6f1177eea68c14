"""A device as adb sees it: a TCP server that speaks its protocol, with files, a shell and a log."""

import shlex
import socket
import struct
import threading
from contextlib import suppress
from queue import Queue

VERSION, MAX_DATA = 0x01000001, 1 << 16
BANNER = b"device::ro.product.name=standin;ro.product.model=Stand-in;ro.product.device=standin;features=shell_v2"
STDOUT, EXIT = 1, 3


class Stream:
    """One service that the host opened."""

    def __init__(self, phone: "AdbDevice", connection: socket.socket, number: int, peer: int):
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


class CommandFailed(Exception):
    """A command's exit code is 1; the message is what it prints."""


class AdbDevice:
    """What answers is told by the class that has this as its base.

    Args:
        authorized: whether the host's key is taken; if not, nobody ever accepts it.
    """

    authorized: bool
    files: dict[str, bytes]
    commands: list[str]

    def shell(self, command: str) -> str:
        """What a command prints.

        Raises:
            CommandFailed: its exit code is 1.
        """
        raise NotImplementedError

    def is_closed(self, path: str) -> bool:
        """Whether adb may neither write nor read a file."""
        raise NotImplementedError

    def listen(self):
        """Begin; the serial number is that of the port."""
        self._lock, self._connections = threading.Lock(), []
        self._log_lock, self._followers, self._logged = threading.Lock(), [], []
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
            if streams[second] in self._followers:
                self._followers.remove(streams[second])
            streams[second].arrived.put(b"")
            streams[second].acknowledged.release()

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
            elif rest.startswith("logcat "):
                self._follow(stream, rest)
                return
            else:
                self.commands.append(rest)
                text, code = self._run(rest)
                output = text.encode()
                stream.write(struct.pack("<BI", STDOUT, len(output)) + output + struct.pack("<BIB", EXIT, 1, code))
            stream.close()

    def _run(self, command: str) -> tuple[str, int]:
        """What a command, or one with `|| true` behind it, prints, and its exit code."""
        command, _, forgiven = command.partition(" || ")
        try:
            return self.shell(command), 0
        except CommandFailed as failure:
            return str(failure), 0 if forgiven else 1

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
                content, path = self._receive(stream), path.rpartition(",")[0]
                if self.is_closed(path):
                    self._fail(stream, "Permission denied")
                    return
                self.files[path] = content
                stream.write(struct.pack("<4sI", b"OKAY", 0))
            elif name == b"RECV":
                if self.is_closed(path) or path not in self.files:
                    self._fail(stream, "Permission denied")
                    return
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

    @staticmethod
    def _fail(stream: Stream, reason: str):
        stream.write(struct.pack("<4sI", b"FAIL", len(reason)) + reason.encode())

    def _follow(self, stream: Stream, command: str):
        """Send the lines since the time of `date`, which counts lines, and those to come."""
        words = shlex.split(command)
        since = int(words[words.index("-T") + 1].rpartition(":")[2].replace(".", ""))
        with self._log_lock:
            self._followers.append(stream)
            for line in self._logged[since:]:
                self._send_line(stream, line)

    def log(self, line: str):
        """Log a line; those who follow the log hear it."""
        with self._log_lock:
            self._logged.append(line)
            for stream in list(self._followers):
                self._send_line(stream, line)

    @staticmethod
    def _send_line(stream: Stream, line: str):
        with suppress(OSError, AssertionError):
            stream.write(struct.pack("<BI", STDOUT, len(line) + 1) + line.encode() + b"\n")

    @property
    def now(self) -> str:
        """What `date` says: not the time, but how many lines were logged."""
        return f"01-01 00:00:{len(self._logged) // 1000:02d}.{len(self._logged) % 1000:03d}"
