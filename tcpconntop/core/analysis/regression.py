"""Find rows that got worse: each is compared with its own past within the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.series import Series
from tcpconntop.core.thresholds import BAD_SHARE, FELT_US, MIN_FAILURES, MIN_SAMPLES
from tcpconntop.core.types import Floats, Mask

SLOWDOWN = 3.0
"""A row is slower when its p99 is this many times as high in each of the last steps."""

MIN_DEVIATIONS = 3.0
"""There must be this many standard deviations more failures than the usual share predicts."""

RECENT_STEPS, PAST_STEPS = 3, 3
"""How many of the last steps are compared with those before, and how many of those must have connects."""


@dataclass(frozen=True, eq=False)
class Regression:
    """Which rows got slower, and which fail more: masks of shape (rows,)."""

    slower: Mask
    failing: Mask


def find_regressions(steps: Series) -> Regression:
    """Compare the last steps of each row with those before.

    A row is slower if its p99 rose `SLOWDOWN` times. It fails more if its share of failures rose by
    `BAD_SHARE`, doubled, and rose beyond chance.

    Args:
        steps: attempts, failures and, as its first quantile, the p99 of each step.
    """
    attempts, failed, p99 = steps.attempts, steps.failed, steps.quantiles_us[:, :, 0]
    rows, n_steps = attempts.shape
    if n_steps < RECENT_STEPS + PAST_STEPS:
        return Regression(np.zeros(rows, np.bool_), np.zeros(rows, np.bool_))
    now, before = slice(n_steps - RECENT_STEPS, n_steps), slice(0, n_steps - RECENT_STEPS)
    ok = attempts - failed
    # The best recent step against the worse ones before: what comes and goes is not reported.
    recent, past = _nth(p99[:, now], 0.0), _nth(p99[:, before], 0.75)
    known = (~np.isnan(p99[:, before])).sum(axis=1) >= PAST_STEPS
    enough = (ok[:, now].sum(axis=1) >= MIN_SAMPLES) & (ok[:, before].sum(axis=1) >= MIN_SAMPLES) & known
    slower = enough & (recent >= FELT_US) & (recent >= SLOWDOWN * past)

    ended, lost = attempts[:, now].sum(axis=1), failed[:, now].sum(axis=1)
    ended_before, lost_before = attempts[:, before].sum(axis=1), failed[:, before].sum(axis=1)
    share, usual = lost / np.maximum(ended, 1), lost_before / np.maximum(ended_before, 1)
    failing = (ended >= MIN_SAMPLES) & (ended_before >= MIN_SAMPLES) & (lost >= MIN_FAILURES)
    failing &= (share >= usual + BAD_SHARE) & (share >= 2 * usual)
    expected = usual * ended
    failing &= lost >= expected + MIN_DEVIATIONS * np.sqrt(expected)
    return Regression(slower, failing)


def _nth(values: Floats, q: float) -> Floats:
    """Return the (lower) q-quantile of each row without its NaN; NaN for a row of NaN alone."""
    n = (~np.isnan(values)).sum(axis=1)
    index = (q * np.maximum(n - 1, 0)).astype(np.int64)
    quantiles: Floats = np.sort(values, axis=1)[np.arange(len(values)), index]
    return quantiles
