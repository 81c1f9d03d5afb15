"""Draw `scaling.svg` from the figures in `scaling.json`: `python screenshots/plots.py`.

`python -m tests.bench.scaling` measures the figures and starts this. The picture has columns side by side.
The plots of a column share its x axis, which is logarithmic from a factor of 10 on; y axes begin at 0:

    title of the column
    y, in its unit
    20 ┤            ╱● 18
     0 ┼────●──────┬
      100   1k    10k
        x, in its unit
    a note
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WIDTH = 838
"""How wide README shows a picture: so text has the size that is written here."""

EDGE, GAP, GUTTER, RIGHT = 16, 20, 36, 14
TOP, PLOTS_HEIGHT, HEADING, BETWEEN, LABEL_SPACE, LINE = 34, 312, 16, 12, 18, 15
GROUND, TEXT, DIM, GRID, MARK = "#20262d", "#e6e9ec", "#a9b2bb", "#3c4650", "#57a5e2"
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', 'Liberation Sans', sans-serif"
FONT_SIZE, CHARACTER_WIDTH = 12, 0.6
LOOKS = {"t": (TEXT, 13), "v": (TEXT, FONT_SIZE), "d": (DIM, FONT_SIZE), "s": (DIM, 11)}
"""Colour and size of titles, of values, of what is beside axes, and of notes: the classes of texts."""

Point = tuple[float, float, float, float]
"""x, then the lower quartile, the median and the upper quartile of y."""


@dataclass(frozen=True)
class Plot:
    """A quantity over the x of its column.

    Attributes:
        y: what it is, with its unit.
        points: sorted by x.
    """

    y: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Column:
    """Plots above one x axis.

    Attributes:
        title: what grows from left to right.
        x: its axis.
        plots: from top to bottom.
        notes: lines below.
    """

    title: str
    x: str
    plots: Sequence[Plot]
    notes: Sequence[str]


@dataclass(frozen=True)
class Figure:
    """The whole picture: columns, and lines below all of them."""

    columns: Sequence[Column]
    footer: Sequence[str]


def figure_of(document: Mapping[str, Any]) -> Figure:
    """Return the figure that a JSON document describes: it has the names of the classes' attributes."""
    columns = [
        Column(**{**column, "plots": [Plot(**plot) for plot in column["plots"]]})
        for column in document["columns"]
    ]
    return Figure(columns, document["footer"])


def log_ticks(low: float, high: float) -> list[float]:
    """Return the powers of ten from `low` to `high`; if fewer than three, also 2 and 5 times them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 2, 5)):
        ticks = [float(f"{factor}e{decade}") for decade in decades for factor in factors]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks


def linear_ticks(top: float) -> list[float]:
    """Return three or four round values from 0 on, the last of them not below `top`."""
    top = top or 1
    magnitude = 10 ** math.floor(math.log10(top / 3))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if 3 * factor * magnitude >= top)
    return [round(step * n, 9) for n in range(math.ceil(round(top / step, 9)) + 1)]


def tick_text(value: float) -> str:
    """Format a round value."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def value_text(value: float) -> str:
    """Format a measured value with at most three digits that mean something."""
    if value < 10:
        return f"{value:.1f}"
    return f"{round(value, min(0, 2 - math.floor(math.log10(value)))):,.0f}"


def text(x: float, y: float, content: str, look: str = "", anchor: str = "start") -> str:
    """Return a text; `y` is its baseline, and `look` its class."""
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    """Return a straight line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width:g}"/>'


class XAxis:
    """The x axis of a column.

    Args:
        values: every x of the column.
        left, right: where it begins and ends.
    """

    def __init__(self, values: Sequence[float], left: float, right: float) -> None:
        self.left, self.right = left, right
        low, high = min(values), max(values)
        self._is_log = high >= 10 * low
        margin = (0.04 if self._is_log else 0.25) * (self._scale(high) - self._scale(low) or 1)
        self._low, self._high = self._scale(low) - margin, self._scale(high) + margin
        self.ticks = log_ticks(10**self._low, 10**self._high) if self._is_log else sorted(set(values))

    def _scale(self, value: float) -> float:
        return math.log10(value) if self._is_log else value

    def at(self, value: float) -> float:
        """Return where a value is."""
        share = (self._scale(value) - self._low) / (self._high - self._low)
        return self.left + share * (self.right - self.left)


def draw_plot(plot: Plot, axis: XAxis, top: float, bottom: float) -> Iterator[str]:
    """Draw a quantity between two heights, its heading included."""
    yield text(axis.left - GUTTER, top + FONT_SIZE - 2, plot.y, "d")
    ticks = linear_ticks(max(high for *_, high in plot.points))
    height = bottom - top - HEADING - LABEL_SPACE

    def y_of(value: float) -> float:
        return bottom - value / ticks[-1] * height

    for tick in ticks:
        yield line(axis.left, y_of(tick), axis.right, y_of(tick), GRID if tick else DIM)
        yield text(axis.left - 5, y_of(tick) + 4, tick_text(tick), "d", "end")
    path = " ".join(f"{axis.at(x):.1f},{y_of(median):.1f}" for x, _, median, _ in plot.points)
    yield f'<polyline points="{path}" fill="none" stroke="{MARK}" stroke-width="1.5"/>'
    labels: list[tuple[float, float]] = []
    for x, low, median, high in sorted(plot.points, key=lambda point: -point[2]):
        yield line(axis.at(x), y_of(low), axis.at(x), y_of(high), MARK, 4)
        yield f'<circle cx="{axis.at(x):.1f}" cy="{y_of(median):.1f}" r="3" fill="{TEXT}"/>'
        label = value_text(median)
        half = len(label) * CHARACTER_WIDTH * FONT_SIZE / 2
        middle = max(axis.left + half, min(axis.at(x), axis.right + RIGHT - half))
        # Where points are close to each other, the highest one has room above it.
        if all(abs(middle - other) >= half + other_half for other, other_half in labels):
            yield text(middle, min(y_of(high), y_of(median) - 2) - 6, label, "v", "middle")
            labels.append((middle, half))


def draw_column(column: Column, left: float, width: float) -> Iterator[str]:
    """Draw a column; its x axis and its notes are below the last plot."""
    axis = XAxis(
        [point[0] for plot in column.plots for point in plot.points], left + GUTTER, left + width - RIGHT
    )
    yield text(left, TOP - 8, column.title, "t")
    each = (PLOTS_HEIGHT + BETWEEN) / len(column.plots)
    for number, plot in enumerate(column.plots):
        yield from draw_plot(plot, axis, TOP + number * each, TOP + (number + 1) * each - BETWEEN)
    bottom = TOP + PLOTS_HEIGHT
    for tick in axis.ticks:
        yield line(axis.at(tick), bottom, axis.at(tick), bottom + 4, DIM)
        yield text(axis.at(tick), bottom + LINE + 1, tick_text(tick), "d", "middle")
    yield text((axis.left + axis.right) / 2, bottom + 2 * LINE + 2, column.x, "d", "middle")
    for number, note in enumerate(column.notes):
        yield text(left, bottom + (3.5 + number) * LINE, note, "s")


def draw(figure: Figure) -> str:
    """Return the picture as SVG."""
    width = (WIDTH - 2 * EDGE + GAP) / len(figure.columns)
    parts = [
        part
        for number, column in enumerate(figure.columns)
        for part in draw_column(column, EDGE + number * width, width - GAP)
    ]
    below = TOP + PLOTS_HEIGHT + (4 + max(len(column.notes) for column in figure.columns)) * LINE
    parts += [text(EDGE, below + n * LINE, words, "s") for n, words in enumerate(figure.footer)]
    height = below + len(figure.footer) * LINE
    sheet = "".join(f".{look}{{fill:{fill};font-size:{size}px}}" for look, (fill, size) in LOOKS.items())
    box = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">'
    ground = f'<rect width="{WIDTH}" height="{height:g}" rx="8" fill="{GROUND}"/>'
    style = f"<style>text{{font-family:{FONTS}}}.t{{font-weight:bold}}{sheet}</style>"
    return "\n".join([head, "<title>How the cost grows</title>", style, ground, *parts, "</svg>", ""])


def main() -> None:
    """Write the picture."""
    document = json.loads((FOLDER / "scaling.json").read_text("utf-8"))
    (FOLDER / "scaling.svg").write_text(draw(figure_of(document)), "utf-8")


if __name__ == "__main__":
    main()
