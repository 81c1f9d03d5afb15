"""What a scrape gets: a frozen picture of all counters, made once a second by the tracing thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.exporter.series import SeriesSnapshot


@dataclass(frozen=True)
class ProcessCost:
    """What this program has cost so far.

    Attributes:
        cpu_s: CPU time of all threads since the start.
        memory_bytes: resident memory.
        started_s: when it was started, as Unix time.
    """

    cpu_s: float
    memory_bytes: int
    started_s: float


@dataclass(frozen=True, eq=False)
class MetricsSnapshot:
    """All counters at one moment. Immutable.

    Attributes:
        info: the source of the records.
        ledger: totals since tracing began.
        label_names: the names of the labels of each series.
        series: the series.
        failures: failed connects by outcome and errno (0: the socket had no error).
        cost: what this program has cost.
        taken_s: the moment, as Unix time.
    """

    info: SourceInfo
    ledger: Ledger
    label_names: tuple[str, ...]
    series: SeriesSnapshot
    failures: Mapping[tuple[int, int], int]
    cost: ProcessCost
    taken_s: float
