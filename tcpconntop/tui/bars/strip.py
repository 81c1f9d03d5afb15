"""The strip: p99 and failures over all that can be gone to, with a cursor for the moment that is shown.

all p99 ▁▁▁▁▁▂▁▁▁▁█▇┃▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  max 1.03s
 failed           ░▒                           ▓           2 spikes
It shows a whole recording, and live, where one looks back, the past that is kept: of all connects, whatever
the filter and the selected row, because a recording is counted once for it. What was not read yet is dotted;
the window of the table has another background, or is underlined. One line has the p99 alone; failures that
stand out are shaded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual import events

from tcpconntop.core.format import duration
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.thresholds import BAD_SHARE, NOTABLE_SHARE
from tcpconntop.core.types import SECOND_NS
from tcpconntop.tui.messages import MomentRequested
from tcpconntop.tui.overviews import overview_of, spikes_in
from tcpconntop.tui.panes.pane import LABEL_WIDTH, LEGEND_WIDTH
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.text.lines import Line, fit
from tcpconntop.tui.text.severity import latency_paint, share_paint
from tcpconntop.tui.text.sparkline import BLOCKS

if TYPE_CHECKING:
    from tcpconntop.core.analysis import overview as overviews
    from tcpconntop.core.analysis.overview import Overview, Resampled
    from tcpconntop.core.window.snapshot import Snapshot
else:
    overviews = lazy("tcpconntop.core.analysis.overview")

FROM_HEIGHT, TWO_LINES_FROM = 16, 32
"""Heights of the terminal from which there is a strip, and one of two lines."""

MIN_WIDTH = 40
"""Width from which there is a strip."""

SHADES = ((0.25, "█"), (BAD_SHARE, "▓"), (NOTABLE_SHARE, "▒"))
"""Shares of failures, and how they look from there on; a lower one is `░`."""

LABELS = ("all p99", "failed")
"""The names of both lines. `all`, because the table below may show some of the connects only."""

CURSOR = "┃"

LEAST_RANGE = 10.0
"""The scale reaches at least this many times the lowest p99, so that a steady one is low."""


class Strip(Line):
    """The strip."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"strip--window"}

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self._shown: Snapshot | None = None
        self._lines = 1
        self.display = False

    def show(self, state: DashboardState) -> None:
        """Show a state: nothing while a live view follows its source.

        Before the screen is drawn it has no size; the state is shown again once it has.
        """
        if not self.is_attached:
            return
        width, height = self.screen.size
        helps = state.playback is not None or state.pause is not None
        overview = overview_of(state) if helps and height >= FROM_HEIGHT and width >= MIN_WIDTH else None
        before = self._content()
        self._overview, self._shown = overview, state.snapshot
        lines = 2 if height >= TWO_LINES_FROM else 1
        if lines != self._lines:
            self._lines = self.styles.height = lines
        self.display = overview is not None
        if overview is not None and before != self._content():
            self.redraw()

    def _content(self) -> tuple[object, ...]:
        """Return all that it is drawn from: while a long recording plays, it seldom changes."""
        overview, shown, n = self._overview, self._shown, self._cells(self.size.width)
        return (
            (overview, *_window_cells(overview, shown, n))
            if overview is not None and shown is not None
            else ()
        )

    def draw(self, width: int) -> Text:
        """Draw the line, or both."""
        overview, shown = self._overview, self._shown
        if overview is None or shown is None:
            return Text()
        n = self._cells(width)
        cells = overviews.resampled(overview, n)
        found = spikes_in(overview)
        since, cursor = _window_cells(overview, shown, n)
        slow, failing = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for spike in found:
            start = overview.cell_of(overview.end_ns(spike.first), n)
            (slow if spike.slow else failing)[
                start : overview.cell_of(overview.end_ns(spike.last), n) + 1
            ] = True
        two_lines = self.size.height > 1
        line = self._p99(cells, slow, np.zeros_like(failing) if two_lines else failing)
        lines = [line, self._failed(cells)] if two_lines else [line]
        spikes = f"{len(found) or 'no'} spike{'s' * (len(found) != 1)}"
        progress = spikes if overview.complete else f"{overview.n_counted / len(overview):.0%} read"
        top = cells.p99_us[~np.isnan(cells.p99_us)]
        most = f"max {duration(float(top.max()))}" if len(top) else ""
        text = Text(no_wrap=True, end="")
        legends = [most, progress] if two_lines else [progress]
        for row, (drawn, name, legend) in enumerate(zip(lines, LABELS, legends, strict=False)):
            drawn.stylize(self._window_style(), since, cursor + 1)
            text.append("\n" if row else "")
            text.append(f"{fit(name, LABEL_WIDTH, right=True)} ", self.paint("dim"))
            text.append_text(drawn[:cursor])
            text.append(CURSOR, self.paint("strong") + self._window_style())
            text.append_text(drawn[cursor + 1 :])
            text.append(f" {legend}", self.paint("dim"))
        return text

    def _window_style(self) -> Style:
        """Return how the window of the table is marked."""
        if self.has_few_colours:
            return Style(underline=True)
        return Style(bgcolor=self.get_component_rich_style("strip--window").bgcolor)

    def _cells(self, width: int) -> int:
        return max(1, width - LABEL_WIDTH - 1 - LEGEND_WIDTH)

    def _p99(self, cells: Resampled, slow: np.ndarray, failing: np.ndarray) -> Text:
        """Return a bar for each cell; a cell with failures that stand out is shaded."""
        p99_us = cells.p99_us
        there = p99_us[~np.isnan(p99_us)]
        low = float(there.min()) if len(there) else 1.0
        span = math.log(max(float(there.max()) / low, LEAST_RANGE) if len(there) else LEAST_RANGE)
        line = Text(no_wrap=True)
        for at, us in enumerate(p99_us.tolist()):
            paint = latency_paint(us) or ("warn" if slow[at] else "trend")
            if failing[at]:
                line.append(_shade(cells.share[at]), self.paint(share_paint(cells.share[at])))
            elif not cells.counted[at]:
                line.append("·", self.paint("dim"))
            elif math.isnan(us):
                line.append(" ")
            else:
                line.append(BLOCKS[1 + min(int(7.99 * math.log(us / low) / span), 7)], self.paint(paint))
        return line

    def _failed(self, cells: Resampled) -> Text:
        """Return the share of failures of each cell as a shade."""
        line = Text(no_wrap=True)
        for share, known in zip(cells.share.tolist(), cells.counted.tolist(), strict=True):
            look = _shade(share) if share > 0 else " "
            paint = share_paint(share) if share >= NOTABLE_SHARE else "dim"
            line.append(look if known else "·", self.paint(paint if known else "dim"))
        return line

    def on_click(self, event: events.Click) -> None:
        """Go to the moment that was clicked."""
        n, at = self._cells(self.size.width), event.x - LABEL_WIDTH - 1
        if self._overview is not None and 0 <= at < n:
            self.post_message(MomentRequested(self._overview.end_of_cell_ns(at, n)))


def _window_cells(overview: Overview, shown: Snapshot, n: int) -> tuple[int, int]:
    """Return the first and the last of `n` cells that the window of a snapshot is in."""
    begin_ns = shown.now_ns - math.floor(shown.span_s * SECOND_NS)
    return overview.cell_of(begin_ns + 1, n), overview.cell_of(shown.now_ns, n)


def _shade(share: float) -> str:
    return next((look for least, look in SHADES if share >= least), "░")
