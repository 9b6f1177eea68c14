"""A made-up batch, and maps that a network might give for it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from distill.heads.batch import Batch


@pytest.fixture
def batch():
    """Two samples of 64 x 64 pixels: two persons in the first, one in the second; a teacher's peak each."""
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.cat([torch.rand(2, 2, 17, 2, generator=generator) * 60, torch.full((2, 2, 17, 1), 2.0)], -1)
    keypoints[1, 1] = 0
    masks = torch.zeros(2, 4, 32, 32, dtype=torch.uint8)
    masks[:, 3] = 255
    number, person, joint = (keypoints[..., 2] > 0).nonzero().unbind(-1)
    return Batch(
        image_ids=torch.arange(2),
        images=torch.zeros(2, 64, 64, 3, dtype=torch.uint8),
        masks=masks,
        keypoints=keypoints,
        persons=keypoints.clamp(max=torch.tensor([64.0, 64.0, 1.0])),
        joints=torch.column_stack([number, joint, keypoints[number, person, joint, :2]]),
        annotated=torch.ones(2, 17),
        peaks=torch.tensor([[0, 3, 20.0, 24.0, 0.7, 4.0], [1, 5, 40.0, 12.0, 0.9, 4.0]]),
    )


@pytest.fixture
def maps():
    """Random maps of a network with heatmaps at two strides, tags and attention."""
    generator = torch.Generator().manual_seed(1)
    return {
        "heatmaps_s4": torch.rand(2, 17, 16, 16, generator=generator),
        "heatmaps_s2": torch.rand(2, 17, 32, 32, generator=generator),
        "tags_s4": torch.randn(2, 17, 16, 16, generator=generator),
        "attention": torch.randn(2, 1, 16, 16, generator=generator),
    }


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
