"""The counts of a heatmap, connects by time and latency, read from the slices of a window.

Columns are steps of time aligned to the clock, so that a connect stays in its column while the picture moves
to the left. Rows divide a log axis of latency whose ends seldom change (`HeatmapScale`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.axes import decade_range, steps_of_cells
from tcpconntop.core.analysis.series import step_shares
from tcpconntop.core.counts import MIDDLES_US
from tcpconntop.core.types import SECOND_NS, Floats, Ints
from tcpconntop.core.window.selected import selected_counts
from tcpconntop.core.window.slices import slice_length_s
from tcpconntop.core.window.snapshot import Snapshot

STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Possible lengths of a step. They fit the lengths of slices, so that few slices are divided."""

_SPANS_S = (
    60,
    120,
    300,
    600,
    900,
    1200,
    1800,
    2700,
    3600,
    5400,
    7200,
    10_800,
    14_400,
    21_600,
    43_200,
    86_400,
)
"""Possible lengths of the time axis where the window has no end."""

HOLD_S = 60
"""How long a scale keeps room for values that are gone."""


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Connects that succeeded by step of time and latency bucket, and failed attempts by step.

    A slice that is longer than a step, as those of old seconds are, counts evenly in its steps.

    Attributes:
        step_s: length of a step in seconds.
        first: number of the first step: it begins at second `first * step_s` on the clock of the records.
        steps: number of steps; the last one is not over.
        reach_s: length of the window in seconds, for the labels of the time axis.
        first_known_step: index of the first step that the window covers, 0 … steps - 1.
        buckets, columns: latency bucket and step of each of the counts, shape (n,).
        counts: connects there, shape (n,).
        failed: failed attempts of each step, shape (steps,).
    """

    step_s: int
    first: int
    steps: int
    reach_s: int
    first_known_step: int
    buckets: Ints
    columns: Ints
    counts: Floats
    failed: Floats

    @property
    def range_us(self) -> tuple[float, float]:
        """The fastest and the slowest latency; (1, 1) where nothing connected."""
        if not len(self.buckets):
            return 1.0, 1.0
        return float(MIDDLES_US[self.buckets.min()]), float(MIDDLES_US[self.buckets.max()])

    def matrix(self, low_us: float, high_us: float, rows: int) -> Floats:
        """Return the connects by latency and time.

        Args:
            low_us: lower end of the latency axis; what lies below is counted in the first row.
            high_us: upper end; what lies above is counted in the last row.
            rows: number of rows, of equal height on a log axis.

        Returns:
            Counts, shape (rows, steps), the fastest first; a bucket counts in the row of its middle.
        """
        heights = np.log(MIDDLES_US / low_us) / math.log(high_us / low_us) * rows
        row_of = np.clip(np.floor(heights), 0, rows - 1).astype(np.int64)
        index = row_of[self.buckets] * self.steps + self.columns
        counts: Floats = np.bincount(index, self.counts, rows * self.steps).astype(np.float64)
        return counts.reshape(rows, self.steps)

    def step_of_cell(self, cells: int) -> Ints:
        """Return the step of each of `cells` terminal cells (`steps_of_cells`)."""
        return steps_of_cells(self.first, self.steps, cells)


def heatmap(snapshot: Snapshot, group_of: Ints, max_steps: int) -> Heatmap:
    """Return the heatmap of the window with at most `max_steps` steps (15 or more), as short as possible.

    A window without an end begins with the oldest slice.

    Args:
        snapshot: the snapshot.
        group_of: for each key of the snapshot 0, or -1 if it does not count.
        max_steps: the highest number of steps.
    """
    reach_s = _reach_s(snapshot)
    furthest_s = reach_s + slice_length_s(reach_s) - 1  # a long window begins on the boundary of a slice
    step_s = next((s for s in STEPS_S if _steps(furthest_s, s) <= max_steps), 0)
    step_s = step_s or -(-furthest_s // (3600 * (max_steps - 1))) * 3600
    steps = _steps(furthest_s, step_s)
    first = snapshot.second // step_s - steps + 1
    failed = np.zeros(steps)
    parts: list[tuple[Ints, Ints, Floats]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    slices = snapshot.pictured
    for part, sums in zip(slices, selected_counts(slices, group_of >= 0), strict=True):
        latency = sums.latency
        for step, share in step_shares(part, step_s, first):
            failed[step] += sums.failed * share
            parts.append(
                (latency.codes, np.full_like(latency.codes, step), latency.counts * np.float64(share))
            )
    buckets, columns, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    first_known_step = max(_first_second(snapshot) // step_s - first, 0)
    return Heatmap(step_s, first, steps, reach_s, first_known_step, buckets, columns, counts, failed)


def _steps(seconds: int, step_s: int) -> int:
    """Return how many steps cover so many seconds, wherever in its step the current second is."""
    return 1 - (1 - seconds) // step_s


def _reach_s(snapshot: Snapshot) -> int:
    """Return how many seconds the window covers, the current one included."""
    if snapshot.window_s is not None:
        return math.ceil(snapshot.window_s)
    slices = snapshot.pictured
    seconds = snapshot.second - slices[0].second + 1 if slices else 1
    return next((span for span in _SPANS_S if seconds <= span), -(-seconds // _SPANS_S[-1]) * _SPANS_S[-1])


def _first_second(snapshot: Snapshot) -> int:
    """Return the first second that the window covers."""
    return math.floor(snapshot.now_ns / SECOND_NS - snapshot.span_s)


@dataclass(frozen=True)
class HeatmapScale:
    """The range of the latency axis and of the colours of a heatmap.

    Attributes:
        low_us, high_us: ends of what is needed of the axis, halves of powers of ten.
        max_count: the highest count of a cell.
        last_needed: the last second, on the clock of the records, in which the whole range was needed.
    """

    low_us: float
    high_us: float
    max_count: float
    last_needed: int

    @classmethod
    def for_heatmap(
        cls, heat: Heatmap, lines: int, rows: int, before: HeatmapScale | None = None
    ) -> HeatmapScale:
        """Return the smallest scale for a heatmap drawn with `rows` rows in so many lines.

        It shrinks below the scale `before` only when that range was not needed for `HOLD_S`.
        """
        least = low_us, high_us = _half_decades(*heat.range_us)
        second = (heat.first + heat.steps) * heat.step_s
        if before is None or not 0 <= second - before.last_needed < HOLD_S:
            return cls(low_us, high_us, _most(heat, even_decades(low_us, high_us, lines), rows), second)
        low_us, high_us = min(low_us, before.low_us), max(high_us, before.high_us)
        most = _most(heat, even_decades(low_us, high_us, lines), rows)
        needed = least == (low_us, high_us) and most >= before.max_count
        return cls(low_us, high_us, max(most, before.max_count), second if needed else before.last_needed)


class EvenDecades(NamedTuple):
    """A latency axis in whole lines whose powers of ten are all the same number of lines apart.

    Attributes:
        low_us, high_us: ends of the axis.
        first: number of the lowest line; line 0 begins at 1 µs.
        lines_apart: lines from one label to the next.
        decades_apart: powers of ten from one label to the next.
    """

    low_us: float
    high_us: float
    first: int
    lines_apart: int
    decades_apart: int

    def label_us(self, line: int) -> float | None:
        """Return the power of ten at the lower edge of a line, counted from the lowest; None for none."""
        steps, between = divmod(self.first + line, self.lines_apart)
        return None if between else 10.0 ** (steps * self.decades_apart)


def even_decades(low_us: float, high_us: float, lines: int) -> EvenDecades:
    """Return the axis of so many lines with the most lines for a power of ten that holds a range."""
    low, high = (round(math.log10(us), 6) for us in (low_us, high_us))
    sizes = [(apart, 1) for apart in range(lines, 1, -1)]
    sizes += [(3, 2), (1, 1), (2, 3), *((1, decades) for decades in range(2, 20))]
    for lines_apart, decades_apart in sizes:
        per_decade = lines_apart / decades_apart
        first = math.floor(low * per_decade)
        if math.ceil(high * per_decade) - first <= lines:
            break
    low_us, high_us = (10.0 ** (line / per_decade) for line in (first, first + lines))
    return EvenDecades(low_us, high_us, first, lines_apart, decades_apart)


def _half_decades(low_us: float, high_us: float) -> tuple[float, float]:
    """Return a range between halves of powers of ten, so that it seldom changes; a narrow one: whole ones."""
    first, last = math.floor(2 * math.log10(max(low_us, 1.0))), math.ceil(2 * math.log10(max(high_us, 1.0)))
    return decade_range(low_us, high_us) if last - first < 4 else (10.0 ** (first / 2), 10.0 ** (last / 2))


def _most(heat: Heatmap, axis: EvenDecades, rows: int) -> float:
    """Return the highest count of a cell."""
    return float(heat.matrix(axis.low_us, axis.high_us, rows).max(initial=0))


def band_edges(most: float, n: int) -> tuple[int, ...]:
    """Return at most `n` (3 or more) round counts, 1 first, from each of which a cell has the next colour."""
    top = max(most, 10.0)
    for steps in ((1, 2, 5), (1, 3), (1, 2, 5)):
        edges = [step * 10**power for power in range(len(str(int(top)))) for step in steps]
        edges = [count for count in edges if count <= top]
        if len(edges) <= n:
            return tuple(edges)
    return tuple(edges[:: -(-len(edges) // n)])


def band_of(counts: Floats, edges: tuple[int, ...]) -> Ints:
    """Return the band of each count: 0 for no connect, else 1 … len(edges); a fraction has band 1."""
    return np.where(counts > 0, np.maximum(np.searchsorted(edges, counts, side="right"), 1), 0)
