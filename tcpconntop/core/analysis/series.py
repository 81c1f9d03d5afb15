"""Metrics over time, read from the slices of a window, for sparklines and timelines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.axes import round_step
from tcpconntop.core.counts import CELL_BITS, SparseCounts, quantiles_us
from tcpconntop.core.types import Floats, Ints, Mask, Rows
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.window.selected import selected_counts
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome


class TimeAxis(NamedTuple):
    """A window divided into steps of whole seconds.

    Steps are numbered on the clock, not from the current second, so that a bar does not change as it ages.

    Attributes:
        step_s: length of a step.
        first: number of the first step: it begins at second `first * step_s`.
        steps: number of steps; the last one is not over.
    """

    step_s: int
    first: int
    steps: int

    @classmethod
    def covering(cls, snapshot: Snapshot, steps: int) -> TimeAxis:
        """Return the window of a snapshot divided into at most `steps` steps."""
        seconds = _seconds(snapshot)
        # A window without an end: its steps get longer when they are too many, and only then.
        if seconds > MAX_WINDOW_S:
            step_s = round_step(seconds, max(steps - 1, 1))
            n_steps = snapshot.second // step_s - (snapshot.second + 1 - seconds) // step_s + 1
        else:
            step_s = max(1, -(-seconds // steps))
            n_steps = -(-seconds // step_s)
        return cls(step_s, snapshot.second // step_s - n_steps + 1, n_steps)

    @property
    def end(self) -> int:
        """The step after the last one."""
        return self.first + self.steps

    def from_step(self, step: int) -> TimeAxis:
        """Return the steps from `step` on."""
        return TimeAxis(self.step_s, step, self.end - step)


@dataclass(frozen=True, eq=False)
class Series:
    """Metrics over equal steps of time, oldest first; each array has shape (groups, steps).

    Attributes:
        step_s: length of a step in seconds.
        attempts: ended attempts in each step.
        failed: attempts among them that did not connect.
        quantiles_us: latency quantiles, shape (groups, steps, quantiles); NaN where nothing connected.
    """

    step_s: float
    attempts: Floats
    failed: Floats
    quantiles_us: Floats


def series(
    snapshot: Snapshot, group_of: Rows, n_groups: int, steps: int | TimeAxis, qs: Sequence[float] = (0.99,)
) -> Series:
    """Return metrics of groups of keys in each step of the window.

    A slice that is longer than a step, as those of old seconds are, counts evenly in its steps, and each of
    these has the quantiles of the whole slice.

    Args:
        snapshot: the snapshot.
        group_of: the group of each key (0 … n_groups - 1), or -1 for none.
        n_groups: number of groups.
        steps: the highest number of steps, or the axis itself.
        qs: which quantiles, 0 … 1.
    """
    axis = steps if isinstance(steps, TimeAxis) else TimeAxis.covering(snapshot, steps)
    if n_groups == 1:
        return _series_of_one(snapshot, group_of >= 0, axis, qs)
    counted: list[tuple[Rows, npt.NDArray[Any]]] = []  # index of (group, step), and attempts by outcome
    parts: list[tuple[Rows, Rows]] = []
    rows = np.flatnonzero(group_of >= 0)
    first_index = group_of * axis.steps  # of the group of each key
    row_index = first_index[rows]
    for part in snapshot.pictured:
        shares = step_shares(part, axis.step_s, axis.first)
        if not shares:
            continue
        kept = part.indices(rows)
        index, outcomes = first_index[part.rows_at(kept)], part.outcomes(kept)
        for step, share in shares:
            counted.append((index + step, outcomes * share))
            parts.append(part.packed_latency.select(rows, row_index + step))
    attempts, failed = _counts(counted, n_groups, axis.steps)
    quantiles = quantiles_us(SparseCounts.from_codes(parts), n_groups * axis.steps, qs)
    return Series(float(axis.step_s), attempts, failed, quantiles.reshape(n_groups, axis.steps, len(qs)))


def _series_of_one(snapshot: Snapshot, selected: Mask, axis: TimeAxis, qs: Sequence[float]) -> Series:
    """Return the series of one group: its keys."""
    counts = np.zeros((2, axis.steps))
    parts: list[tuple[Ints, Ints]] = []
    slices = snapshot.pictured
    for part, sums in zip(slices, selected_counts(slices, selected), strict=True):
        for step, share in step_shares(part, axis.step_s, axis.first):
            counts[0, step] += sums.attempts * share
            counts[1, step] += sums.failed * share
            parts.append((sums.latency.codes + (step << CELL_BITS), sums.latency.counts))
    quantiles = quantiles_us(SparseCounts.from_codes(parts), axis.steps, qs)
    return Series(float(axis.step_s), counts[:1], counts[1:], quantiles.reshape(1, axis.steps, len(qs)))


def _counts(
    counted: list[tuple[Rows, npt.NDArray[Any]]], n_groups: int, n_steps: int
) -> tuple[Floats, Floats]:
    """Return attempts and failures by group and step, each of shape (n_groups, n_steps)."""
    shape = (n_groups, n_steps)
    if not counted:
        return np.zeros(shape), np.zeros(shape)
    index, outcomes = (np.concatenate(arrays) for arrays in zip(*counted, strict=True))
    attempts, failed = (
        np.bincount(index, counts, n_groups * n_steps).astype(np.float64).reshape(shape)
        for counts in (outcomes.sum(axis=1), outcomes[:, Outcome.OK + 1 :].sum(axis=1))
    )
    return attempts, failed


def step_shares(part: Slice, step_s: int, first: int) -> list[tuple[int, float]]:
    """Return the steps that a slice overlaps, counted from `first`, and the share of the slice in each."""
    begin, end = part.second, part.second + part.seconds
    return [
        (step - first, (min(end, (step + 1) * step_s) - max(begin, step * step_s)) / part.seconds)
        for step in range(max(begin // step_s, first), (end - 1) // step_s + 1)
    ]


def _seconds(snapshot: Snapshot) -> int:
    """Return the length of the time axis: that of the window, or of the data where the window has no end."""
    if snapshot.window_s is not None:
        return int(snapshot.window_s)
    slices = snapshot.pictured
    return snapshot.second - slices[0].second + 1 if slices else 1


def all_in_one_group(snapshot: Snapshot) -> Rows:
    """Return the `group_of` that puts every key into one group."""
    return np.zeros(len(snapshot.window.keys), np.int64)


def attempt_rates_hz(
    snapshot: Snapshot, bins: int, span_s: int = 60, rows: Rows | None = None
) -> list[float]:
    """Return ended attempts per second over the last `span_s` seconds in `bins` bins, oldest first.

    Bins are aligned to the clock, so that a bar does not change as it ages. The current bin is left out: it
    would look like a drop. NaN before the begin of the window. `rows` (ascending) are the counted keys;
    None counts all.
    """
    step_s = max(1, span_s // bins)
    first = snapshot.second // step_s - bins
    counts = np.zeros(bins)
    for part in snapshot.window.slices:
        begin, end = part.second, part.second + part.seconds  # longer than a step where it is old
        if end <= first * step_s:
            continue
        ended = part.ended if rows is None else int(part.outcomes(part.indices(rows)).sum())
        for step in range(max(begin // step_s, first), min((end - 1) // step_s + 1, first + bins)):
            inside_s = min(end, (step + 1) * step_s) - max(begin, step * step_s)
            counts[step - first] += ended * inside_s / part.seconds
    begin = snapshot.second - math.ceil(snapshot.span_s)
    known = (np.arange(bins) + first + 1) * step_s > begin
    return [float(n) / step_s if seen else math.nan for n, seen in zip(counts, known, strict=True)]
