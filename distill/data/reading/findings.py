"""What was left out or repaired when a file was read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

NOBODY = "photographs in which nobody is annotated"
"Kind of finding."
INFORMATION = (
    NOBODY,
    "of other categories than",
    "of other classes than",
    "main person alone",
    "have no joints of their own",
    "have no names",
    "count as persons",
    "under another path",
    "boxes without joints",
    "they are turned as viewers show them",
    "that has no joints either",
)
"Parts of the kinds that say how a set is read, and nothing against it."


class Findings:
    """Faults of a file gathered by kind: how often, and where first.

    Args:
        source: the file or folder, which every line names.
    """

    def __init__(self, source: Path):
        self.source = source
        self._kinds: dict[str, tuple[int, str]] = {}

    def add(self, kind: str, first: str, count: int = 1):
        """Note a fault.

        Args:
            kind: what is wrong and what was done about it, such as "annotations without a box take that of their
                outline or joints".
            first: where it was seen, such as "annotation 7"; of one kind the first that is given is told.
            count: how often.
        """
        if count:
            seen, owner = self._kinds.get(kind, (0, first))
            self._kinds[kind] = (seen + count, owner)

    def add_where(self, kind: str, is_wrong: np.ndarray, owners: Sequence[str]):
        """Note a fault of all (N,) for which it is true; `owners` names each of them."""
        if len(rows := np.flatnonzero(is_wrong)):
            self.add(kind, owners[rows[0]], len(rows))

    def lines(self) -> list[str]:
        """A line for each kind, in the order in which they were seen, without the source."""
        return [f"{kind}: {count}, first {owner}" for kind, (count, owner) in self._kinds.items()]

    def notes(self) -> tuple[str, ...]:
        """The same lines, each with the source."""
        return tuple(f"{self.source}: {line}" for line in self.lines())


def is_fault(line: str) -> bool:
    """Whether a line of `Findings.notes` tells a fault of the set, and not only how it is read."""
    return not any(part in line for part in INFORMATION)
