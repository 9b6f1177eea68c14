"""What adb's list of devices says, in all the ways it is written."""

import pytest

from mobile import adb


@pytest.mark.parametrize(
    ("line", "serial", "state"),
    [
        ("emulator-5554\tdevice", "emulator-5554", "device"),
        ("adb-XY (2)._adb-tls-connect._tcp\tdevice", "adb-XY (2)._adb-tls-connect._tcp", "device"),
        ("adb-XY (2)._adb-tls-connect._tcp device product:a model:b", "adb-XY (2)._adb-tls-connect._tcp", "device"),
        ("192.168.0.3:5555     device product:x model:Pixel_8", "192.168.0.3:5555", "device"),
        ("R58 device", "R58", "device"),
        ("my device device", "my device", "device"),
        ("ABC      unauthorized usb:1-1 transport_id:1", "ABC", "unauthorized"),
        ("ABC no permissions (user in plugdev group); see [address]", "ABC", None),
        ("ABC\tno permissions", "ABC", "no permissions"),
        ("ABC\tsome new state", "ABC", "some new state"),
    ],
)
def test_serials_and_states(monkeypatch, line, serial, state):
    answers = {"start-server": "", "devices": f"* daemon started\nList of devices attached\n{line}\n\n"}
    monkeypatch.setattr(adb, "_adb", lambda *words: answers[words[0]])
    ((found, said),) = adb.devices().items()
    assert found == serial
    assert said == state if state else said.startswith("no permissions")


def test_lines_that_name_no_device_are_left_out(monkeypatch):
    monkeypatch.setattr(adb, "_adb", lambda *words: "List of devices attached\n\nadb server is out of date\n")
    assert adb.devices() == {}
