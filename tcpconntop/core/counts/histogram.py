"""Log-linear latency buckets and the quantiles read from them.

Each octave between 2**10 ns (1.024 µs) and 2**37 ns (137 s) is divided into 64 buckets of equal width. One
more bucket holds everything below, one everything above. A latency of x ns in the octave [2**k, 2**(k+1)) is
in a bucket of width 2**k / 64, and differs from the middle of the bucket by at most half of that:

    |middle - x| / x  <=  (2**k / 128) / 2**k  =  1 / 128  <  0.79 %

This bounds the error of every quantile between 1.024 µs and 137 s. Below, the error is at most 0.512 µs;
above, the exact maximum bounds it. Count, minimum, maximum and sum are kept beside the buckets and are exact.

The bucket is read from the latency's IEEE 754 double: exponent and first six bits of the mantissa, taken as
one integer, count up from bucket to bucket. What it buys: 2.6 ns a latency, where `np.searchsorted` in the
bucket edges takes 56 ns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts.pages import PagedCounts
from tcpconntop.core.counts.sparse import SparseCounts
from tcpconntop.core.types import Floats, Ints

SUBBUCKET_BITS = 6
FIRST_OCTAVE, LAST_OCTAVE = 10, 37
N_BUCKETS = ((LAST_OCTAVE - FIRST_OCTAVE) << SUBBUCKET_BITS) + 2
MAX_RELATIVE_ERROR = 1 / (2 << SUBBUCKET_BITS)

_MANTISSA_BITS, _EXPONENT_BIAS = 52, 1023
_SHIFT = np.int64(_MANTISSA_BITS - SUBBUCKET_BITS)
_FIRST = np.int64((_EXPONENT_BIAS + FIRST_OCTAVE) << SUBBUCKET_BITS)


def bucket_of(latency_ns: npt.NDArray[np.unsignedinteger]) -> Ints:
    """Return the bucket (0 … N_BUCKETS - 1) of each latency, same shape."""
    bits = latency_ns.astype(np.float64).view(np.int64)
    buckets: Ints = np.clip((bits >> _SHIFT) - _FIRST + 1, 0, N_BUCKETS - 1)
    return buckets


def first_bucket_from(latency_us: float) -> int:
    """Return the first bucket that has no latency below one."""
    return int(np.searchsorted(EDGES_US, latency_us))


def _edges_ns() -> Floats:
    octaves = 2.0 ** np.arange(FIRST_OCTAVE, LAST_OCTAVE)
    steps = 1 + np.arange(1 << SUBBUCKET_BITS) / (1 << SUBBUCKET_BITS)
    return np.concatenate(([0.0], np.outer(octaves, steps).ravel(), [2.0**LAST_OCTAVE] * 2))


EDGES_US: Floats = _edges_ns() / 1000
"""Lower edge of each bucket and, last, the upper edge of the last one, in µs; shape (N_BUCKETS + 1,)."""

MIDDLES_US: Floats = (EDGES_US[:-1] + EDGES_US[1:]) / 2
"""The value reported for a quantile that is in each bucket, in µs; shape (N_BUCKETS,)."""

EDGES_US.flags.writeable = MIDDLES_US.flags.writeable = False


def quantiles_us(latency: SparseCounts | PagedCounts, n_rows: int, qs: Sequence[float]) -> Floats:
    """Return quantiles of many rows at once.

    The q-quantile of n values is the smallest value that at least ceil(q * n) of them do not exceed
    (numpy's `inverted_cdf`); the middle of its bucket is returned.

    Args:
        latency: bucket counts of rows 0 … n_rows - 1.
        n_rows: the number of rows.
        qs: quantiles, 0 < q <= 1.

    Returns:
        µs, shape (n_rows, len(qs)); NaN for a row without counts.
    """
    quantiles = np.full((n_rows, len(qs)), np.nan)
    before = latency.counts_before_rows(n_rows)
    n = before[1:] - before[:-1]
    filled = np.flatnonzero(n)
    n = n[filled, np.newaxis]
    ranks = np.clip(np.ceil(np.asarray(qs) * n - 1e-9), 1, n).astype(np.int64)
    quantiles[filled] = MIDDLES_US[latency.cells_of_ranks(before[filled, np.newaxis] + ranks)]
    return quantiles
