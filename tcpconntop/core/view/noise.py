"""How far a figure of a sample can be from the figure of what it is a sample of. Pure.

Connects are taken for independent samples: those of a burst are not, so a burst can look like a change.

- A quantile: its interval by order statistics, which needs no distribution. The number of n samples below the
  q-quantile is binomial (n, q), so ranks follow from binomial tails (H. A. David, H. N. Nagaraja: Order
  Statistics, 3rd edition, section 7.1). The edges of the histogram's buckets widen it.
- A share: C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case of
  the binomial, Biometrika 26 (1934).
- Two counts: one of their sum is binomial where both come at a rate (J. Przyborowski, H. Wilenski:
  Homogeneity of results in testing samples from Poisson series, Biometrika 31 (1940)).

Two figures differ if their intervals do not overlap: that is stricter than a test of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tcpconntop.core.counts import EDGES_US
from tcpconntop.core.types import Floats, Ints

FALSE_ALARMS = 0.01
"""The chance that a whole comparison calls something a change that is none."""

MIN_FACTOR = 1.1
"""What grew by less did not change."""

_DEVIATIONS = 14
"""Binomial probabilities further from the mean than this many standard deviations are below 1e-40."""


class Interval(NamedTuple):
    """Where a figure is with some confidence."""

    low: float
    high: float


ANYTHING = Interval(0.0, math.inf)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return the probability that at most `k` of `n` happen, each with probability `p`."""
    if k < 0 or n == 0 or p <= 0 or p >= 1:
        return float(k >= 0 and (n == 0 or p <= 0 or k >= n))
    first, cumulated = _cumulated(n, p)
    return 0.0 if k < first else float(cumulated[min(k - first, len(cumulated) - 1)])


def _cumulated(n: int, p: float) -> tuple[int, Floats]:
    """Return the first number of any weight, and the probabilities of at most that and each next number."""
    spread = _DEVIATIONS * math.sqrt(n * p * (1 - p)) + 40
    first, last = max(math.floor(n * p - spread), 0), min(math.ceil(n * p + spread), n)
    log_first = (
        math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(n - first + 1)
        + first * math.log(p) + (n - first) * math.log1p(-p)
    )  # fmt: skip
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((n - k) / (k + 1)) + math.log(p) - math.log1p(-p)
    logs = log_first + np.concatenate(([0.0], np.cumsum(steps)))
    return first, np.minimum(np.cumsum(np.exp(logs)), 1.0)


def quantile_ranks(n: int, q: float, alpha: float) -> tuple[int, int]:
    """Return the ranks (1 … n) between which the q-quantile is, but for `alpha`; 0 and n + 1 for no bound."""
    if n == 0:
        return 0, 1
    first, cumulated = _cumulated(n, q)
    low = first + int(np.searchsorted(cumulated, alpha / 2, side="right"))
    high = first + int(np.searchsorted(cumulated, 1 - alpha / 2, side="left")) + 1
    return min(low, n), min(high, n + 1)


def quantile_interval(buckets: Ints, counts: Ints, q: float, alpha: float, missing: int = 0) -> Interval:
    """Return the interval of a quantile in µs.

    Args:
        buckets: latency buckets, ascending, shape (n,).
        counts: connects in each, shape (n,).
        q: the quantile.
        alpha: the probability that the quantile is outside.
        missing: connects that are not counted; they may have been faster or slower than all others.
    """
    seen = int(counts.sum())
    low, high = quantile_ranks(seen + missing, q, alpha)
    running = np.cumsum(counts)

    def bucket(rank: int) -> int:
        return int(buckets[np.searchsorted(running, rank)])

    return Interval(
        float(EDGES_US[bucket(low - missing)]) if low > missing else 0.0,
        float(EDGES_US[bucket(high) + 1]) if high <= seen else math.inf,
    )


def share_interval(k: int, n: int, alpha: float, missing: int = 0) -> Interval:
    """Return the interval of a share of which `k` of `n` is a sample; `missing` more may be either."""
    total = n + missing
    low = 0.0 if not k else _root(lambda p: 1 - binomial_cdf(k - 1, total, p), alpha / 2)
    most = k + missing
    high = 1.0 if most >= total else _root(lambda p: -binomial_cdf(most, total, p), -alpha / 2)
    return Interval(low, high)


def rate_ratio_interval(k: int, base: int, span_ratio: float, alpha: float) -> Interval:
    """Return the interval of one rate divided by another, of which `k` and `base` connects are samples.

    Args:
        k: how many came at the first rate.
        base: how many came at the other one.
        span_ratio: time of the other one divided by that of the first.
        alpha: the probability that the ratio is outside.
    """
    if not k + base:
        return ANYTHING
    low, high = share_interval(k, k + base, alpha)
    return Interval(low / (1 - low) * span_ratio, high / (1 - high) * span_ratio if high < 1 else math.inf)


def _root(rising: Callable[[float], float], target: float) -> float:
    """Return where in 0 … 1 a function that rises there reaches a value, by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2


def more_often_by_chance(k: int, n: int, base_k: int, base_n: int) -> float:
    """Return the probability of `k` or more of `n` if the share is that of `base_k` of `base_n`.

    Fisher's exact test, one-sided (R. A. Fisher: Statistical Methods for Research Workers, section 21.02).
    """
    total, marked = n + base_n, k + base_k

    def log_choose(of: int, some: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)

    probability = 0.0
    for more in range(k, min(n, marked) + 1):
        term = math.exp(
            log_choose(marked, more) + log_choose(total - marked, n - more) - log_choose(total, n)
        )
        probability += term
        if term < probability * 1e-12 and more * total > n * marked:
            break
    return min(probability, 1.0)
