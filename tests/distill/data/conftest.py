import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class FileServer(ThreadingHTTPServer):
    """HTTP on loopback for files in memory, with the faults that real servers have."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.files: dict[str, bytes] = {}
        self.statuses: list[int] = []
        self.cut_after: int | None = None
        self.knows_ranges = True
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class FileHandler(BaseHTTPRequestHandler):
    """Answers with a file, a part of it, or as much of it as the server lets through."""

    server: FileServer

    def do_GET(self):
        asked = self.headers["Range"]
        self.server.requests.append((self.path, asked))
        content = self.server.files.get(self.path)
        if self.server.statuses or content is None:
            self.send_error(self.server.statuses.pop(0) if self.server.statuses else 404)
            return
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and self.server.knows_ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = None if self.server.cut_after is None else start + self.server.cut_after
        self.wfile.write(content[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A running `FileServer`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def zip_of():
    """Function from {name: content} to the bytes of a zip file."""

    def pack(members: dict[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return pack
