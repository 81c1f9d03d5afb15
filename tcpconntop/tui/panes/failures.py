"""The failures pane.

OUTCOME                 COUNT  SHARE  RATE/S    FIRST      LAST   RTX  PROCESSES           DESTINATIONS
refused ECONNREFUSED      412    0.6     6.9  59s ago    1s ago     0  prometheus, curl    10.9.1.7:9100
  a reset answered: nothing listens there, or a firewall rejects it
timeout ETIMEDOUT           3    0.1     0.1  41s ago    9s ago    18  nginx and 12 more   10.2.3.9:443
  no SYN was answered in time: dropped or lost, or the host is down

If there is room, the likely cause of each failure follows it, and the names that do not fit into the columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from tcpconntop.core.format import count, elapsed, percent, rate, round_elapsed
from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.column import Column
from tcpconntop.core.view.scope import next_one_text
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.table.cells import fit_cell
from tcpconntop.tui.text.lines import fit
from tcpconntop.tui.text.wrap import wrap

if TYPE_CHECKING:
    from tcpconntop.core.analysis import failures as analysis
    from tcpconntop.core.analysis.failures import Failure, TopNames
    from tcpconntop.core.analysis.selection import Selection
else:
    analysis = lazy("tcpconntop.core.analysis.failures")

TITLE_WIDTH, ERRNO_WIDTH = 24, 13
"""Cells of the longest usual title, `unreachable EHOSTUNREACH`, and of the longest errno alone."""

TITLE_MIN_WIDTH, PROCESSES_MIN_WIDTH, WIDE_MIN_WIDTH = 72, 72, 92
"""Pane widths from which titles are whole, processes are named, and columns are two cells apart."""

MAX_PROCESSES_WIDTH, MAX_CAUSE_LINES = 40, 3


@dataclass(frozen=True)
class FailureTable:
    """The failures that are listed in a pane.

    Attributes:
        failures: the failures.
        width: width of the pane, which decides how names are shortened.
        span_s: seconds that the window covers.
    """

    failures: Sequence[Failure]
    width: int
    span_s: float

    @property
    def gap(self) -> str:
        """Spaces between two numbers."""
        return "  " if self.width >= WIDE_MIN_WIDTH else " "

    @property
    def columns(self) -> list[Column[FailureTable]]:
        """The columns that the pane has room for."""
        return [column for column in COLUMNS if self.width >= column.min_width]

    def cells_of(self, column: Column[FailureTable]) -> int:
        """Return the cells of a column; the names share what the others leave."""
        if column.key == "outcome":
            return TITLE_WIDTH if self.width >= TITLE_MIN_WIDTH else ERRNO_WIDTH
        if column.key not in ("processes", "destinations"):
            return column.width
        numbers = [other.width + len(self.gap) for other in self.columns if other.numeric]
        left = self.width - 4 - self.cells_of(COLUMNS[0]) - sum(numbers)
        if self.width < PROCESSES_MIN_WIDTH:
            return left
        processes = min((left - 2) * 2 // 5, MAX_PROCESSES_WIDTH)
        return processes if column.key == "processes" else left - 2 - processes

    def first_text(self, row: int) -> str:
        """Format the age of the first failure; where it was before the window, that it is older."""
        failure = self.failures[row]
        return f">{round_elapsed(self.span_s)} ago" if failure.began_before else _age_text(failure.first_s)

    def names_fit(self, row: int) -> bool:
        """True if the columns show every process and every destination of a failure."""
        failure = self.failures[row]
        return all(
            not names.others and cell_len(", ".join(names.names)) <= size
            for names, size in (
                (failure.processes, self.cells_of(PROCESSES) if PROCESSES in self.columns else 0),
                (failure.destinations, self.cells_of(DESTINATIONS)),
            )
        )


def _title(table: FailureTable, row: int) -> str:
    failure = table.failures[row]
    title = f"{failure.title} (gave up)" if failure.outcome is Outcome.CANCELLED else failure.title
    return title if table.width >= TITLE_MIN_WIDTH else failure.title.split()[-1]


def _number(
    key: str,
    header: str,
    width: int,
    text: Callable[[Failure], str],
    paint: Callable[[Failure], str] = lambda _: "",
    min_width: int = 0,
) -> Column[FailureTable]:
    return Column(
        key,
        header,
        width,
        lambda table, row: text(table.failures[row]),
        paint=lambda table, row: paint(table.failures[row]),
        min_width=min_width,
    )


OUTCOME: Column[FailureTable] = Column(
    "outcome",
    "OUTCOME",
    TITLE_WIDTH,
    _title,
    numeric=False,
    paint=lambda table, row: "" if table.failures[row].outcome is Outcome.CANCELLED else "warn",
)
PROCESSES: Column[FailureTable] = Column(
    "processes",
    "PROCESSES",
    0,
    lambda table, row: fit_names(table.failures[row].processes, table.cells_of(PROCESSES)),
    numeric=False,
    min_width=PROCESSES_MIN_WIDTH,
)
DESTINATIONS: Column[FailureTable] = Column(
    "destinations",
    "DESTINATIONS",
    0,
    lambda table, row: fit_names(table.failures[row].destinations, table.cells_of(DESTINATIONS)),
    numeric=False,
)
COLUMNS: tuple[Column[FailureTable], ...] = (
    OUTCOME,
    _number("count", "COUNT", 5, lambda failure: count(failure.count), lambda _: "strong"),
    _number("share", "SHARE", 5, lambda failure: f"{percent(failure.share)}%", lambda _: "dim", 50),
    _number("rate", "RATE/S", 6, lambda failure: rate(failure.rate_hz), min_width=112),
    Column("first", "FIRST", 10, lambda table, row: table.first_text(row), min_width=92),
    _number("last", "LAST", 10, lambda failure: _age_text(failure.last_s), min_width=50),
    _number(
        "rtx",
        "RTX",
        5,
        lambda failure: "-" if failure.syn_retransmits is None else count(failure.syn_retransmits),
        lambda failure: "warn" if failure.syn_retransmits else "dim",
        100,
    ),
    PROCESSES,
    DESTINATIONS,
)


class Failures(Pane):
    """What failed in a selection, by outcome and errno."""

    MIN_HEIGHT = 2
    IS_READ = True

    def empty_text(self, selection: Selection | None) -> str:
        """Return what to show instead of failures; empty if there are any."""
        if selection is not None and selection.attempts and not any(selection.outcomes[Outcome.OK + 1 :]):
            return f"no failed connect in the window{next_one_text(selection.snapshot)}"
        return super().empty_text(selection)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """List the failures, and their likely causes if there is room for all of them."""
        found, span_s = analysis.failures(selection), selection.snapshot.span_s
        table, room = FailureTable(found, width, span_s), height - 1
        n = len(table.failures)
        n_shown = n if n <= room else room - 1
        shows_names = room >= 3 * n
        causes = self._causes(table, width, room, shows_names)
        lines = [self._line(table, [(column.header, "dim") for column in table.columns])]
        for row in range(n_shown):
            cells = [(column.text(table, row), column.paint(table, row)) for column in table.columns]
            lines.append(self._line(table, cells))
            lines += [self._dim_line(f"   {line}", width) for line in causes[row]]
            if shows_names and not table.names_fit(row):
                lines.append(self._names_line(table.failures[row], width))
        if n_shown < n:
            hidden = sum(failure.count for failure in table.failures[n_shown:])
            lines.append(self._dim_line(f" and {n - n_shown} more kinds: {count(hidden)}", width))
        return Text("\n", no_wrap=True, end="").join(lines)

    def _causes(self, table: FailureTable, width: int, room: int, shows_names: bool) -> list[list[str]]:
        """Return the lines with the cause of each failure: whole, one line, or none, as there is room."""
        n = len(table.failures)
        n_names = sum(shows_names and not table.names_fit(row) for row in range(n))
        for max_lines in (MAX_CAUSE_LINES, 1):
            causes = [wrap(failure.meaning, width - 4, max_lines) for failure in table.failures]
            if n + n_names + sum(map(len, causes)) <= room:
                return causes
        return [[] for _ in range(n)]

    def _names_line(self, failure: Failure, width: int) -> Text:
        """Return a line with the names that do not fit into the columns."""
        room = width - 8
        processes = fit_names(failure.processes, room // 3)
        destinations = fit_names(failure.destinations, room - cell_len(processes))
        return self._dim_line(f"   {processes} → {destinations}", width)

    def _dim_line(self, text: str, width: int) -> Text:
        return Text(fit(text, width).rstrip(), self.paint("dim"))

    def _line(self, table: FailureTable, cells: Sequence[tuple[str, str]]) -> Text:
        """Join the texts of a row, each with its colour."""
        line = Text(" ", no_wrap=True)
        for column, (text, paint) in zip(table.columns, cells, strict=True):
            gap = "" if column is OUTCOME else table.gap if column.numeric else "  "
            line.append(gap + fit_cell(column, text, table.cells_of(column)), self.paint(paint))
        return line


def fit_names(names: TopNames, width: int) -> str:
    """Return as many names as fit into `width` cells, and the number of others: `curl, nginx and 12 more`."""
    for suffix in (" and {} more", " +{}"):
        for n in range(len(names.names), 0, -1):
            others = names.others + len(names.names) - n
            text = ", ".join(names.names[:n]) + (suffix.format(others) if others else "")
            if cell_len(text) <= width:
                return text
    others = names.others + len(names.names) - 1
    more = f" +{others}" if others else ""
    return fit(names.names[0], width - len(more)) + more


def _age_text(seconds: float) -> str:
    """Format an age; NaN is older than what is kept."""
    return f"{f'>{MAX_WINDOW_S // 60}m' if math.isnan(seconds) else elapsed(seconds)} ago"
