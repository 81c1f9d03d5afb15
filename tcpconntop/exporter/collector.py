"""Counts the records of a source into series, and publishes a frozen snapshot of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from tcpconntop.core.places import Names
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.wire import Events, Outcome
from tcpconntop.exporter.labels import LABELLINGS, Labeller
from tcpconntop.exporter.series import SeriesTable
from tcpconntop.exporter.snapshot import MetricsSnapshot, ProcessCost
from tcpconntop.kernel.process import own_memory_bytes, own_start_s
from tcpconntop.sources.base import Source, names_of

MAX_READ_S = 1.0
"""How long a read waits: a snapshot is published about once a second."""


class Collector:
    """Reads a source and keeps the counters. One thread calls its methods; `latest` is for any thread.

    A scrape takes `latest` and waits for nothing: publishing is the assignment of one attribute.

    Args:
        source: what to read.
        by: the name of a labelling: `dest`, `port`, `subnet` or `unit`.
        top: how many series there are apart from `other`.
        where: only connects that match are in the series; the totals have all.

    Attributes:
        latest: the newest snapshot.
    """

    def __init__(self, source: Source, by: str, top: int, where: Filter | None = None) -> None:
        self._source, self._where = source, where if where and where.terms else None
        self._labelling = LABELLINGS[by]
        self._labeller = Labeller(self._labelling)
        self._table = SeriesTable(top, self._labelling.other, source.now_ns())
        self._failures: Counter[tuple[int, int]] = Counter()
        self._started_s = own_start_s()
        self.latest = self._snapshot()

    def run(self, stop: Callable[[], bool], clock_s: Callable[[], float] = time.monotonic) -> None:
        """Read and publish until `stop` returns True or the source has ended; publish a last time."""
        due_s = clock_s() + MAX_READ_S
        while not stop() and not self._source.ended:
            self._count(self._source.read(max(0.0, min(MAX_READ_S, due_s - clock_s()))))
            if clock_s() >= due_s:
                self.publish()
                due_s = max(due_s + MAX_READ_S, clock_s())
        self.publish()

    def publish(self) -> None:
        """Make a snapshot the latest one."""
        self.latest = self._snapshot()

    def _snapshot(self) -> MetricsSnapshot:
        ledger = self._source.ledger()
        self._count(self._source.read(0))  # after the ledger: what it counts as ended is in the series
        self._table.review(self._source.now_ns())
        return MetricsSnapshot(
            info=self._source.info,
            ledger=ledger,
            label_names=self._labelling.names,
            series=self._table.snapshot(),
            failures=dict(self._failures),
            cost=ProcessCost(time.process_time(), own_memory_bytes(), self._started_s),
            taken_s=time.time(),
        )

    def _count(self, events: Events) -> None:
        if not len(events):
            return
        names = names_of(self._source)
        if self._where is not None:
            events = events[self._where.match_keys(keys_from_events(events), names)]
        if len(events):
            self._add(events, names)

    def _add(self, events: Events, names: Names) -> None:
        self._table.add(events, *self._labeller.labels_of(events, names), self._source.now_ns())
        failed = events[events["outcome"] != Outcome.OK]
        codes, counts = np.unique(
            failed["outcome"].astype(np.int64) << 16 | failed["error"], return_counts=True
        )
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
            self._failures[code >> 16, code & 0xFFFF] += count
