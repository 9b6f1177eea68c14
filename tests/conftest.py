"""Fixtures that every test may ask for, and the rule about skipped tests.

Where `CI` is set a skipped test is a failure, because tools and data can be had there. Only what no
installation can mend may still be skipped, with a reason that begins with `hardware:`.
"""

import importlib
import itertools
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CANNOT_BE_HAD = "hardware:"

if "PYTEST_XDIST_WORKER" in os.environ:
    # Parallel workers share the cores; set before torch starts its threads, and for child processes too.
    threads = os.environ.setdefault("OMP_NUM_THREADS", "1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(threads))

# TensorFlow, which TensorBoard's reader loads, crashes torch's compiler where that comes after it.
importlib.import_module("torchvision.ops")


def on_ci() -> bool:
    """Whether a missing tool or missing data is a failure."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def reject_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure on CI, unless its reason says that nothing could be installed."""
    if not (on_ci() and report.skipped) or hasattr(report, "wasxfail"):
        return
    path, line, reason = report.longrepr
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(CANNOT_BE_HAD):
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skipped although CI is set: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    reject_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    reject_skip(report)
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    """The folder that holds setup.cfg."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of golden data and real photographs: `DISTILL_SHARED`, by default `shared` beside the repo."""
    folder = Path(os.environ.get("DISTILL_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "coco_mini").is_dir():
        pytest.skip(f"{folder} holds no coco_mini; set DISTILL_SHARED to the shared folder")
    return folder


@pytest.fixture(scope="session")
def executable() -> Callable[[str], Path]:
    """Function from a tool's name to its path; the test is skipped when the tool is missing."""

    def find(name: str) -> Path:
        beside_python = Path(sys.executable).with_name(name)
        found = str(beside_python) if beside_python.exists() else shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed; run `make system-deps`")
        return Path(found)

    return find


@pytest.fixture(scope="session")
def tiny_synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data root of 24 train and 12 val synthetic scenes of 128 x 128, in COCO format."""
    from distill.commands.data import main

    root = tmp_path_factory.mktemp("tiny_synthetic")
    for split, images, seed in (("train2017", 24, 1), ("val2017", 12, 2)):
        arguments = ["synthesize", str(root), "--images", str(images), "--seed", str(seed)]
        assert main([*arguments, "--size", "128", "--split", split]) == 0
    return root


@pytest.fixture(scope="session")
def s3_server():
    """A real S3 server on loopback, known to this process and its children by their environment.

    It answers one request after another, for two at once may both find that a key is new.
    """
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    host, port = server.server_address
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("no_proxy", "127.0.0.1")
        yield
    server.shutdown()
    serving.join()


@pytest.fixture(scope="session")
def new_bucket(s3_server):
    """Function that makes an empty bucket and returns its URL."""
    import fsspec

    numbers = itertools.count()

    def make():
        name = f"bucket-{next(numbers)}"
        fsspec.filesystem("s3", use_listings_cache=False).mkdir(name)
        return f"s3://{name}"

    return make


@pytest.fixture
def bucket(new_bucket):
    """URL of an empty bucket."""
    return new_bucket()


@pytest.fixture(autouse=True)
def same_threads():
    """A command that sets the number of threads sets it for the life of its process; the next test has all again."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    yield
    if torch and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Accelerate keeps device and precision for the life of a process; a test chooses its own."""
    yield
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def as_version_1():
    """Function that makes a complete store at a path one of version 1, as it was written before peaks were stored."""

    def change(path):
        root = json.loads((path / "zarr.json").read_text())
        del root["attributes"]["peak"]
        root["attributes"]["format_version"] = 1
        del root["consolidated_metadata"]["metadata"]["peak"]
        (path / "zarr.json").write_text(json.dumps(root))
        shutil.rmtree(path / "peak")
        (path / ".claim").unlink()
        for file in path.glob("complete/*.json"):
            marker = json.loads(file.read_text())
            del marker["arrays"]["peak"]
            file.write_text(json.dumps(marker))
        return path

    return change


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """What a command remembers for its user goes into a folder of the test's own, that of child processes too."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def new_network():
    """Function that makes an untrained network, by name or choice, with its own outputs unless others are given."""
    from distill.networks.registry import create, heads_of
    from distill.pose.skeleton import COCO_17
    from distill.system.choice import Choice

    def make(choice, skeleton=COCO_17, outputs=None):
        choice = Choice.of(choice)
        return create(choice, heads_of(choice, outputs or {}), skeleton)

    return make


@pytest.fixture(scope="session")
def new_info():
    """Function that says of such a network what a checkpoint says; further fields by name."""
    from distill.heads.registry import plain_heads
    from distill.networks.checkpoint import CheckpointInfo
    from distill.networks.registry import heads_of, plain
    from distill.pose.skeleton import COCO_17
    from distill.system.choice import Choice

    def make(choice, skeleton=COCO_17, outputs=None, input_size=(64, 64), step=1, **fields):
        choice = Choice.of(choice)
        heads = plain_heads(heads_of(choice, outputs or {}))
        return CheckpointInfo(plain(choice), heads, skeleton, input_size, step, **fields)

    return make
