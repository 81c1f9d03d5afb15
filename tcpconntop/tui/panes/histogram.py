"""The histogram pane.

           p50 210µs   p90 900µs              p99 14.2ms     failures
 12.1k┤      ▂█▆▁        ┊                      ┊            refused          412   0.6%
      │     ▅████▃       ┊                      ┊            timeout            3   0.1%
     0┤▁▂▃▄██████▇▅▃▂▁▁▁▁▁▁▁▁▁▁▁            ▁▁▁▁▁▁
      └──┬───────────┬────────────┬────────────┬──
        10µs       100µs         1ms         10ms
Latency on a log axis, one bar for each column; a bar with a single connect is still visible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from errno import ECONNREFUSED, ETIMEDOUT
from typing import TYPE_CHECKING

from rich.text import Text

from tcpconntop.core.analysis.errnos import errno_name, outcome_of_errno
from tcpconntop.core.format import count, duration, percent
from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.panes.bar_chart import Frame, bars, columns_of, write_beside
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.text.lines import fit
from tcpconntop.tui.text.wrap import wrap

if TYPE_CHECKING:
    from tcpconntop.core import counts as counts_of_rows
    from tcpconntop.core.analysis import axes, rto_modes
    from tcpconntop.core.analysis.selection import Selection
    from tcpconntop.core.types import Floats
else:
    axes = lazy("tcpconntop.core.analysis.axes")
    rto_modes = lazy("tcpconntop.core.analysis.rto_modes")
    counts_of_rows = lazy("tcpconntop.core.counts")

COUNT_WIDTH = 6
"""Cells of the labels of the count axis."""

FAILURES_WIDTH, FAILURES_FROM = 28, 72
"""Cells of the list of failures beside the plot, and cells of the pane from which it has room there."""

NO_SUCCESS = "no connect succeeded: there is no latency to draw"

GAVE_UP = "  the program gave up"
"""What `cancelled` means, below it: the word alone does not say that a program's own timeout does this."""

NEAR = 3
"""Columns in which the bar of a mode is looked for."""

_PLAIN = (0, ECONNREFUSED, ETIMEDOUT)
"""Errnos that are not listed below their outcome, because it has no other."""


class Histogram(Pane):
    """The distribution of latencies, and the failures beside it."""

    def empty_text(self, selection: Selection | None) -> str:
        """Return why there is nothing to draw."""
        if selection is not None and selection.attempts and not selection.buckets.any():
            return "" if any(selection.outcomes[1:]) else "no latency yet"
        return super().empty_text(selection)

    def draw_selection(self, selection: Selection, width: int, height: int) -> Text:
        """Draw the plot, and the failures where there is room."""
        is_wide = width >= FAILURES_FROM
        failures = self._failures(selection, height) if any(selection.outcomes[1:]) and is_wide else []
        plot_width = width - (FAILURES_WIDTH + 2 if failures else 1)
        if selection.buckets.any():
            lines = self._plot(selection, plot_width, height)
        else:
            lines = [Text(f"  {line}", self.paint("dim")) for line in wrap(NO_SUCCESS, plot_width - 2, 2)]
            lines = [Text(), *lines] if is_wide else [*lines, *self._failures(selection, height - len(lines))]
        picture = Text(no_wrap=True, end="")
        for y in range(height):
            line = lines[y] if y < len(lines) else Text()
            line.truncate(width)
            if failures:
                line.pad_right(max(0, plot_width + 2 - line.cell_len))
                line.append_text(failures[y] if y < len(failures) else Text())
            picture.append_text(line)
            picture.append("\n" if y < height - 1 else "")
        return picture

    def _plot(self, selection: Selection, width: int, height: int) -> list[Text]:
        filled = np.flatnonzero(selection.buckets)
        low, high = axes.decade_range(
            float(counts_of_rows.EDGES_US[filled[0]]), float(counts_of_rows.EDGES_US[filled[-1]])
        )
        columns = columns_of(width, COUNT_WIDTH)
        counts = axes.rebin(selection.buckets, low, high, columns)
        top = float(counts.max())
        scale = (columns - 1) / math.log(high / low)
        modes = rto_modes.rto_modes(selection)
        ticks = _ticks(low, high, columns, scale, [mode.at_us for mode in modes])
        y_ticks = [(0, fit("0", COUNT_WIDTH, True)), (1, fit(count(top), COUNT_WIDTH, True))]
        frame = Frame(width, height - 1, ticks, y_ticks, self.rgb("dim"))
        marks = [
            (min(max(math.log(us / low) * scale, 0.0), columns - 1.0), f"{name} {duration(us)}")
            for name, us in zip(QUANTILES, selection.quantiles_us, strict=True)
        ]
        plot = bars(frame, (counts / top).tolist(), self.rgb("accent"), marks, self.rgb("high"))
        lines = list(plot.split("\n"))
        for mode in modes:
            if mode.lost_syns:
                label = f"{mode.lost_syns} {'SYN' if mode.lost_syns == 1 else 'SYNs'} lost"
                column, rows = _highest(counts, math.log(mode.at_us / low) * scale), lines[: frame.rows]
                lines[: frame.rows] = write_beside(rows, frame, column, label, self.paint("warn"))
        return [self._marks(marks, COUNT_WIDTH + 1, width), *lines]

    def _marks(self, marks: list[tuple[float, str]], shift: int, width: int) -> Text:
        """Return the line with the quantiles above their marks, side by side where they are close."""
        while marks and sum(len(label) + 2 for _, label in marks) - 2 > width:
            marks = marks[1:]  # where there is no room for all, the highest matters most
        starts, free = [], 0
        for column, label in marks:  # from the left, each after the one before …
            starts.append(max(free, shift + round(column) - len(label) // 2))
            free = starts[-1] + len(label) + 2
        end = width
        for n in reversed(range(len(marks))):  # … and back from the right edge, where they ran out of room
            starts[n] = min(starts[n], end - len(marks[n][1]))
            end = starts[n] - 2
        line = Text(no_wrap=True)
        for start, (_, label) in zip(starts, marks, strict=True):
            line.append(" " * (start - line.cell_len)).append(label, self.paint("high"))
        return line

    def _failures(self, selection: Selection, height: int) -> list[Text]:
        """Return the list of failures; what `cancelled` means is there if all has room in `height` lines."""
        lines, meaning = [Text("failures", self.paint("dim"))], 0
        for outcome in Outcome:
            n = selection.outcomes[outcome]
            if outcome is Outcome.OK or not n:
                continue
            paint = self.paint("" if outcome is Outcome.CANCELLED else "warn")
            share = percent(n / selection.attempts)
            line = Text(fit(outcome.label, 14), paint)
            line.append(fit(count(n), 6, True), "not dim").append(f"{share:>6}%", self.paint("dim"))
            lines.append(line)
            if outcome is Outcome.CANCELLED:
                meaning = len(lines)
            for number, times in selection.errors.items():
                if number not in _PLAIN and outcome_of_errno(number) is outcome:
                    name = fit(f"  {errno_name(number)}", 14)
                    lines.append(Text(f"{name}{fit(count(times), 6, True)}", self.paint("dim")))
        if meaning and len(lines) < height:
            lines.insert(meaning, Text(fit(GAVE_UP, FAILURES_WIDTH), self.paint("dim")))
        return lines


def _highest(counts: Floats, column: float) -> int:
    """Return the column of the highest bar near a column: answers come a little later than timers end."""
    first = int(column)
    return first + int(np.argmax(counts[first : first + NEAR]))


def _ticks(
    low_us: float, high_us: float, columns: int, scale: float, modes_us: Sequence[int]
) -> list[tuple[float, str]]:
    """Return column and label of the ticks: powers of ten, modes, and 2 and 5 between where there is room."""
    steps = (1, 2, 5) if math.log(10) * scale >= 36 else (1,)
    ticks = []
    for exponent in range(round(math.log10(low_us)), round(math.log10(high_us)) + 1):
        for step in steps:
            us = step * 10.0**exponent
            if us <= high_us * 1.001:
                ticks.append((min(math.log(us / low_us) * scale, columns - 1.0), axes.round_duration(us)))
    more = [(math.log(us / low_us) * scale, axes.round_duration(us)) for us in modes_us if us < high_us]
    return sorted({round(column): (column, label) for column, label in ticks + more}.values())
