"""The buckets of the latency histograms: classic ones with fixed bounds, and native ones.

A native histogram of schema n divides each power of two of seconds into 2**n buckets; bucket i holds
latencies in (2**((i - 1) / 2**n), 2**(i / 2**n)]. The schema is 5, so that a bucket ends 2.2 % above its
begin: a quantile that is read from it is wrong by at most 2.2 %, and by 1.1 % where the middle is taken.
Source: the specification of native histograms at prometheus.io. The records are counted into these buckets
directly: our own buckets (`core.counts`) have linear steps, which do not map onto a schema without error.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import SECOND_NS, Ints

CLASSIC_BOUNDS_S: tuple[float, ...] = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.9),
    *(1.0, 1.01, 1.025, 1.05, 1.1, 1.25, 1.5, 2.0, 2.5),
    *(3.0, 3.01, 3.025, 3.05, 3.1, 3.25, 4.0, 5.0),
    *(7.0, 7.01, 7.025, 7.05, 7.1, 7.25, 10.0, 15.0, 31.0, 63.0, 127.0),
)
"""Upper bounds of the classic buckets, in seconds; a bucket includes its bound.

A connect whose first SYN was lost takes 1 s and the round trip, with two lost 3 s, with three 7 s: the
buckets are narrow there, so that the round trip can still be read.
"""

NATIVE_SCHEMA = 5
FIRST_NATIVE, LAST_NATIVE = -20 << NATIVE_SCHEMA, 8 << NATIVE_SCHEMA
"""The native buckets that are counted, from 0.95 µs to 256 s; what is beyond them is in the last one."""

N_CLASSIC = len(CLASSIC_BOUNDS_S) + 1
"""The classic buckets and the one without an upper bound."""

N_NATIVE = LAST_NATIVE - FIRST_NATIVE + 1

_BOUNDS_NS: Ints = np.round(np.array(CLASSIC_BOUNDS_S) * SECOND_NS).astype(np.int64)


def classic_bucket_of(latency_ns: Ints) -> Ints:
    """Return the classic bucket (0 … N_CLASSIC - 1) of each latency, same shape."""
    buckets: Ints = np.searchsorted(_BOUNDS_NS, latency_ns, side="left").astype(np.int64)
    return buckets


def native_bucket_of(latency_ns: Ints) -> Ints:
    """Return the native bucket of each latency, counted from FIRST_NATIVE (0 … N_NATIVE - 1), same shape."""
    seconds: npt.NDArray[np.float64] = np.maximum(latency_ns, 1) / SECOND_NS
    index = np.ceil(np.log2(seconds) * (1 << NATIVE_SCHEMA)).astype(np.int64)
    buckets: Ints = np.clip(index, FIRST_NATIVE, LAST_NATIVE) - FIRST_NATIVE
    return buckets
