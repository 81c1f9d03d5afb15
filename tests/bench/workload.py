"""Records for the benchmarks: seeded, sorted by end time, spread evenly over the keys."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.core.wire import EVENT, Events, Outcome

STRIDE = 7_368_787
"""A prime: multiples of it are spread over the addresses, and come back only after all of them."""

BATCH, BATCH_NS = 5_000, SECOND_NS // 20  # 100,000 records per second, read every 50 ms


def records(n: int, n_keys: int, seed: int = 1, failing: float = 0.01) -> Events:
    """Return `n` random records; the end times are 1 ns apart.

    They go to `n_keys` destinations, or to `n` where that is less: to each equally often, in random order.
    """
    random = np.random.default_rng(seed)
    key = random.permutation(np.arange(n) * STRIDE % n_keys)
    events = np.zeros(n, EVENT)
    address = np.zeros((n, 16), np.uint8)
    address[:, 0] = 10
    for octet, shift in ((1, 16), (2, 8), (3, 0)):
        address[:, octet] = key >> shift & 255
    events["daddr"] = address.view("V16").ravel()
    events["family"], events["dport"] = 4, 443
    events["tgid"] = 1000 + key % 50
    events["comm"] = np.array([f"worker{i}".encode() for i in range(50)], "S16")[key % 50]
    events["cgroup_id"] = 4000 + key % 20
    failed = random.random(n) < failing
    events["outcome"] = np.where(failed, int(Outcome.REFUSED), int(Outcome.OK))
    events["error"] = np.where(failed, 111, 0)
    events["end_ns"] = 200 * SECOND_NS + np.arange(n)
    events["begin_ns"] = events["end_ns"] - random.lognormal(np.log(3e5), 0.5, n).astype(np.uint64)
    return events


def batches(
    n_keys: int, seconds: float, start_s: int = 200, per_s: int = 20 * BATCH
) -> Iterator[tuple[Events, int]]:
    """Yield the batches of `seconds` seconds, each with the time at which it is read, in ns."""
    size = per_s // 20
    drawn = records(40 * 5_000, n_keys)
    pool = [drawn[start : start + size] for start in range(0, len(drawn), size)]
    random = np.random.default_rng(2)
    for i in range(int(seconds * 20)):
        events = pool[i % len(pool)].copy()
        latency = random.lognormal(np.log(3e5), 0.5, size).astype(np.uint64)
        events["begin_ns"] = events["end_ns"] - latency
        yield events, start_s * SECOND_NS + i * BATCH_NS


def fill(n_keys: int, seconds: float, per_s: int = 20 * BATCH, max_keys: int = 1 << 18) -> RollingWindow:
    """Return a window that has ingested `seconds` seconds of records."""
    window = RollingWindow(60, max_keys)
    for events, now_ns in batches(n_keys, seconds, per_s=per_s):
        window.ingest(events, now_ns)
    return window


def snapshot_of(window: RollingWindow) -> Snapshot:
    """Return a snapshot of the window's state."""
    return Snapshot(
        info=SourceInfo("bench", "", "", "", "synthetic"),
        ledger=Ledger(),
        window=window.state(),
        window_s=window.window_s,
        span_s=60.0,
        now_ns=260 * SECOND_NS,
        wall_offset_ns=0,
    )
