"""Every run begins as cool as the first."""

import re
from threading import Event
from time import monotonic

from mobile.adb import Device

_WARMER_CELSIUS = 1.0
_LOOK_SECONDS = 5.0
_STATUS = re.compile(r"^\s*Thermal Status:\s*(\d+)", re.MULTILINE)
_TENTHS = re.compile(r"^\s*temperature:\s*(-?\d+)", re.MULTILINE)


class Cooling:
    """Waits until a phone is about as cool as it was when this was made.

    Args:
        device: the phone.
        most: seconds to wait at most each time, 0 for never.
        stop: set it to wait no longer.
    """

    def __init__(self, device: Device, most: float, stop: Event):
        self._device, self._most, self._stop = device, most, stop
        self._status, self._celsius = self._heat() if most else (None, None)

    def wait(self):
        """Return when it is cool again, or has been waited for long enough."""
        end = monotonic() + self._most
        while self._most and self._is_warm() and monotonic() < end:
            if self._stop.wait(min(_LOOK_SECONDS, self._most)):
                return

    def _is_warm(self) -> bool:
        status, celsius = self._heat()
        throttled = None not in (status, self._status) and status > self._status
        return throttled or (None not in (celsius, self._celsius) and celsius > self._celsius + _WARMER_CELSIUS)

    def _heat(self) -> tuple[int | None, float | None]:
        """Android's thermal status and the battery's temperature; None for what the phone does not tell."""
        status = _STATUS.search(self._device.script("dumpsys thermalservice 2>/dev/null || true"))
        tenths = _TENTHS.search(self._device.script("dumpsys battery 2>/dev/null || true"))
        return (int(status[1]) if status else None), (int(tenths[1]) / 10 if tenths else None)
