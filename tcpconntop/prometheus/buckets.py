"""Puts the counts of a server's buckets into the latency buckets of the window. Pure.

A bucket says how many connects took how long at least and at most, and no more. The window's buckets are
finer, so the connects of one bucket are spread evenly over up to eight of them, as PromQL's
`histogram_quantile` interpolates: every percentile lies within the bucket that it is in. Which of the eight
is next depends on the counter alone, so the steps of a window add up to an even spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tcpconntop.core.counts import CELL_BITS, EDGES_US, SparseCounts, bucket_of
from tcpconntop.core.types import SECOND_NS, Ints
from tcpconntop.prometheus.answers import Bucket

PLACES = 8
"""Into how many of the window's buckets a bucket is spread at most."""

_ORDER = np.array([0, 4, 2, 6, 1, 5, 3, 7])
"""The places in the order in which they are filled: each one halves what is left (van der Corput)."""

_MAX_S = float(EDGES_US[-1]) / 1e6


def cells_of(bucket: Bucket) -> Ints:
    """Return the window's buckets of the places in a bucket, in the order of filling, shape (PLACES,).

    Fewer than `PLACES` different ones where the bucket is narrow.
    """
    low, high = max(bucket[0], 0.0), bucket[1]
    if math.isinf(high):
        places = np.full(PLACES, min(low, _MAX_S) * (1 + 1e-9))  # all that is known is that they took longer
    else:
        places = low + (min(high, 2 * _MAX_S) - low) * (_ORDER + 0.5) / PLACES
    return bucket_of(np.maximum(places * SECOND_NS, 0).astype(np.uint64))


class Spread:
    """Spreads the counts of some buckets.

    Args:
        buckets: the buckets, b in all.
    """

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self._cells = np.array([cells_of(bucket) for bucket in buckets], np.int64).reshape(-1, PLACES)

    def spread(self, before: Ints, added: Ints) -> SparseCounts:
        """Return the counts by row and bucket of the window.

        Args:
            before: connects that were counted earlier, by row and bucket, shape (n, b).
            added: those that are counted now, same shape.
        """
        rows, columns = np.nonzero(added)
        begin = before[rows, columns][:, np.newaxis] - 1 - np.arange(PLACES)
        counts = (begin + added[rows, columns][:, np.newaxis]) // PLACES - begin // PLACES
        codes = (rows.astype(np.int64)[:, np.newaxis] << CELL_BITS) | self._cells[columns]
        filled = counts > 0
        return SparseCounts.from_codes([(codes[filled], counts[filled])])
