import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from distill.data.keypoint_set import KeypointSet
from distill.data.source import DataSource
from distill.pose.skeleton import COCO_17


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


@pytest.fixture
def write(tmp_path):
    """Function that writes a COCO set of one 24 x 16 photograph with the given annotations and reads it."""

    def write(*annotations, folder="train2017", skeleton=COCO_17, **changes):
        photographs = tmp_path / folder
        photographs.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photographs / "7.jpg")
        person = {
            "image_id": 7,
            "category_id": 1,
            "bbox": [2, 2, 8, 10],
            "keypoints": [5, 6, 2] + [0] * 48,
            "iscrowd": 0,
        }
        full = [{"id": i} | person | a for i, a in enumerate(annotations, 1)]
        document = {
            "images": [{"id": 7, "file_name": "7.jpg", "width": 24, "height": 16}],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
            "annotations": full,
        } | changes
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations/person_keypoints_train2017.json").write_text(json.dumps(document))
        return KeypointSet(DataSource(tmp_path, "train2017"), skeleton)

    return write
