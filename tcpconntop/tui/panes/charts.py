"""Charts as text, drawn by plotext; no other module imports it.

plotext has one figure per process and aborts on NaN. So everything goes through `_draw`, in index space: x is
a column of the plot, y a height between 0 and 1, and NaN is removed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import plotext
from rich.color import Color
from rich.style import Style
from rich.text import Text

from tcpconntop.core.format import EIGHTHS

Colour = tuple[int, int, int]
Tick = tuple[float, str]


@dataclass(frozen=True)
class Frame:
    """The axes around the data.

    Attributes:
        width, height: total size in terminal cells, with axes and labels.
        x_ticks: column and label.
        y_ticks: height (0 … 1) and label; all labels have the same width.
        colour: colour of axes and labels.
    """

    width: int
    height: int
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    colour: Colour

    @property
    def columns(self) -> int:
        """Columns of the data, without y labels and axis."""
        return columns(self.width, len(self.y_ticks[0][1]))

    @property
    def rows(self) -> int:
        """Rows of the data, without x labels and axis."""
        return max(1, self.height - 2)


def columns(width: int, label_width: int) -> int:
    """Return the columns of the data in a frame with y labels of `label_width` cells."""
    return max(2, width - label_width - 1)


@dataclass(frozen=True)
class Curve:
    """A line through equally spaced points with these heights (0 … 1, NaN for none)."""

    heights: Sequence[float]
    colour: Colour


def bars(
    frame: Frame, heights: Sequence[float], colour: Colour, marks: Sequence[Tick], mark_colour: Colour
) -> Text:
    """Draw a bar in each column (0 … 1; any height above 0 is visible) and a vertical line at each mark."""
    rows = frame.rows
    points: dict[str, list[tuple[int, int]]] = {}
    for x, height in enumerate(heights):
        eighths = 0 if math.isnan(height) or height <= 0 else max(1, round(height * rows * 8))
        for y in range(eighths // 8):
            points.setdefault("█", []).append((x, y))
        if eighths % 8 and eighths // 8 < rows:
            points.setdefault(EIGHTHS[eighths % 8 - 1], []).append((x, eighths // 8))
    signals = []
    marked = {round(x) for x, _ in marks}
    lines = [(x, y) for x in sorted(marked) for y in range(rows)]
    painted = [("┊", lines, mark_colour)]
    for char, cells in points.items():  # a bar below a mark has the colour of the mark
        painted.append((char, [(x, y) for x, y in cells if x not in marked], colour))
        painted.append((char, [(x, y) for x, y in cells if x in marked], mark_colour))
    for char, cells, paint in painted:
        if cells:
            xs, ys = zip(*cells, strict=True)
            signals.append(plotext.figure.signal(list(xs), list(ys), marker=_marker(char, paint)))
    return _draw(frame, signals, (0, frame.columns - 1), (0, max(1, rows - 1)))


def curves(frame: Frame, lines: Sequence[Curve]) -> Text:
    """Draw lines over the same x axis, with a gap where a line has no value."""
    signals = []
    for line in lines:
        known = [i for i, height in enumerate(line.heights) if math.isfinite(height)]
        if not known:
            continue
        scale = (frame.columns - 1) / max(1, len(line.heights) - 1)
        xs, ys = [i * scale for i in known], [float(line.heights[i]) for i in known]
        signal = plotext.figure.signal(xs, ys, marker=_marker("braille", line.colour)).lines(True)
        for point, (before, after) in enumerate(pairwise(known), start=1):
            if after - before > 1:
                signal.line(point, False)
        signals.append(signal)
    return _draw(frame, signals, (0, frame.columns - 1), (0.0, 1.0))


def _marker(name: str, colour: Colour) -> object:
    return plotext.marker(name, pixel=plotext.pixel(foreground=colour))


def _draw(frame: Frame, signals: Sequence[object], xs: tuple[float, float], ys: tuple[float, float]) -> Text:
    figure = plotext.figure
    plotext.terminal.limit(False, False)
    figure.clear.data()
    figure.clear.settings()
    figure.theme("colorless")
    figure.canvas("default")
    figure.plot_size(frame.width, frame.height)
    figure.axes(False, axis=(0, 1), side=1)
    figure.axes(True, axis=(0, 1), side=0)
    figure.ruler("x").lim(*xs)
    figure.ruler("y").lim(*ys)
    figure.ruler("x").ticks([x for x, _ in frame.x_ticks], labels=[text for _, text in frame.x_ticks])
    top = ys[1]
    figure.ruler("y").ticks(
        [height * top for height, _ in frame.y_ticks], labels=[text for _, text in frame.y_ticks]
    )
    for signal in signals:
        figure.draw(signal)
    style = Style(color=Color.from_rgb(*frame.colour))  # axes and labels, which plotext leaves plain
    text = Text.from_ansi(figure.build().string(), style=style, no_wrap=True, end="")
    figure.clear.data()
    return text
