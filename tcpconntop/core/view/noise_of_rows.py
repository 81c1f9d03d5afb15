"""The tests of `noise.py` for many rows at once, as bounds: what they call more than chance is. Pure.

A tail is bounded by a geometric series from its first term, because from the mean on each term of these
distributions is a smaller part of the one before. Ten thousand rows take 2 ms, where summing up each tail
takes a second.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tcpconntop.core.types import Floats, Rows

_TABLE_SIZE = 1 << 16


@cache
def _table() -> Floats:
    """Return the logarithms of 0! … (2^16 - 1)!: looking them up takes a tenth of the time of the series."""
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, _TABLE_SIZE)))))


def log_factorial(n: Rows) -> Floats:
    """Return the logarithm of n! for each n, same shape."""
    logs: Floats = _table()[np.minimum(n, _TABLE_SIZE - 1)]
    large = np.flatnonzero(n >= _TABLE_SIZE)
    if len(large):  # Stirling's series
        x = n[large].astype(np.float64)
        logs[large] = x * np.log(x) - x + 0.5 * np.log(2 * np.pi * x) + 1 / (12 * x)
    return logs


def log_choose(n: Rows, k: Rows) -> Floats:
    """Return the logarithm of the number of ways to choose k of n, same shape."""
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k)


def log_more_often_by_chance(k: Rows, n: Rows, base_k: Rows, base_n: Rows) -> Floats:
    """Return the logarithm of no less than what `noise.more_often_by_chance` returns, shape (rows,)."""
    total, marked = n + base_n, k + base_k
    log_first = log_choose(marked, k) + log_choose(total - marked, n - k) - log_choose(total, n)
    ratio = (marked - k) * (n - k) / ((k + 1.0) * (total - marked - n + k + 1))
    return _log_tail(log_first, ratio)


def log_at_least_by_chance(k: Rows, n: Rows, p: float) -> Floats:
    """Return the logarithm of no less than the chance that `k` or more of `n` happen, shape (rows,)."""
    log_first = log_choose(n, k) + k * np.log(p) + (n - k) * np.log1p(-p)
    return _log_tail(log_first, (n - k) / (k + 1.0) * (p / (1 - p)))


def _log_tail(log_first: Floats, ratio: Floats) -> Floats:
    """Bound a tail by its first term and the ratio of the second to it; no bound before the mean."""
    falls = ratio < 1
    return np.where(falls, np.minimum(log_first - np.log1p(-np.where(falls, ratio, 0.0)), 0.0), 0.0)
