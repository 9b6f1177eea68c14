"""Being asked to stop, and stopping at a good moment."""

import signal
from collections.abc import Callable

from distill.system.errors import Stopped


def leave_stopping_to_the_parent(*_):
    """Ignore the signals of `StopRequest` in a worker process, which its parent ends.

    Slurm and a terminal signal every process of a group; a worker that ended first would fail the work.
    """
    for number in StopRequest.SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class StopRequest:
    """Context in which SIGINT, SIGTERM and SIGUSR1 set `received` instead of ending the process.

    A second SIGINT ends it at once.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)

    def __init__(self):
        self.received: signal.Signals | None = None

    def __enter__(self) -> "StopRequest":
        self._previous = {number: signal.signal(number, self._note) for number in self.SIGNALS}
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def agree(self, largest: Callable[[int], int]) -> bool:
        """Whether this or another process was asked to stop; from then on `received` is the same in all.

        Args:
            largest: function from this process's number to the largest of all processes' numbers.
        """
        number = largest(self.received or 0)
        if number:
            self.received = signal.Signals(number)
        return number > 0

    def end(self):
        """Leave, once the work is saved: by KeyboardInterrupt after SIGINT, by Stopped after the other signals."""
        raise KeyboardInterrupt if self.received == signal.SIGINT else Stopped(self.received.name)

    def _note(self, number: int, _):
        if self.received == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
