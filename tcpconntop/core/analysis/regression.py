"""Which rows do worse than they used to: each is compared with its own past, within the window. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.series import Series
from tcpconntop.core.types import Floats, Mask

SLOWDOWN = 3.0
"""By which factor a row's p99 must have risen, in each of the last steps."""

FELT_US = 1_000.0
"""Below this a p99 is never called slow: three times 20 µs is noise."""

MIN_FAILURE_RISE = 0.05
"""How much its share of failures must have risen; it must have doubled as well."""

MIN_DEVIATIONS = 3.0
"""How many standard deviations more failures there must be than its usual share would bring."""

RECENT_STEPS, PAST_STEPS = 3, 3
"""How many of the last steps are compared with those before, and how many of those must have connects."""

MIN_ATTEMPTS, MIN_FAILURES = 10, 3
"""Fewer attempts, now or before, say nothing; nor do fewer failures."""


@dataclass(frozen=True, eq=False)
class Regression:
    """What got worse of some rows; masks of shape (rows,)."""

    slower: Mask
    failing: Mask


def find_regressions(found: Series) -> Regression:
    """Compare the last steps of each row with those before.

    Args:
        found: attempts, failures and, as its first quantile, the p99 of each step.
    """
    attempts, failed, p99 = found.attempts, found.failed, found.quantiles_us[:, :, 0]
    rows, steps = attempts.shape
    if steps < RECENT_STEPS + PAST_STEPS:
        return Regression(np.zeros(rows, np.bool_), np.zeros(rows, np.bool_))
    now, before = slice(steps - RECENT_STEPS, steps), slice(0, steps - RECENT_STEPS)
    ok = attempts - failed
    # The best of the last steps against the worse ones of the past: what comes and goes is no news.
    recent, past = _nth(p99[:, now], 0.0), _nth(p99[:, before], 0.75)
    known = (~np.isnan(p99[:, before])).sum(axis=1) >= PAST_STEPS
    enough = (ok[:, now].sum(axis=1) >= MIN_ATTEMPTS) & (ok[:, before].sum(axis=1) >= MIN_ATTEMPTS) & known
    slower = enough & (recent >= FELT_US) & (recent >= SLOWDOWN * past)

    ended, lost = attempts[:, now].sum(axis=1), failed[:, now].sum(axis=1)
    ended_before, lost_before = attempts[:, before].sum(axis=1), failed[:, before].sum(axis=1)
    share, usual = lost / np.maximum(ended, 1), lost_before / np.maximum(ended_before, 1)
    failing = (ended >= MIN_ATTEMPTS) & (ended_before >= MIN_ATTEMPTS) & (lost >= MIN_FAILURES)
    failing &= (share >= usual + MIN_FAILURE_RISE) & (share >= 2 * usual)
    expected = usual * ended
    failing &= lost >= expected + MIN_DEVIATIONS * np.sqrt(expected)
    return Regression(slower, failing)


def _nth(values: Floats, q: float) -> Floats:
    """Give the (lower) q-quantile of each row, leaving out NaN; NaN where there is nothing else."""
    n = (~np.isnan(values)).sum(axis=1)
    at = (q * np.maximum(n - 1, 0)).astype(np.int64)
    found: Floats = np.sort(values, axis=1)[np.arange(len(values)), at]
    return found
