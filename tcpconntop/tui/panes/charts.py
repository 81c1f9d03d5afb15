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

from tcpconntop.tui.panes.bar_chart import Colour, Frame


@dataclass(frozen=True)
class Curve:
    """A line through equally spaced points with these heights (0 … 1, NaN for none)."""

    heights: Sequence[float]
    colour: Colour


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
