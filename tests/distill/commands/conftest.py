"""A real adb server of its own, and stand-ins for phones that it reaches over loopback."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest


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
