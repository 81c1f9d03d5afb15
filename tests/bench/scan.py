"""A port scan: a million destinations, each once, in a minute. `python -m tests.bench.scan [MAX_KEYS]`.

Prints the share of a core that takes in and publishes what comes, the longest that either blocks (CPU time),
and the resident memory at its highest; in a process of its own, so that nothing else is in that.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tests.bench.workload import BATCH_NS, records

DESTINATIONS, SECONDS, BATCHES_A_SECOND = 1_000_000, 60, SECOND_NS // BATCH_NS


def scan(max_keys: int) -> dict[str, float]:
    """Feed the scan to a window of a minute, with a state each second."""
    window = RollingWindow(60, max_keys)
    size = DESTINATIONS // (SECONDS * BATCHES_A_SECOND)
    drawn = records(size, 1)
    spent = []
    for at in range(SECONDS * BATCHES_A_SECOND):
        events = drawn.copy()
        address = np.zeros((size, 16), np.uint8)
        address[:, 0] = 10
        address[:, 1:4] = np.arange(at * size, (at + 1) * size)[:, np.newaxis] >> np.array([16, 8, 0]) & 255
        events["daddr"] = address.view("V16").ravel()
        events["begin_ns"] -= np.random.default_rng(at).integers(0, 1_000_000, size, np.uint64)
        began = time.process_time()
        window.ingest(events, 200 * SECOND_NS + at * BATCH_NS)
        if at % BATCHES_A_SECOND == BATCHES_A_SECOND - 1:
            state = window.state()
        spent.append(time.process_time() - began)
    assert state.stats["outcomes"].sum() == size * SECONDS * BATCHES_A_SECOND
    lines = Path("/proc/self/status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return {"share": sum(spent) / SECONDS, "longest_ms": max(spent) * 1e3, "peak_mb": peak_kb / 1e3}


if __name__ == "__main__":
    print(json.dumps(scan(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)))
