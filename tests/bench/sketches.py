"""Another way, for comparison: one KLL sketch per key (Apache DataSketches), updated batch by batch.

Keys are numbered by our own `KeyTable`. Each batch is sorted by key, so that a sketch gets its latencies in
one call. A sketch cannot remove old values: its quantiles cover the time since the start, not a window.
"""

from __future__ import annotations

import numpy as np
from datasketches import kll_floats_sketch

from tcpconntop.core.counts import radix_order, run_starts
from tcpconntop.core.window.keys import KeyTable
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Events, Outcome


class Sketches:
    """One sketch per key: latency quantiles since the start."""

    def __init__(self) -> None:
        self._table = KeyTable(1 << 18)
        self._sketches: list[kll_floats_sketch] = []

    def ingest(self, events: Events, _now_ns: int) -> None:
        """Add records to the sketches of their keys."""
        events = events[events["outcome"] == Outcome.OK]
        rows, _ = self._table.find_or_add(events)
        self._sketches += [kll_floats_sketch(200) for _ in range(len(self._table) - len(self._sketches))]
        order = radix_order(rows)
        latency_us = (latency_ns(events)[order] / 1000).astype(np.float32)
        starts = run_starts(rows[order])
        for row, values in zip(rows[order][starts].tolist(), np.split(latency_us, starts[1:]), strict=True):
            self._sketches[row].update(values)

    def view(self, top: int = 60) -> list[tuple[float, int]]:
        """Return the `top` rows with the highest p99, highest first."""
        ranked = [
            (sketch.get_quantile(0.99), row)
            for row, sketch in enumerate(self._sketches)
            if not sketch.is_empty()
        ]
        return sorted(ranked, reverse=True)[:top]
