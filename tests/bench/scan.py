"""A port scan: a million destinations, each once, in a minute. `python -m tests.bench.scan [MAX_KEYS]`.

Prints JSON: the share of a core that ingest and publishing take, the longest single step (CPU time), and the
peak resident memory. `tests.bench.run` starts it as a separate process, so that the peak is this scan's
alone.
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

DESTINATIONS, SECONDS, BATCHES_PER_S = 1_000_000, 60, SECOND_NS // BATCH_NS


def scan(max_keys: int) -> dict[str, float]:
    """Ingest the scan into a window of one minute, with a state each second; return the three figures."""
    window = RollingWindow(60, max_keys)
    size = DESTINATIONS // (SECONDS * BATCHES_PER_S)
    drawn = records(size, 1)
    steps_s = []
    for step in range(SECONDS * BATCHES_PER_S):
        events = drawn.copy()
        address = np.zeros((size, 16), np.uint8)
        address[:, 0] = 10
        address[:, 1:4] = (
            np.arange(step * size, (step + 1) * size)[:, np.newaxis] >> np.array([16, 8, 0]) & 255
        )
        events["daddr"] = address.view("V16").ravel()
        events["begin_ns"] -= np.random.default_rng(step).integers(0, 1_000_000, size, np.uint64)
        began = time.process_time()
        window.ingest(events, 200 * SECOND_NS + step * BATCH_NS)
        if step % BATCHES_PER_S == BATCHES_PER_S - 1:
            state = window.state()
        steps_s.append(time.process_time() - began)
    assert state.stats["outcomes"].sum() == size * SECONDS * BATCHES_PER_S
    lines = Path("/proc/self/status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return {"share": sum(steps_s) / SECONDS, "longest_ms": max(steps_s) * 1e3, "peak_mb": peak_kb / 1e3}


if __name__ == "__main__":
    print(json.dumps(scan(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)))
