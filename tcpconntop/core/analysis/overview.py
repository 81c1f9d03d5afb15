"""p99 and failures over everything that can be gone to: a whole recording, or the past that is kept.

Time is cut into equal steps. In a recording they are counted one after the other (`OverviewBuilder`), so that
the part that was read can be shown; of the kept past they come from its slices (`past.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.axes import round_step
from tcpconntop.core.counts import CELLS, EDGES_US, MIDDLES_US, bucket_of
from tcpconntop.core.thresholds import MIN_FAILURES
from tcpconntop.core.types import SECOND_NS, Floats, Ints, Rows
from tcpconntop.core.view.noise import quantile_ranks
from tcpconntop.core.window.stats import joined
from tcpconntop.core.wire import Events, Outcome

MAX_STEPS = 1200
"""Steps of a recording, at most: three hours in steps of ten seconds."""

ALPHA = 0.01
"""The probability that a p99 is outside of its interval."""

EXACT_S = 2
"""A time that is known to so many seconds is said without `about`."""

MAX_PENDING = 100_000
"""Records of a step that wait to be counted: 15 MB."""


@dataclass(frozen=True, eq=False)
class Overview:
    """All connects by steps of time; each array has shape (steps,).

    Attributes:
        first: its first second, on the clock of the records.
        step_s: seconds of a step.
        attempts: ended attempts in each step.
        failed: attempts among them that did not connect.
        p99_us: p99 of those that did; NaN where there is none.
        p99_low_us: the lower end of its interval (`noise.quantile_interval`): it is hardly below that.
        n_counted: how many steps were counted; those after them are not known yet.
        block_of: number of the block that the figures of each step are of, ascending. Steps of one block have
            the same figures; None: each step is a block.
    """

    first: int
    step_s: int
    attempts: Floats
    failed: Floats
    p99_us: Floats
    p99_low_us: Floats
    n_counted: int
    block_of: Rows | None = None

    def __len__(self) -> int:
        return len(self.attempts)

    @property
    def began_ns(self) -> int:
        """When the first step begins."""
        return self.first * SECOND_NS

    @property
    def step_ns(self) -> int:
        """How long a step is."""
        return self.step_s * SECOND_NS

    @property
    def complete(self) -> bool:
        """True if every step was counted."""
        return self.n_counted >= len(self)

    def end_ns(self, step: int) -> int:
        """Return when a step ends."""
        return (self.first + (step + 1) * self.step_s) * SECOND_NS

    def is_exact(self, step: int) -> bool:
        """Return True if a step and its block are so short that their ends say when things were."""
        of_block = 1 if self.block_of is None else np.count_nonzero(self.block_of == self.block_of[step])
        return bool(of_block * self.step_s <= EXACT_S)

    def cell_of(self, moment_ns: int, cells: int) -> int:
        """Return in which of `cells` equal parts the time just before a moment is."""
        length_ns = len(self) * self.step_s * SECOND_NS
        return min(max((moment_ns - 1 - self.began_ns) * cells // length_ns, 0), cells - 1)

    def end_of_cell_ns(self, cell: int, cells: int) -> int:
        """Return when one of `cells` equal parts ends."""
        return self.began_ns + (cell + 1) * len(self) * self.step_s * SECOND_NS // cells


@dataclass(frozen=True, eq=False)
class Resampled:
    """An overview in as many cells as there are on a line; each array has shape (cells,).

    Attributes:
        p99_us: the highest p99 of the steps in a cell; NaN where nothing connected.
        share: share of failures of a cell, or of the step with the highest; NaN where nothing ended.
        counted: False for cells that were not counted yet.
    """

    p99_us: Floats
    share: Floats
    counted: np.ndarray[tuple[int], np.dtype[np.bool_]]


def resampled(overview: Overview, cells: int) -> Resampled:
    """Return an overview in `cells` equal parts: a spike stays visible, however short it is."""
    n = len(overview)
    if cells > n:
        step_of = np.arange(cells) * n // cells
        starts = np.arange(cells)
    else:
        step_of = np.arange(n)
        starts = -(-(np.arange(cells) * n + 1) // cells) - 1  # a step belongs where its end is
    attempts, failed = overview.attempts[step_of], overview.failed[step_of]
    several = np.where(failed >= MIN_FAILURES, failed / np.maximum(attempts, 1), 0.0)
    ended = np.add.reduceat(attempts, starts)
    share = np.maximum(
        np.add.reduceat(failed, starts) / np.maximum(ended, 1), np.maximum.reduceat(several, starts)
    )
    share[ended == 0] = np.nan
    return Resampled(
        np.fmax.reduceat(overview.p99_us[step_of], starts),
        share,
        step_of[starts] < max(overview.n_counted, 0),
    )


def p99_with_low(buckets: Ints) -> tuple[float, float]:
    """Return the p99 of counts by latency bucket, and the lower end of its interval; NaN without counts."""
    n = int(buckets.sum())
    if not n:
        return math.nan, math.nan
    running = np.cumsum(buckets)
    low, _ = quantile_ranks(n, 0.99, ALPHA)
    ranks = (math.ceil(0.99 * n - 1e-9), max(low, 1))
    at, at_low = np.searchsorted(running, ranks).tolist()
    return float(MIDDLES_US[at]), float(EDGES_US[at_low]) if low else 0.0


class OverviewBuilder:
    """Counts the records of a recording from its beginning on.

    Args:
        began_ns, end_ns: first and last moment of the recording.
    """

    def __init__(self, began_ns: int, end_ns: int) -> None:
        self._first = began_ns // SECOND_NS
        seconds = max(end_ns // SECOND_NS - self._first, 0) + 1
        self._step_s = round_step(seconds, MAX_STEPS)
        n = -(-seconds // self._step_s)
        self._attempts, self._failed = np.zeros(n), np.zeros(n)
        self._p99_us, self._p99_low_us = np.full(n, np.nan), np.full(n, np.nan)
        self._step = 0  # the one that is counted
        self._complete = False
        self._pending: list[Events] = []
        self._n_pending = 0
        self._buckets = np.zeros(CELLS, np.int64)

    def add(self, events: Events, now_ns: int) -> None:
        """Add records that ended just before `now_ns`, in the order of time."""
        step = (now_ns // SECOND_NS - self._first) // self._step_s
        step = min(max(step, self._step), len(self._attempts) - 1)
        if step != self._step:
            self._finish_step()
            self._step = step
        if len(events):
            self._pending.append(events)
            self._n_pending += len(events)
            if self._n_pending > MAX_PENDING:
                self._count()

    def finish(self) -> None:
        """Note that no more records come."""
        self._finish_step()
        self._complete = True

    def overview(self) -> Overview:
        """Return what was counted so far."""
        known = len(self._attempts) if self._complete else self._step
        return Overview(
            self._first,
            self._step_s,
            self._attempts.copy(),
            self._failed.copy(),
            self._p99_us.copy(),
            self._p99_low_us.copy(),
            known,
        )

    def _count(self) -> None:
        """Count the pending records."""
        if not self._pending:
            return
        events = joined(self._pending)
        ok = events["outcome"] == Outcome.OK
        took_ns = events["end_ns"] - events["begin_ns"]
        self._attempts[self._step] += len(ok)
        self._failed[self._step] += len(ok) - np.count_nonzero(ok)
        self._buckets += np.bincount(bucket_of(took_ns[ok]), minlength=CELLS)
        self._pending.clear()
        self._n_pending = 0

    def _finish_step(self) -> None:
        self._count()
        self._p99_us[self._step], self._p99_low_us[self._step] = p99_with_low(self._buckets)
        self._buckets[:] = 0
