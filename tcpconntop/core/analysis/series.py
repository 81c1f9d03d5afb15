"""Figures over time, read from the slices of a window: sparklines and timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import SparseCounts, quantiles_us
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome


class TimeAxis(NamedTuple):
    """A window, cut into steps of whole seconds.

    Steps are numbered on the clock, not from the running second, so that a bar does not change as it ages.
    """

    step_s: int
    first: int
    steps: int

    @classmethod
    def covering(cls, snapshot: Snapshot, steps: int) -> TimeAxis:
        """Cut the window of a snapshot into at most `steps` steps."""
        seconds = _seconds(snapshot)
        step_s = max(1, -(-seconds // steps))
        n_steps = -(-seconds // step_s)
        return cls(step_s, snapshot.second // step_s - n_steps + 1, n_steps)

    @property
    def end(self) -> int:
        """The first step that is to come."""
        return self.first + self.steps

    def from_step(self, step: int) -> TimeAxis:
        """Give the steps from one of them on."""
        return TimeAxis(self.step_s, step, self.end - step)


@dataclass(frozen=True, eq=False)
class Series:
    """Figures over equal steps of time, oldest first; each array has shape (groups, steps).

    Attributes:
        step_s: length of a step in seconds.
        attempts: ended attempts in each step.
        failed: those that did not connect.
        quantiles_us: latency quantiles, shape (groups, steps, quantiles); NaN where nothing connected.
    """

    step_s: float
    attempts: Floats
    failed: Floats
    quantiles_us: Floats


def series(
    snapshot: Snapshot, group_of: Rows, n_groups: int, steps: int | TimeAxis, qs: Sequence[float] = (0.99,)
) -> Series:
    """Cut the window into steps and give figures of groups of keys in each.

    Where a slice is longer than a step, as those of old seconds are, its attempts count evenly in its
    steps, and each of them has its quantiles.

    Args:
        snapshot: where the slices are.
        group_of: for each key its group (0 … n_groups - 1), or -1 for none.
        n_groups: number of groups.
        steps: how many steps there is room for, or some of the last steps of the window.
        qs: quantiles wanted.
    """
    axis = steps if isinstance(steps, TimeAxis) else TimeAxis.covering(snapshot, steps)
    counted: list[tuple[Rows, npt.NDArray[Any]]] = []  # where attempts count, and how many of each outcome
    parts: list[tuple[Rows, Rows]] = []
    rows = np.flatnonzero(group_of >= 0)
    to, to_of = group_of[rows] * axis.steps, group_of * axis.steps
    for part in snapshot.window.slices:
        wanted = step_shares(part, axis.step_s, axis.first)
        if not wanted:
            continue
        kept = part.indices(rows)
        places, outcomes = to_of[part.rows_at(kept)], part.outcomes(kept)
        for step, share in wanted:
            counted.append((places + step, outcomes * share))
            parts.append(part.packed_latency.select(rows, to + step))
    attempts, failed = _counts(counted, n_groups, axis.steps)
    quantiles = quantiles_us(SparseCounts.from_codes(parts), n_groups * axis.steps, qs)
    return Series(float(axis.step_s), attempts, failed, quantiles.reshape(n_groups, axis.steps, len(qs)))


def _counts(
    counted: list[tuple[Rows, npt.NDArray[Any]]], n_groups: int, n_steps: int
) -> tuple[Floats, Floats]:
    """Add up attempts and failures by group and step."""
    shape = (n_groups, n_steps)
    if not counted:
        return np.zeros(shape), np.zeros(shape)
    places, outcomes = (np.concatenate(arrays) for arrays in zip(*counted, strict=True))
    ended, lost = outcomes.sum(axis=1), outcomes[:, Outcome.OK + 1 :].sum(axis=1)
    attempts, failed = (
        np.bincount(places, counts, n_groups * n_steps).astype(np.float64).reshape(shape)
        for counts in (ended, lost)
    )
    return attempts, failed


def step_shares(part: Slice, step_s: int, first: int) -> list[tuple[int, float]]:
    """Give the steps that a slice lies in, and which share of it lies in each."""
    begin, end = part.second, part.second + part.seconds
    return [
        (step - first, (min(end, (step + 1) * step_s) - max(begin, step * step_s)) / part.seconds)
        for step in range(max(begin // step_s, first), (end - 1) // step_s + 1)
    ]


def _seconds(snapshot: Snapshot) -> int:
    """Give how many seconds the time axis spans: the window, or all there is when it has no end."""
    if snapshot.window_s is not None:
        return int(snapshot.window_s)
    slices = snapshot.window.slices
    return snapshot.second - slices[0].second + 1 if slices else 1


def all_in_one_group(snapshot: Snapshot) -> Rows:
    """Give the `group_of` that puts every key into one group."""
    return np.zeros(len(snapshot.window.keys), np.int64)
