"""The last connects, newest first, each with where its time went.

TIME          DESTINATION  PORT  LATENCY   LOCAL  RTO WAIT    WIRE  RTX  RESULT    ╌LOCAL █RTO ━WIRE
12:04:07.301  10.2.3.5      443    1.03s    12µs     1.02s   812µs    1  ok        ██████████████████
12:04:07.288  10.9.1.7     9100    181µs    12µs         -   169µs    0  refused   ╌━━━━━━━━━━━━━━━━━
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from rich.text import Text

from tcpconntop.core.analysis.anatomy import Anatomy, anatomy
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.format import duration
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events, Outcome, address_text
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.text.lines import fit, fit_address
from tcpconntop.tui.text.severity import latency_paint

Cell = tuple[str, str]
"""Text and colour."""


BAR, BAR_WIDTH, BAR_MIN_WIDTH = "╌LOCAL █RTO ━WIRE", 18, 118
"""Each part of the time has a sign of its own, so that no colour is needed to tell them apart."""

WIDE_MIN_WIDTH = 112
"""Terminal width from which every column has room, two cells apart."""


class Column(NamedTuple):
    """A column of the list, shown in terminals of `from_width` cells and more."""

    name: str
    width: int
    right: bool = True
    from_width: int = 0


COLUMNS = (
    Column("TIME", 12, right=False),
    Column("DESTINATION", 16, right=False),
    Column("PORT", 5),
    Column("LATENCY", 7),
    Column("LOCAL", 7, from_width=100),
    Column("RTO WAIT", 8),
    Column("WIRE", 7),
    Column("RTX", 3, from_width=100),
    Column("RESULT", 24, right=False),
    Column(BAR, BAR_WIDTH, right=False, from_width=BAR_MIN_WIDTH),
)


class Connects(Pane):
    """The last connects of one process.

    Args:
        pid: the process.
        local_time: turns Unix time into broken-down time.
    """

    MIN_HEIGHT = 2

    def __init__(self, pid: int, local_time: Callable[[float], time.struct_time] = time.localtime) -> None:
        super().__init__()
        self._pid = pid
        self._local_time = local_time

    def empty_text(self, selection: Selection | None) -> str:
        """Say what would fill the pane."""
        if selection is None or not len(self._recent(selection, 1)):
            return "no connect of this process among the last ones: the next one will be listed here"
        return ""

    def _recent(self, selection: Selection, most: int) -> Events:
        return selection.snapshot.window.recent.of_process(self._pid, most)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """List the connects."""
        events = self._recent(selection, height - 1)
        parts = anatomy(events)
        offset_ns = selection.snapshot.wall_offset_ns
        rows = [[(column.name, "dim") for column in COLUMNS]]
        rows += [self._row(events[i], parts, i, offset_ns) for i in range(len(events))]
        kept = [at for at, column in enumerate(COLUMNS) if width >= column.from_width]
        wide = WIDE_MIN_WIDTH if width < BAR_MIN_WIDTH else WIDE_MIN_WIDTH + BAR_WIDTH + 2
        gap = "  " if width >= wide else " "
        spare = min(max(width - wide, 0), 23)
        lines = []
        for cells in rows:
            texts: list[Text] = []
            for at in kept:
                (text, paint), column = cells[at], COLUMNS[at]
                address = column.name == "DESTINATION"
                size = column.width + (spare if address else 0)
                cell = fit_address(text, size) if address else fit(text, size, column.right)
                texts.append(Text(cell, self.paint(paint)))
            line = Text.assemble(" ", Text(gap).join(texts), no_wrap=True)
            line.truncate(width)
            lines.append(line)
        return Text("\n", no_wrap=True, end="").join(lines)

    def _row(self, event: np.void, parts: Anatomy, at: int, offset_ns: int) -> list[Cell]:
        end_s = (int(event["end_ns"]) + offset_ns) / SECOND_NS
        clock = time.strftime("%H:%M:%S", self._local_time(end_s))
        rto_us = float(parts.rto[at])
        outcome = Outcome(int(event["outcome"]))
        errno = errno_name(int(event["error"])) if outcome is not Outcome.OK else None
        again = int(event["syn_retransmits"])
        latency_us = float(parts.latency[at])
        return [
            (f"{clock}.{int(end_s * 1000) % 1000:03d}", "dim"),
            (address_text(event["daddr"].tobytes(), int(event["family"])), ""),
            (str(event["dport"]), ""),
            (duration(latency_us), latency_paint(latency_us)),
            (duration(float(parts.local[at])), "dim"),
            _waited(rto_us, latency_us - float(parts.wire[at])),
            (duration(float(parts.wire[at])), latency_paint(float(parts.wire[at]))),
            (str(again), "warn" if again else "dim"),
            (f"{outcome.label} {errno or ''}".strip(), "" if outcome is Outcome.OK else "warn"),
            (time_bar(parts, at), latency_paint(latency_us) or "trend"),
        ]


def _waited(rto_us: float, before_wire_us: float) -> Cell:
    """Spell how long lost SYNs were waited for: at most, where local work is not told apart."""
    if rto_us == 0:
        return "-", "dim"
    if math.isnan(rto_us) and not math.isnan(before_wire_us):
        return f"≤{duration(before_wire_us)}", latency_paint(before_wire_us)
    return duration(rto_us), latency_paint(rto_us)


def time_bar(parts: Anatomy, at: int, width: int = BAR_WIDTH) -> str:
    """Draw the shares of the parts of a connect's time; what took a little has a cell at least."""
    shares = [float(part[at]) for part in (parts.local, parts.rto, parts.wire)]
    total = sum(shares)
    if not total > 0:  # nothing, or not known
        return "-"
    cells = [max(1, int(share / total * width)) if share > total / 100 else 0 for share in shares]
    cells[shares.index(max(shares))] += width - sum(cells)
    return "".join(sign * n for sign, n in zip("╌█━", cells, strict=True))
