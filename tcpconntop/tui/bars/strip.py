"""The strip: p99 and failures over all that can be gone to, with a cursor for the moment that is shown.

all p99 ▁▁▁▁▁▂▁▁▁▁█▇┃▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  max 1.03s
 failed           ░▒                           ▓           2 spikes
12:31:20 spike 12:36:05–12:37:10: p99 580ms (before 1.27ms) 12:45:05
It shows a whole recording, and live, where one looks back, the past that is kept, of the connects that the
filter of the table leaves. What was not read yet is dotted; the window of the table has another background,
or is underlined. Below it are the times of its ends and, between them, the spike at the moment that is shown,
or what the strip is of. One line has the p99 alone; where there is none for them, failures are shaded in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events

from tcpconntop.core.clock import clock, local
from tcpconntop.core.format import duration, printable
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.thresholds import BAD_SHARE, NOTABLE_SHARE
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import NO_FILTER, Filter
from tcpconntop.tui.messages import MomentRequested
from tcpconntop.tui.overviews import kept_by, overview_of, spike_at, spikes_in
from tcpconntop.tui.panes.pane import LABEL_WIDTH, LEGEND_WIDTH
from tcpconntop.tui.spike_text import spike_texts
from tcpconntop.tui.spike_travel import shown_ns
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.text.lines import Line, fit
from tcpconntop.tui.text.severity import latency_paint, share_paint
from tcpconntop.tui.text.sparkline import BLOCKS

if TYPE_CHECKING:
    from tcpconntop.core.analysis import overview as overviews
    from tcpconntop.core.analysis.overview import Overview, Resampled
else:
    overviews = lazy("tcpconntop.core.analysis.overview")

FROM_HEIGHT, AXIS_FROM, FAILED_FROM = 16, 24, 32
"""Heights of the terminal from which there is a strip, one with its axis, and one with a line of failures."""

MIN_WIDTH = 40
"""Width from which there is a strip."""

SHADES = ((0.25, "█"), (BAD_SHARE, "▓"), (NOTABLE_SHARE, "▒"))
"""Shares of failures, and how they look from there on; a lower one is `░`."""

CURSOR = "┃"

LEAST_RANGE = 10.0
"""The scale reaches at least this many times the lowest p99, so that a steady one is low."""


class Strip(Line):
    """The strip."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"strip--window"}

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self._state: DashboardState | None = None
        self._where = NO_FILTER
        self._lines = 1
        self.display = False

    @property
    def has_axis(self) -> bool:
        """True if there is a line for times and news, as soon as there is a strip."""
        return self.is_attached and _n_lines(*self.screen.size) > 1

    @property
    def lacks_count(self) -> bool:
        """True if it shows a recording that is not counted to its end under its filter."""
        overview = self._overview
        return (
            self._state is not None
            and self._state.playback is not None
            and bool(overview is None or not overview.complete)
        )

    def show(self, state: DashboardState, where: Filter) -> None:
        """Show a state: nothing while a live view follows its source.

        Before the screen is drawn it has no size; the state is shown again once it has.

        Args:
            state: the state.
            where: the filter of the table.
        """
        if not self.is_attached:
            return
        n_lines = _n_lines(*self.screen.size)
        helps = state.playback is not None or state.pause is not None
        overview = overview_of(state, where) if helps and n_lines else None
        before = self._content()
        self._overview, self._state, self._where = overview, state, where
        if n_lines and n_lines != self._lines:
            self._lines = self.styles.height = n_lines
        self.display = overview is not None
        if overview is not None and before != self._content():
            self.redraw()

    def _content(self) -> tuple[object, ...]:
        """Return all that it is drawn from: while a long recording plays, it seldom changes."""
        overview, state, n = self._overview, self._state, self._cells(self.size.width)
        if overview is None or state is None:
            return ()
        spike = spike_at(overview, shown_ns(state) or 0)
        return (overview, *_window_cells(overview, state, n), spike, state.seeking is None, self._where.text)

    def draw(self, width: int) -> Text:
        """Draw the lines."""
        overview, state = self._overview, self._state
        if overview is None or state is None:
            return Text()
        n = self._cells(width)
        cells = overviews.resampled(overview, n)
        found = spikes_in(overview)
        since, cursor = _window_cells(overview, state, n)
        slow, failing = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for spike in found:
            start = overview.cell_of(overview.end_ns(spike.first), n)
            (slow if spike.slow else failing)[
                start : overview.cell_of(overview.end_ns(spike.last), n) + 1
            ] = True
        has_failed = self._lines > 2
        line = self._p99(cells, slow, np.zeros_like(failing) if has_failed else failing)
        lines = [line, self._failed(cells)] if has_failed else [line]
        spikes = f"{len(found) or 'no'} spike{'s' * (len(found) != 1)}"
        progress = spikes if overview.complete else f"{overview.n_counted / len(overview):.0%} read"
        top = cells.p99_us[~np.isnan(cells.p99_us)]
        most = f"max {duration(float(top.max()))}" if len(top) else ""
        text = Text(no_wrap=True, end="")
        legends = [most, progress] if has_failed else [progress]
        names = ("p99" if self._where.of_keys.text else "all p99", "failed")
        for row, (drawn, name, legend) in enumerate(zip(lines, names, legends, strict=False)):
            drawn.stylize(self._window_style(), since, cursor + 1)
            text.append("\n" if row else "")
            text.append(f"{fit(name, LABEL_WIDTH, right=True)} ", self.paint("dim"))
            text.append_text(drawn[:cursor])
            text.append(CURSOR, self.paint("strong") + self._window_style())
            text.append_text(drawn[cursor + 1 :])
            text.append(f" {legend}", self.paint("dim"))
        if self._lines > 1:
            text.append("\n").append_text(self._axis(overview, state, n))
        return text

    def _axis(self, overview: Overview, state: DashboardState, n: int) -> Text:
        """Return the times of both ends, and between them a spike, or what the strip is of."""
        offset_ns = 0 if state.latest is None else state.latest.wall_offset_ns
        kept = kept_by(state)
        newest_ns = state.playback.end_ns if state.playback else kept.now_ns if kept else 0
        end_ns = min(overview.end_ns(len(overview) - 1), newest_ns)
        began_s, end_s = ((ns + offset_ns) / SECOND_NS for ns in (overview.began_ns, end_ns))
        is_long = end_s - began_s >= 86_400
        first, last = (f"{local(s):%d. %H:%M}" if is_long else clock(s)[:8] for s in (began_s, end_s))
        spike = spike_at(overview, shown_ns(state) or 0)
        texts = (
            _scope_texts(self._where) if spike is None else spike_texts(state, self._where, overview, spike)
        )
        said = next((text for text in texts if cell_len(text) <= n - 2), texts[-1])
        line = Text(f"{first} ", self.paint("dim"), no_wrap=True)
        line.append(fit(printable(said), n), self.paint("dim" if spike is None else "warn"))
        return line.append(f" {last}", self.paint("dim"))

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


def _n_lines(width: int, height: int) -> int:
    """Return how many lines the strip has in a terminal; 0 where there is no room for it."""
    if height < FROM_HEIGHT or width < MIN_WIDTH:
        return 0
    return 1 + (height >= AXIS_FROM) + (height >= FAILED_FROM)


def _window_cells(overview: Overview, state: DashboardState, n: int) -> tuple[int, int]:
    """Return the first and the last of `n` cells that the window is in; only the moment of a pending seek."""
    shown, moment_ns = state.snapshot, shown_ns(state) or 0
    span_s = 0 if shown is None or state.seeking is not None else shown.span_s
    began_ns = moment_ns - max(math.floor(span_s * SECOND_NS), 1)
    return overview.cell_of(began_ns + 1, n), overview.cell_of(moment_ns, n)


def _scope_texts(where: Filter) -> list[str]:
    """Return which connects the strip is of, the longest text first."""
    of = f"of {where.text}" if where.of_keys.text else "of all connects"
    return [f"{of}, whatever the figures of their rows", of] if where.has_metric_terms else [of]


def _shade(share: float) -> str:
    return next((look for least, look in SHADES if share >= least), "░")
