"""The last connects, newest first, each with where its time went.

TIME          DESTINATION  PORT  LATENCY   LOCAL  RTO WAIT    WIRE  RTX  RESULT    ╌LOCAL █RTO ━WIRE
12:04:07.301  10.2.3.5      443    1.03s    12µs     1.02s   812µs    1  ok        ██████████████████
12:04:07.288  10.9.1.7     9100    181µs    12µs         -   169µs    0  refused   ╌━━━━━━━━━━━━━━━━━
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.text import Text

from tcpconntop.core.analysis.anatomy import Anatomy, anatomy
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.clock import repeated_zone, zone
from tcpconntop.core.format import duration
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS, Floats
from tcpconntop.core.view.column import Column
from tcpconntop.core.view.groups import key_address_text
from tcpconntop.core.view.scope import next_one_text
from tcpconntop.core.wire import Events, Outcome
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.table.cells import fit_cell
from tcpconntop.tui.text.severity import latency_paint

BAR_HEADER, BAR_WIDTH, BAR_MIN_WIDTH = "╌LOCAL █RTO ━WIRE", 18, 118
"""Each part of the time has its own sign, so that the bar can be read without colours."""

WIDE_MIN_WIDTH, MAX_EXTRA_ADDRESS_WIDTH = 112, 23
"""Terminal width from which columns are two cells apart, and the cells that addresses may get beyond it."""


@dataclass(frozen=True, eq=False)
class ConnectList:
    """The connects that are listed, newest first.

    Attributes:
        events: their records, shape (n,).
        parts: the parts of their time.
        offset_ns: what to add to the clock of the records for Unix time.
        local_time: converts Unix time to broken-down time.
        places: names of interfaces.
    """

    events: Events
    parts: Anatomy
    offset_ns: int
    local_time: Callable[[float], time.struct_time]
    places: Places = NO_PLACES

    def outcome(self, row: int) -> Outcome:
        """Return the outcome of a connect."""
        return Outcome(int(self.events["outcome"][row]))


def _time_text(connects: ConnectList, row: int) -> str:
    end_s = (int(connects.events["end_ns"][row]) + connects.offset_ns) / SECOND_NS
    clock = time.strftime("%H:%M:%S", connects.local_time(end_s))
    if twice := repeated_zone(end_s):  # the hour comes twice: which one is worth more than milliseconds
        return f"{clock}{twice.replace('UTC', '')}"
    return f"{clock}.{int(end_s * 1000) % 1000:03d}"


def _address_text(connects: ConnectList, row: int) -> str:
    event = connects.events[row]
    return key_address_text(event, connects.places)


def _result_text(connects: ConnectList, row: int) -> str:
    outcome = connects.outcome(row)
    errno = errno_name(int(connects.events["error"][row])) if outcome is not Outcome.OK else None
    return f"{outcome.label} {errno or ''}".strip()


def _rto_wait(connects: ConnectList, row: int) -> tuple[str, str]:
    """Return the text and the colour of the time spent waiting for lost SYNs.

    `?`: it cannot be known whether a SYN was lost or its answer was slow.
    """
    rto_us = float(connects.parts.rto[row])
    if math.isnan(rto_us):
        return "?", "warn"
    if rto_us == 0:
        return "-", "dim"
    return duration(rto_us), latency_paint(rto_us)


def time_bar(parts: Anatomy, row: int, width: int = BAR_WIDTH) -> str:
    """Return the parts of a connect's time as a bar of `width` cells; every part above 1 % has a cell."""
    times_us = [float(part[row]) for part in (parts.local, parts.rto, parts.wire)]
    total = sum(times_us)
    if not total > 0:  # zero or NaN
        return "-"
    cells = [max(1, int(part / total * width)) if part > total / 100 else 0 for part in times_us]
    cells[times_us.index(max(times_us))] += width - sum(cells)
    return "".join(sign * n for sign, n in zip("╌█━", cells, strict=True))


def _time_column(header: str, part: Callable[[Anatomy], Floats]) -> Column[ConnectList]:
    """Return a column of a time in µs, coloured when it is slow."""
    return Column(
        header.lower(),
        header,
        7,
        lambda connects, row: duration(float(part(connects.parts)[row])),
        paint=lambda connects, row: latency_paint(float(part(connects.parts)[row])),
    )


COLUMNS: tuple[Column[ConnectList], ...] = (
    Column("time", "TIME", 12, _time_text, numeric=False, paint=lambda *_: "dim"),
    Column("daddr", "DESTINATION", 16, _address_text, numeric=False, expands=True),
    Column("dport", "PORT", 5, lambda connects, row: str(connects.events["dport"][row])),
    _time_column("LATENCY", lambda parts: parts.latency),
    Column(
        "local",
        "LOCAL",
        7,
        lambda connects, row: duration(float(connects.parts.local[row])),
        paint=lambda *_: "dim",
        min_width=100,
    ),
    Column(
        "rto",
        "RTO WAIT",
        8,
        lambda connects, row: _rto_wait(connects, row)[0],
        paint=lambda connects, row: _rto_wait(connects, row)[1],
    ),
    _time_column("WIRE", lambda parts: parts.wire),
    Column(
        "rtx",
        "RTX",
        3,
        lambda connects, row: str(connects.events["syn_retransmits"][row]),
        paint=lambda connects, row: "warn" if connects.events["syn_retransmits"][row] else "dim",
        min_width=100,
    ),
    Column(
        "result",
        "RESULT",
        24,
        _result_text,
        numeric=False,
        paint=lambda connects, row: "" if connects.outcome(row) is Outcome.OK else "warn",
    ),
    Column(
        "bar",
        BAR_HEADER,
        BAR_WIDTH,
        lambda connects, row: time_bar(connects.parts, row),
        numeric=False,
        paint=lambda connects, row: latency_paint(float(connects.parts.latency[row])) or "trend",
        min_width=BAR_MIN_WIDTH,
    ),
)


class Connects(Pane):
    """The last connects of one process.

    Args:
        pid: the process.
        local_time: converts Unix time to broken-down time.
    """

    MIN_HEIGHT = 2

    def __init__(self, pid: int, local_time: Callable[[float], time.struct_time] = time.localtime) -> None:
        super().__init__()
        self._pid = pid
        self._local_time = local_time

    def empty_text(self, selection: Selection | None) -> str:
        """Return what to show instead of connects; empty if there are any."""
        if selection is None or not len(self._recent(selection, 1)):
            snapshot = None if selection is None else selection.snapshot
            return f"no connect of this process among the last ones{next_one_text(snapshot)}"
        return ""

    def _recent(self, selection: Selection, count: int) -> Events:
        return selection.snapshot.window.recent.of_process(self._pid, count)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """List the connects below a header."""
        events = self._recent(selection, height - 1)
        snapshot = selection.snapshot
        connects = ConnectList(
            events, anatomy(events), snapshot.wall_offset_ns, self._local_time, snapshot.places
        )
        columns = [column for column in COLUMNS if width >= column.min_width]
        headers = {"time": f"TIME {zone(snapshot.wall_s)}"}
        rows = [[(headers.get(column.key, column.header), "dim") for column in columns]]
        rows += [
            [(column.text(connects, row), column.paint(connects, row)) for column in columns]
            for row in range(len(events))
        ]
        lines = [self._line(columns, cells, width) for cells in rows]
        return Text("\n", no_wrap=True, end="").join(lines)

    def _line(self, columns: list[Column[ConnectList]], cells: list[tuple[str, str]], width: int) -> Text:
        """Join the texts of a row, each with its colour, in `width` cells."""
        wide_from = WIDE_MIN_WIDTH if width < BAR_MIN_WIDTH else WIDE_MIN_WIDTH + BAR_WIDTH + 2
        gap = "  " if width >= wide_from else " "
        extra = min(max(width - wide_from, 0), MAX_EXTRA_ADDRESS_WIDTH)
        texts = [
            Text(fit_cell(column, text, column.width + extra * column.expands), self.paint(paint))
            for column, (text, paint) in zip(columns, cells, strict=True)
        ]
        line = Text.assemble(" ", Text(gap).join(texts), no_wrap=True)
        line.truncate(width)
        return line
