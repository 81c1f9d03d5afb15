"""The failures pane.

OUTCOME                 COUNT  SHARE  RATE/S   FIRST    LAST   RTX  PROCESSES              DESTINATIONS
refused ECONNREFUSED      412    0.6     6.9     59s      1s     0  prometheus, curl       10.9.1.7:9100
  a reset answered: nothing listens on that port
timeout ETIMEDOUT           3    0.1     0.1     41s      9s    18  nginx and 12 more      10.2.3.9:443
  no answer to any SYN: dropped on the way, or the host is gone
What a failure means, and those who have no room in the columns, stand below it where there is room for all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from tcpconntop.core.analysis.failures import Failure, TopNames, failures
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.format import count, elapsed, percent, rate
from tcpconntop.core.window.slices import MAX_WINDOW_S
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.text.lines import fit


class Column(NamedTuple):
    """A column of figures, shown in panes of `from_width` cells and more."""

    name: str
    width: int
    from_width: int = 0


COLUMNS = (
    Column("COUNT", 5),
    Column("SHARE", 5, 50),
    Column("RATE/S", 6, 112),
    Column("FIRST", 6, 92),
    Column("LAST", 6, 50),
    Column("RTX", 5, 100),
)

TITLE_WIDTH, ERRNO_WIDTH = 24, 13
"""Cells of the longest usual title, `unreachable EHOSTUNREACH`, and of the longest errno alone."""

TITLE_MIN_WIDTH, PROCESSES_MIN_WIDTH, WIDE_MIN_WIDTH = 72, 72, 92
"""Widths of the pane from which titles are whole, processes are named, columns stand two cells apart."""

MAX_PROCESSES_WIDTH = 40


class Failures(Pane):
    """What failed of a selection, by outcome and errno."""

    MIN_HEIGHT = 2

    def empty_text(self, selection: Selection | None) -> str:
        """Say what would fill the pane."""
        if selection is not None and selection.attempts and not any(selection.outcomes[Outcome.OK + 1 :]):
            return "no failed connect in the window: the next one will be listed here"
        return super().empty_text(selection)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """List the failures, and what they mean where there is room for all of that."""
        found = failures(selection)
        room = height - 1
        explained, named = room >= 2 * len(found), room >= 3 * len(found)
        shown = found if len(found) <= room else found[: room - 1]
        lines = [self._header(width)]
        for failure in shown:
            lines.append(self._line(failure, width))
            if explained:
                lines.append(self._aside(f"   {failure.meaning}", width))
            if named and not _all_named(failure, width):
                lines.append(self._more_names(failure, width))
        if len(shown) < len(found):
            left = sum(failure.count for failure in found[len(shown) :])
            lines.append(self._aside(f" and {len(found) - len(shown)} more kinds: {count(left)}", width))
        return Text("\n", no_wrap=True, end="").join(lines)

    def _more_names(self, failure: Failure, width: int) -> Text:
        """Name in a line of their own those that have no room in the columns."""
        room = width - 8
        processes = fit_names(failure.processes, room // 3)
        destinations = fit_names(failure.destinations, room - cell_len(processes))
        return self._aside(f"   {processes} → {destinations}", width)

    def _aside(self, text: str, width: int) -> Text:
        return Text(fit(text, width).rstrip(), self.paint("dim"))

    def _header(self, width: int) -> Text:
        names = ["OUTCOME", *(column.name for column in COLUMNS), "PROCESSES", "DESTINATIONS"]
        return self._row([(name, "dim") for name in names], width)

    def _line(self, failure: Failure, width: int) -> Text:
        title = failure.title if width >= TITLE_MIN_WIDTH else failure.title.split()[-1]
        processes, destinations = _names(width)
        cells = [
            (title, "" if failure.outcome is Outcome.CANCELLED else "warn"),
            (count(failure.count), "strong"),
            (percent(failure.share) + "%", "dim"),
            (rate(failure.rate_hz), ""),
            (_ago(failure.first_s), ""),
            (_ago(failure.last_s), ""),
            (count(failure.syn_retransmits), "warn" if failure.syn_retransmits else "dim"),
            (fit_names(failure.processes, processes), ""),
            (fit_names(failure.destinations, destinations), ""),
        ]
        return self._row(cells, width)

    def _row(self, cells: list[tuple[str, str]], width: int) -> Text:
        """Lay out title, figures and names."""
        title, *figures, processes, destinations = cells
        gap = _gap(width)
        line = Text(" ", no_wrap=True)
        line.append(
            fit(title[0], TITLE_WIDTH if width >= TITLE_MIN_WIDTH else ERRNO_WIDTH), self.paint(title[1])
        )
        for column, (text, paint) in zip(COLUMNS, figures, strict=True):
            if width >= column.from_width:
                line.append(gap + fit(text, column.width, right=True), self.paint(paint))
        for (text, paint), size in zip((processes, destinations), _names(width), strict=True):
            if size > 0:
                line.append("  " + fit(text, size), self.paint(paint))
        return line


def _gap(width: int) -> str:
    return "  " if width >= WIDE_MIN_WIDTH else " "


def _names(width: int) -> tuple[int, int]:
    """Give the cells of the names of processes and of destinations: what the figures leave."""
    figures = [column.width for column in COLUMNS if width >= column.from_width]
    left = width - 2 - (TITLE_WIDTH if width >= TITLE_MIN_WIDTH else ERRNO_WIDTH) - sum(figures)
    left -= len(figures) * len(_gap(width)) + 2
    if width < PROCESSES_MIN_WIDTH:
        return 0, left
    processes = min((left - 2) * 2 // 5, MAX_PROCESSES_WIDTH)
    return processes, left - 2 - processes


def _all_named(failure: Failure, width: int) -> bool:
    pairs = zip((failure.processes, failure.destinations), _names(width), strict=True)
    return not any(who.others or cell_len(", ".join(who.names)) > size for who, size in pairs)


def fit_names(named: TopNames, width: int) -> str:
    """Name as many as fit into `width` cells, and say how many more there are: `curl, nginx and 12 more`."""
    for spelt in (" and {} more", " +{}"):
        for n in range(len(named.names), 0, -1):
            others = named.others + len(named.names) - n
            text = ", ".join(named.names[:n]) + (spelt.format(others) if others else "")
            if cell_len(text) <= width:
                return text
    others = named.others + len(named.names) - 1
    more = f" +{others}" if others else ""
    return fit(named.names[0], width - len(more)) + more


def _ago(seconds: float) -> str:
    """Spell how long ago something was; NaN is before what is kept."""
    return f">{MAX_WINDOW_S // 60}m" if math.isnan(seconds) else elapsed(seconds)
