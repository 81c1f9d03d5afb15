"""What a pane looks at: the rows of a view, or one of them, with everything that is known of it."""

from __future__ import annotations

import errno as e
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.series import Series, series
from tcpconntop.core.counts.histogram import EDGES_US, N_BUCKETS, quantiles_us
from tcpconntop.core.counts.sparse import SparseCounts
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import UNREACHABLE_ERRNOS
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.view.view import View
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Selection:
    """One row of a view, or all of them together.

    Attributes:
        view: the view.
        row: the row, or None for all that the view shows.
    """

    view: View
    row: int | None = None

    @property
    def snapshot(self) -> Snapshot:
        """What is looked at."""
        return self.view.snapshot

    @cached_property
    def group_of(self) -> Ints:
        """Say which keys of the snapshot belong to it: 0, and -1 for those that do not."""
        rows = self.view.row_of
        inside = rows >= 0 if self.row is None else rows == self.row
        return np.where(inside, 0, -1)

    @cached_property
    def outcomes(self) -> tuple[int, ...]:
        """Ended attempts, indexed by `Outcome`."""
        outcomes = self.snapshot.window.stats["outcomes"][self.group_of == 0]
        return tuple(int(n) for n in outcomes.sum(axis=0))

    @property
    def attempts(self) -> int:
        """Ended attempts, whatever came of them."""
        return sum(self.outcomes)

    @cached_property
    def buckets(self) -> Ints:
        """Latency counts by bucket, shape (BUCKETS,)."""
        window = self.snapshot.window
        if self.row is None and not self.view.spec.where.terms and self.snapshot.window_s is not None:
            return sum((part.buckets[:N_BUCKETS] for part in window.slices), np.zeros(N_BUCKETS, np.int64))
        one_row = window.latency_pages.regroup(self.group_of).to_sparse()
        buckets = np.zeros(N_BUCKETS, np.int64)
        buckets[one_row.cells()] = one_row.counts
        return buckets

    @cached_property
    def quantiles_us(self) -> tuple[float, ...]:
        """The latency at each of `QUANTILES` in µs; NaN where nothing connected."""
        if self.row is not None:
            return tuple(self.view.metrics.value(name, self.row) for name in QUANTILES)
        filled = np.flatnonzero(self.buckets)
        if not len(filled):
            return (math.nan,) * len(QUANTILES)
        low, high = (
            float(f(self.view.metrics[name])) for f, name in ((np.nanmin, "min"), (np.nanmax, "max"))
        )
        one_row = SparseCounts(filled, self.buckets[filled])
        values = quantiles_us(one_row, 1, list(QUANTILES.values()))[0]
        return tuple(min(max(float(value), low), high) for value in values)

    @property
    def metrics(self) -> dict[str, float]:
        """Its quantiles (µs) and its share of failures, by column; NaN where there is nothing to tell."""
        failed = self.attempts - self.outcomes[Outcome.OK]
        share = failed / self.attempts if self.attempts else math.nan
        return dict(zip(QUANTILES, self.quantiles_us, strict=True)) | {"fail": share}

    @cached_property
    def errors(self) -> dict[int, int]:
        """Count failures by errno (0 where the socket had none), the most frequent first."""
        errors = self.snapshot.window.errors
        inside = self.group_of[errors.rows()] >= 0
        counts = np.bincount(errors.cells()[inside], weights=errors.counts[inside])
        order = np.argsort(-counts, kind="stable")
        return {int(number): int(counts[number]) for number in order if counts[number]}

    def series(self, steps: int, qs: Sequence[float] = tuple(QUANTILES.values())) -> Series:
        """Cut the window into at most `steps` steps; the answer has one group."""
        return series(self.snapshot, self.group_of, 1, steps, qs)


def rebin(buckets: Ints, low_us: float, high_us: float, bins: int) -> Floats:
    """Spread bucket counts over `bins` bins of equal width on a log axis from `low_us` to `high_us`.

    A bucket that two bins share is divided in proportion, so that no comb appears where the widths of
    buckets and bins are no multiples of each other. What lies outside is counted in the first or last bin.

    Returns:
        Counts, shape (bins,); their sum is the sum of `buckets`.
    """
    running = np.concatenate(([0], np.cumsum(buckets)))
    edges = np.log(np.maximum(EDGES_US, EDGES_US[1] / 2))
    wanted = np.linspace(math.log(low_us), math.log(high_us), bins + 1)
    cumulated = np.interp(wanted, edges, running)
    cumulated[0], cumulated[-1] = 0, running[-1]
    return np.diff(cumulated)


def decade_range(low_us: float, high_us: float, fewest: int = 2) -> tuple[float, float]:
    """Widen a range to whole powers of ten, at least `fewest` of them: an axis that seldom changes."""
    first = math.floor(math.log10(max(low_us, 1.0)))
    last = max(math.ceil(math.log10(max(high_us, 1.0))), first + 1)
    while last - first < fewest:
        first, last = (first - 1, last) if first > 0 else (first, last + 1)
    return 10.0**first, 10.0**last


def round_duration(us: float) -> str:
    """Spell a round figure of an axis: `10µs`, where a measured one would read `10.0µs`."""
    return duration(us).replace(".0", "")


def outcome_of_errno(errno: int) -> Outcome:
    """Give the outcome that a failure's errno belongs to; 0 is a socket without an error."""
    if errno in UNREACHABLE_ERRNOS:
        return Outcome.UNREACHABLE
    plain = {0: Outcome.CANCELLED, e.ECONNREFUSED: Outcome.REFUSED, e.ETIMEDOUT: Outcome.TIMEOUT}
    return plain.get(errno, Outcome.ERROR)


def attempt_rates_hz(snapshot: Snapshot, bins: int, span_s: int = 60) -> list[float]:
    """Give ended attempts a second over the last `span_s` seconds in `bins` bins, oldest first.

    Bins are cut on the clock, so that a bar does not change as it ages, and the running one is left out:
    it would look like a drop. NaN where the window does not reach.
    """
    step_s = max(1, span_s // bins)
    first = snapshot.second // step_s - bins
    counts = np.zeros(bins)
    for part in snapshot.window.slices:
        begin, end = part.second, part.second + part.seconds  # longer than a step where it is old
        for step in range(max(begin // step_s, first), min((end - 1) // step_s + 1, first + bins)):
            inside_s = min(end, (step + 1) * step_s) - max(begin, step * step_s)
            counts[step - first] += part.ended * inside_s / part.seconds
    begin = snapshot.second - math.ceil(snapshot.span_s)
    known = (np.arange(bins) + first + 1) * step_s > begin
    return [float(n) / step_s if seen else math.nan for n, seen in zip(counts, known, strict=True)]
