"""Line charts as SVG that takes the colours of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

WIDTH, HEIGHT = 420, 220
_LEFT, _BOTTOM, _TOP, _RIGHT = 52, 26, 10, 10


@dataclass(frozen=True)
class Line:
    """One line of a chart, in its pixels."""

    name: str
    path: str
    "What an SVG path element draws."
    last: str
    "Its last value; empty where that says nothing."


@dataclass(frozen=True)
class Chart:
    """Lines over one axis, and where ticks stand."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    "Place in pixels, and text."
    y_ticks: tuple[tuple[float, str], ...]
    marks: tuple[float, ...]
    "Pixels at which a vertical line stands."


def chart(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    y_range: tuple[float, float] | None = None,
    marks: Sequence[float] = (),
    ends: bool = True,
) -> Chart | None:
    """A chart of points x, y by name; None where no finite point is there.

    Args:
        y_range: least and greatest y shown; by default those of the points.
        marks: x at which a vertical line is to stand.
        ends: whether the last values are worth saying.
    """
    series = {name: [(x, y) for x, y in points if isfinite(x) and isfinite(y)] for name, points in series.items()}
    points = [point for line in series.values() for point in line]
    if not points:
        return None
    x_ends, y_ends = ((min(values), max(values)) for values in zip(*points, strict=True))
    y_ends = y_range or y_ends
    x_range, y_range = _widened(*x_ends), _widened(*y_ends)

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (x - x_range[0]) / (x_range[1] - x_range[0]), (y - y_range[0]) / (y_range[1] - y_range[0])
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _BOTTOM - _TOP)

    def drawn(name: str, line: list[tuple[float, float]]) -> Line:
        path = "M" + "L".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in line)
        # A point by itself is a line of no length, which round ends make a dot.
        return Line(name, path if len(line) > 1 else path + "h0", number(line[-1][1]) if ends else "")

    return Chart(
        title,
        tuple(drawn(name, line) for name, line in series.items() if line),
        tuple((place(x, y_range[0])[0], number(x)) for x in _ticks(*x_ends)),
        tuple((place(x_range[0], y)[1], number(y)) for y in _ticks(*y_ends)),
        tuple(place(x, y_range[0])[0] for x in marks if x_range[0] <= x <= x_range[1]),
    )


def number(value: float) -> str:
    """A number in few digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2g}" if abs(value) < 0.01 else f"{value:.3g}"


def _ticks(low: float, high: float) -> list[float]:
    if low == high:
        return [low]
    return [low + (high - low) * part / 4 for part in range(5)]


def _widened(low: float, high: float) -> tuple[float, float]:
    """A range that is not empty."""
    return (low, high) if high > low else (low - 0.5, high + 0.5)
