"""Lines that tell a user what was left out or repaired, without stopping the work."""

import os
import sys

_SAID = set()


def note(message: str):
    """Print one line on standard error: once in a process, and only in the first of processes that train together."""
    if message not in _SAID and os.environ.get("RANK", "0") == "0":
        _SAID.add(message)
        print(f"note: {' '.join(message.split())}", file=sys.stderr)
