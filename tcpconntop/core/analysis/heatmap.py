"""When connects succeeded and how long they took: the counts of a heatmap, read from the slices of a window.

Columns are steps of time that are cut on the clock, so that a connect stays in its column while the picture
moves to the left. Rows are cut on a log axis of latency, whose ends change seldom (`HeatmapScale`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.selection import decade_range
from tcpconntop.core.analysis.series import step_shares
from tcpconntop.core.counts import MIDDLES_US
from tcpconntop.core.types import SECOND_NS, Floats, Ints
from tcpconntop.core.window.slices import MAX_WINDOW_S, oldest_second, slice_length_s
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600)
"""What a step may last: these fit the lengths of slices, so that few of those are divided."""

_SPANS_S = (60, 120, 300, 600, MAX_WINDOW_S)
"""How far the axis of a window without an end reaches: it shows what there is, up to the oldest slice."""

HOLD_S = 60
"""For how long a scale keeps room for what is no longer there."""


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Attempts by step of time, and those that connected by bucket of latency as well.

    A slice that is longer than a step, as those of old seconds are, counts evenly in its steps.

    Attributes:
        step_s: length of a step in seconds.
        first: number of the first step on the clock of the records: it began with second `first * step_s`.
        steps: how many steps there are; the last one is running.
        reach_s: how far the window reaches back at least, in seconds: what the axis of time is labelled with.
        first_known_step: the first step that the window covers, counted from 0.
        buckets, columns: latency bucket and step of each of the counts, shape (n,).
        counts: how many connects succeeded there, shape (n,).
        failed: attempts of each step that failed, shape (steps,).
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
        """Count the connects by latency and time.

        Args:
            low_us: lower end of the latency axis; what lies below is counted in the first row.
            high_us: upper end; what lies above is counted in the last row.
            rows: how many rows of equal height on a log axis.

        Returns:
            Counts, shape (rows, steps), the fastest first; a bucket counts where its middle is.
        """
        heights = np.log(MIDDLES_US / low_us) / math.log(high_us / low_us) * rows
        row_of = np.clip(np.floor(heights), 0, rows - 1).astype(np.int64)
        places = row_of[self.buckets] * self.steps + self.columns
        counts: Floats = np.bincount(places, self.counts, rows * self.steps).astype(np.float64)
        return counts.reshape(rows, self.steps)

    def step_of_cell(self, cells: int) -> Ints:
        """Spread the steps over `cells` terminal cells, at least one each: the step of each cell.

        Where cells are no multiple of the steps, some steps are a cell wider. Which ones depends on their
        number on the clock, so that a step keeps its width while it moves to the left.
        """
        right = (self.first + self.steps) * cells // self.steps
        at = np.arange(right - cells, right)
        return ((at + 1) * self.steps - 1) // cells - self.first


def heatmap(snapshot: Snapshot, group_of: Ints, max_steps: int) -> Heatmap:
    """Cut the window into at most `max_steps` steps (15 or more), as short as they can be.

    A window without an end begins with the oldest slice that is kept.

    Args:
        snapshot: where the slices are.
        group_of: for each key of the snapshot 0, or -1 if it does not count.
        max_steps: how many steps there is room for.
    """
    reach_s = _reach_s(snapshot)
    furthest_s = reach_s + slice_length_s(reach_s) - 1  # a long window begins on the boundary of a slice
    step_s = next((s for s in STEPS_S if _steps(furthest_s, s) <= max_steps), STEPS_S[-1])
    steps = _steps(furthest_s, step_s)
    first = snapshot.second // step_s - steps + 1
    failed = np.zeros(steps)
    found: list[tuple[Ints, Ints, Floats]] = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for part in snapshot.window.slices:
        latency = part.packed_latency.regroup(group_of)  # one row, 0: its codes are the buckets
        lost = int(part.outcomes(np.flatnonzero(group_of[part.rows] >= 0))[:, Outcome.OK + 1 :].sum())
        for step, share in step_shares(part, step_s, first):
            failed[step] += lost * share
            found.append(
                (latency.codes, np.full_like(latency.codes, step), latency.counts * np.float64(share))
            )
    buckets, columns, counts = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    first_known_step = max(_first_second(snapshot) // step_s - first, 0)
    return Heatmap(step_s, first, steps, reach_s, first_known_step, buckets, columns, counts, failed)


def _steps(seconds: int, step_s: int) -> int:
    """Give how many steps it takes to reach back, wherever in its step the running second is."""
    return 1 - (1 - seconds) // step_s


def _reach_s(snapshot: Snapshot) -> int:
    """Give how many seconds the window reaches back, the running one included."""
    if snapshot.window_s is not None:
        return math.ceil(snapshot.window_s)
    slices = snapshot.window.slices
    seconds = snapshot.second - slices[0].second + 1 if slices else 1
    return next((span for span in _SPANS_S if seconds <= span), MAX_WINDOW_S)


def _first_second(snapshot: Snapshot) -> int:
    """Give the first second that the window covers."""
    began = math.floor(snapshot.now_ns / SECOND_NS - snapshot.span_s)
    return max(began, oldest_second(snapshot.second))


@dataclass(frozen=True)
class HeatmapScale:
    """What the axis of latency and the colours of a heatmap have room for.

    Attributes:
        low_us, high_us: ends of the axis: powers of ten.
        max_count: the greatest count of a cell.
        last_needed: when all of that was last there.
    """

    low_us: float
    high_us: float
    max_count: float
    last_needed: int

    @classmethod
    def for_heatmap(cls, heat: Heatmap, rows: int, before: HeatmapScale | None = None) -> HeatmapScale:
        """Give a scale with room for a heatmap of a number of rows.

        It is the least one, but what the scale before had room for is let go only when it was not
        needed for a while (`HOLD_S`).
        """
        wanted = low_us, high_us = decade_range(*heat.range_us)
        second = (heat.first + heat.steps) * heat.step_s
        if before is None or not 0 <= second - before.last_needed < HOLD_S:
            return cls(low_us, high_us, _most(heat, low_us, high_us, rows), second)
        low_us, high_us = min(low_us, before.low_us), max(high_us, before.high_us)
        most = _most(heat, low_us, high_us, rows)
        needed = wanted == (low_us, high_us) and most >= before.max_count
        return cls(low_us, high_us, max(most, before.max_count), second if needed else before.last_needed)


def _most(heat: Heatmap, low_us: float, high_us: float, rows: int) -> float:
    """Give the greatest count of a cell."""
    return float(heat.matrix(low_us, high_us, rows).max(initial=0))


def band_edges(most: float, n: int) -> tuple[int, ...]:
    """Give at most `n` (3 or more) round counts from which a cell is drawn in the next colour, 1 first."""
    top = max(most, 10.0)
    for steps in ((1, 2, 5), (1, 3), (1, 2, 5)):
        found = [step * 10**power for power in range(len(str(int(top)))) for step in steps]
        found = [count for count in found if count <= top]
        if len(found) <= n:
            return tuple(found)
    return tuple(found[:: -(-len(found) // n)])


def band_of(counts: Floats, edges: tuple[int, ...]) -> Ints:
    """Give the band of each count: 0 for nothing at all, 1 … len(edges) for what is at least a sliver."""
    return np.where(counts > 0, np.maximum(np.searchsorted(edges, counts, side="right"), 1), 0)
