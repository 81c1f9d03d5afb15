"""What a pane shows: one row of a view, or all rows together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcpconntop.core.analysis.series import Series, TimeAxis, series
from tcpconntop.core.counts import N_BUCKETS, SparseCounts, quantiles_us
from tcpconntop.core.types import Ints
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.view.view import View
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome


@dataclass(frozen=True, eq=False)
class Selection:
    """One row of a view, or all of them together.

    Attributes:
        view: the view.
        row: index of the row, or None for all rows.
    """

    view: View
    row: int | None = None

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that the view is of."""
        return self.view.snapshot

    @cached_property
    def group_of(self) -> Ints:
        """For each key of the snapshot: 0 if it is selected, else -1."""
        rows = self.view.row_of
        selected = rows >= 0 if self.row is None else rows == self.row
        return np.where(selected, 0, -1)

    @cached_property
    def outcomes(self) -> tuple[int, ...]:
        """Ended attempts, indexed by `Outcome`."""
        outcomes = self.snapshot.window.stats["outcomes"][self.group_of == 0]
        return tuple(int(n) for n in outcomes.sum(axis=0))

    @property
    def attempts(self) -> int:
        """Ended attempts, of all outcomes."""
        return sum(self.outcomes)

    @cached_property
    def buckets(self) -> Ints:
        """Latency counts by bucket, shape (N_BUCKETS,)."""
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
        low = float(np.fmin.reduce(self.view.metrics["min"]))  # NaN where no extreme is known
        high = float(np.fmax.reduce(self.view.metrics["max"]))
        one_row = SparseCounts(filled, self.buckets[filled])
        values = quantiles_us(one_row, 1, list(QUANTILES.values()))[0]
        return tuple(float(np.fmin(np.fmax(value, low), high)) for value in values)

    @property
    def metrics(self) -> dict[str, float]:
        """The quantiles (µs) and the share of failures, by column key; NaN where there are no data."""
        failed = self.attempts - self.outcomes[Outcome.OK]
        share = failed / self.attempts if self.attempts else math.nan
        return dict(zip(QUANTILES, self.quantiles_us, strict=True)) | {"fail": share}

    @cached_property
    def errors(self) -> dict[int, int]:
        """Failures by errno (0 where the socket had none), the most frequent first."""
        errors = self.snapshot.window.errors
        inside = self.group_of[errors.rows()] >= 0
        counts = np.bincount(errors.cells()[inside], weights=errors.counts[inside])
        order = np.argsort(-counts, kind="stable")
        return {int(number): int(counts[number]) for number in order if counts[number]}

    def series(self, steps: int | TimeAxis, qs: Sequence[float] = tuple(QUANTILES.values())) -> Series:
        """Return the window divided into at most `steps` steps, or by an axis, as a series with one group."""
        return series(self.snapshot, self.group_of, 1, steps, qs)
