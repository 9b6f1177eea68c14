"""A small store; a real adb server of its own, and stand-ins for phones that it reaches over loopback."""

import importlib.util
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from distill.commands import cache


@pytest.fixture(scope="session")
def standin():
    """The module of the stand-in phone."""
    name = "standin_phone"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("phone.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def adb(executable, tmp_path, monkeypatch):
    """Path of adb, whose server has a port and keys of its own and knows no phone."""
    program = executable("adb")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ADB_VENDOR_KEYS", raising=False)
    subprocess.run([program, "start-server"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield program
    subprocess.run([program, "kill-server"], check=True, timeout=30)


@pytest.fixture
def connect(adb, standin):
    """Function that makes a stand-in phone, connects it and returns it."""
    phones = []

    def make(**settings):
        phone = standin.Phone(**settings)
        phones.append(phone)
        subprocess.run([adb, "connect", phone.serial], check=phone.authorized, capture_output=True, timeout=30)
        return phone

    yield make
    for phone in phones:
        phone.close()


@pytest.fixture(scope="session")
def build():
    """Function from data set and store to the exit code of a small build, with the oracle or whatever more says."""

    def build(root, out, *more):
        arguments = ["build", "--data.root", str(root), "--data.split", "val2017", "--teacher", "oracle"]
        return cache.main([*arguments, "--map_size", "64", "--shard_length", "4", "--out", str(out), *more])

    return build


@pytest.fixture(scope="session")
def error_line():
    """Function that gives the one line on standard error."""

    def error_line(capsys):
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return error_line


@pytest.fixture(scope="module")
def store(build, tiny_synthetic, tmp_path_factory):
    """Labels of 12 synthetic scenes, made and evaluated by the command."""
    out = tmp_path_factory.mktemp("cache") / "labels.zarr"
    assert build(tiny_synthetic, out, "--evaluate", "true") == 0
    return out


@pytest.fixture
def broken_store(store, tmp_path):
    """A copy with one flipped byte."""
    copy = tmp_path / "broken.zarr"
    shutil.copytree(store, copy)
    path = copy / "heatmap/c/1/0/0/0"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    return copy
