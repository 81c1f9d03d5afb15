"""What changed in each row since the baseline, as far as it is more than chance. Pure.

Three tests, none of which assumes a distribution:
- rate: of the connects of both, how many came in one is binomial (`noise.rate_ratio_interval`);
- share of failures: Fisher's exact test;
- p50, p90 and p99: how many of each are slower than that quantile of both together, by Fisher's exact test
  (A. M. Mood: Introduction to the Theory of Statistics, 1950, section 16.4). So p99 needs some hundred
  connects: of fewer, p50 and p90 may tell.

All tests of one picture together call chance a change in at most one of a hundred (`FALSE_ALARMS`, divided by
their number after Bonferroni), if connects are independent. A rate that changed by less than a tenth did not
change, nor a latency by less than `MIN_LATENCY_FACTORS`: most rows of thousands need no test then.
Connects that are missing, or in the row `other`, may have been anything. Where both windows share connects,
as just after a mark, less is called a change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tcpconntop.core.counts import PagedCounts, SparseCounts
from tcpconntop.core.types import Floats, Ints, Mask, Rows
from tcpconntop.core.view.baseline import VERDICTS, WORSE_FROM
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.view.noise import FALSE_ALARMS, MIN_FACTOR
from tcpconntop.core.view.noise_of_rows import (
    log_at_least_by_chance,
    log_choose,
    log_more_often_by_chance,
)
from tcpconntop.core.window import stats as st

MIN_LATENCY_FACTORS = {"p50": 1.25, "p90": 1.5, "p99": 1.5}
"""What is not this much slower or faster did not change: the tail varies more."""

_TESTS_OF_A_ROW = 2 * (2 + len(QUANTILES))
"""Up and down of the rate, the share of failures and the quantiles."""


@dataclass(frozen=True, eq=False)
class Side:
    """The rows of one window.

    Attributes:
        stats: figures of each row (dtype `STATS`), shape (n,).
        metrics: metrics of the rows by name.
        pages: latency buckets by key.
        row_of: row of each key, or -1, shape (keys,).
        span_s: seconds that it covers.
        missing: connects that may have been of any row.
    """

    stats: st.Stats
    metrics: Mapping[str, Floats]
    pages: PagedCounts
    row_of: Rows
    span_s: float
    missing: int

    def latency(self, rows: Rows) -> SparseCounts:
        """Return the latency buckets of some rows, numbered in their order."""
        index = np.full(len(self.stats) + 1, -1)
        index[rows] = np.arange(len(rows))
        new_row = index[self.row_of]
        return self.pages.select_rows(np.flatnonzero(new_row >= 0)).regroup(new_row).to_sparse()


class Changes:
    """The changes of n rows.

    Args:
        now: the rows of the window, n of them.
        before: the rows of the baseline.
        row_of: baseline row of each row, or -1, shape (n,).
        judged: which rows are judged: not `other`, shape (n,).
    """

    def __init__(self, now: Side, before: Side, row_of: Rows, judged: Mask) -> None:
        self._now, self._before, self._row_of, self._judged = now, before, row_of, judged
        self._n = st.attempt_counts(now.stats).astype(np.int64)
        self._base_n = _counts_at(st.attempt_counts(before.stats), row_of)
        self._ok = now.stats["outcomes"][:, 0].astype(np.int64)
        self._base_ok = _counts_at(before.stats["outcomes"][:, 0], row_of)
        rows = max(int(np.count_nonzero(judged)), 1)
        self._log_alpha = math.log(FALSE_ALARMS / (_TESTS_OF_A_ROW * rows))

    def column(self, name: str) -> Floats:
        """Return a change (`baseline.CHANGES`) of every row, shape (n,)."""
        if name == "change":
            return self._verdicts()
        if name == "dcount":
            return self._dcount()
        return self._dfail() if name == "dfail" else self._dquantile(name.removeprefix("d"))

    @cached_property
    def is_new(self) -> Mask:
        """The rows that began since the baseline."""
        mask: Mask = (self._base_n == 0) & (self._rate_sign > 0)
        return mask

    @cached_property
    def is_gone(self) -> Mask:
        """The rows that ended since the baseline."""
        mask: Mask = (self._n == 0) & (self._rate_sign < 0)
        return mask

    def _dcount(self) -> Floats:
        factor = np.where(self._rate_sign != 0, self._rate_factor, 1.0)
        return np.where(self._judged, factor, np.nan)

    def _dfail(self) -> Floats:
        change = np.where(self._fail_sign != 0, self._fail_difference, 0.0)
        change[(self._n == 0) | (self._base_n == 0) | ~self._judged] = np.nan
        change[self.is_new] = np.inf
        return change

    def _dquantile(self, name: str) -> Floats:
        factor, sign = self._quantile_factor(name), self._quantile_signs[name]
        change = np.where(sign != 0, factor, 1.0)
        change[(self._ok == 0) | (self._base_ok == 0) | ~self._judged] = np.nan
        # The first that succeed: of a new row, or where all failed.
        first = self.is_new | ((self._base_ok == 0) & (self._fail_sign < 0))
        change[first & (self._ok > 0)] = np.inf
        return change

    def _verdicts(self) -> Floats:
        """Return how bad the change is: see `baseline.change_text`."""
        signs, failing = self._quantile_signs, self._fail_sign > 0
        factor = np.ones(len(self._n))
        for name, sign in signs.items():
            factor = np.where(sign > 0, np.fmax(factor, self._quantile_factor(name)), factor)
        slower = factor > 1
        better = (self._fail_sign < 0) | np.logical_or.reduce([sign < 0 for sign in signs.values()])
        busy = np.maximum(self._n, self._base_n) / (1.0 + np.maximum(self._n, self._base_n))
        verdict = np.zeros(len(self._n))
        kinds = {"better": better, "less": self._rate_sign < 0, "more": self._rate_sign > 0,
                 "gone": self.is_gone, "new": self.is_new}  # fmt: skip
        for kind, rows in kinds.items():
            verdict[rows] = VERDICTS.index(kind)
        verdict[slower] = WORSE_FROM + np.minimum(factor[slower], 980.0)
        verdict[failing] = 1_000.0 * (1.0 + self._fail_difference[failing])
        verdict += np.where(slower | failing, 0.0, busy / 2)  # of equal ones, the busiest first
        return np.where(self._judged, verdict, np.nan)

    # The tests. A sign is 1 for up, -1 for down, and 0 for what chance explains.

    @cached_property
    def _rate_factor(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self._n / max(self._now.span_s, 1e-9)) / (self._base_n / max(self._before.span_s, 1e-9))

    @cached_property
    def _rate_sign(self) -> Ints:
        n, base_n = self._n, self._base_n
        share = self._now.span_s / max(self._now.span_s + self._before.span_s, 1e-9)
        share = min(max(share, 1e-9), 1 - 1e-9)
        factor, alpha = self._rate_factor, self._log_alpha
        up = log_at_least_by_chance(n, n + base_n + self._before.missing, share) <= alpha
        down = log_at_least_by_chance(base_n, n + base_n + self._now.missing, 1 - share) <= alpha
        return self._sign(up & (factor >= MIN_FACTOR), down & (factor <= 1 / MIN_FACTOR))

    @cached_property
    def _fail_difference(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self._n - self._ok) / self._n - (self._base_n - self._base_ok) / self._base_n

    @cached_property
    def _fail_sign(self) -> Ints:
        failed, base_failed = self._n - self._ok, self._base_n - self._base_ok
        rows = np.flatnonzero((failed + base_failed > 0) & (self._n > 0) & (self._base_n > 0))
        sides = failed[rows], self._n[rows], base_failed[rows], self._base_n[rows]
        up, down = self._of_all(rows, self._is_more(*sides)), self._of_all(rows, self._is_less(*sides))
        return self._sign(up, down)

    def _quantile_factor(self, name: str) -> Floats:
        before = np.append(self._before.metrics[name], np.nan)[self._row_of]
        with np.errstate(divide="ignore", invalid="ignore"):
            factor: Floats = self._now.metrics[name] / before
        return factor

    @cached_property
    def _quantile_signs(self) -> dict[str, Ints]:
        candidates = {name: self._candidates(name) for name in QUANTILES}
        rows = np.flatnonzero(np.logical_or.reduce(list(candidates.values())))
        if not len(rows):
            return {name: np.zeros(len(self._n), np.int64) for name in candidates}
        now, before = self._now.latency(rows), self._before.latency(self._row_of[rows])
        pooled = SparseCounts.total([now, before])
        first = pooled.counts_before_rows(len(rows))
        n, base_n = self._ok[rows], self._base_ok[rows]
        slower = np.stack([_slower(n + base_n, q) for q in QUANTILES.values()], axis=1)
        cells = pooled.cells_of_ranks(first[1:, np.newaxis] - slower)
        above, on = now.counts_above(cells)
        base_above, base_on = before.counts_above(cells)
        # Of connects in the bucket of the quantile itself, each side has its share of the slower ones.
        share = (slower - above - base_above) / np.maximum(on + base_on - above - base_above, 1)
        k = above + np.floor(share * (on - above) + 1e-9).astype(np.int64)
        base_k = base_above + np.floor(share * (base_on - base_above) + 1e-9).astype(np.int64)
        signs = {}
        for at, (name, candidate) in enumerate(candidates.items()):
            of_name = candidate[rows]
            some, n, base_n = rows[of_name], self._ok[rows[of_name]], self._base_ok[rows[of_name]]
            more, less = k[of_name, at], base_k[of_name, at]
            up = self._of_all(some, self._is_more(more, n, slower[of_name, at] - more, base_n))
            down = self._of_all(some, self._is_less(slower[of_name, at] - less, n, less, base_n))
            factor = self._quantile_factor(name)
            signs[name] = self._sign(up & (factor > 1), down & (factor < 1))
        return signs

    def _candidates(self, name: str) -> Mask:
        """Return the rows whose quantile changed, and whose connects are enough to tell."""
        factor = self._quantile_factor(name)
        n, base_n = self._ok, self._base_ok
        least = MIN_LATENCY_FACTORS[name]
        moved = (factor >= least) | (factor <= 1 / least)
        rows = np.flatnonzero(moved & (n > 0) & (base_n > 0) & self._judged)
        n, base_n = n[rows], base_n[rows]
        of_all, mask = n + base_n, np.zeros(len(self._n), bool)
        slower = _slower(of_all, QUANTILES[name])
        for side in (n, base_n):  # even if all of the slower part came from one side, is that unlikely?
            k = np.minimum(slower, side)
            mask[rows] |= log_choose(side, k) - log_choose(of_all, k) <= self._log_alpha
        return mask

    def _is_more(self, k: Ints, n: Ints, base_k: Ints, base_n: Ints) -> Mask:
        """True where `k` of `n` is more often than `base_k` of `base_n`."""
        missing = self._before.missing
        chance = log_more_often_by_chance(k, n + self._now.missing, base_k + missing, base_n + missing)
        mask: Mask = chance <= self._log_alpha
        return mask

    def _is_less(self, k: Ints, n: Ints, base_k: Ints, base_n: Ints) -> Mask:
        """True where `k` of `n` is less often than `base_k` of `base_n`."""
        missing = self._now.missing
        chance = log_more_often_by_chance(base_k, base_n + self._before.missing, k + missing, n + missing)
        mask: Mask = chance <= self._log_alpha
        return mask

    def _of_all(self, rows: Rows, mask: Mask) -> Mask:
        """Return what is true of some rows as a mask of all."""
        of_all = np.zeros(len(self._n), bool)
        of_all[rows] = mask
        return of_all

    def _sign(self, up: Mask, down: Mask) -> Ints:
        sign: Ints = (up.astype(np.int64) - down) * self._judged
        return sign


def _slower(n: Ints, q: float) -> Ints:
    """Return how many of n are above their q-quantile."""
    slower: Ints = n - np.clip(np.ceil(q * n - 1e-9), np.minimum(n, 1), n).astype(np.int64)
    return slower


def _counts_at(counts: Rows, row_of: Rows) -> Ints:
    """Return the count of the baseline row of each row; 0 where there is none."""
    aligned: Ints = np.append(counts.astype(np.int64), 0)[row_of]
    return aligned
