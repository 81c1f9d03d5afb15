"""From a snapshot to metric families: names, types, labels and values, apart from any format. Pure.

`_DECLARED` and `series_families` are the list of everything that is exported.
"""

from __future__ import annotations

import errno as e
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from tcpconntop import __version__
from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.types import SECOND_NS, Ints
from tcpconntop.core.wire import Outcome
from tcpconntop.exporter.snapshot import MetricsSnapshot

Kind = Literal["counter", "gauge", "histogram"]
LabelPairs = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One value of a counter or gauge, with the names and values of its labels."""

    labels: LabelPairs
    value: float


class HistogramSample(NamedTuple):
    """One histogram.

    Attributes:
        labels: names and values of its labels.
        total: number of observations.
        sum_s: their sum, in seconds.
        cumulative: observations up to the bound of each classic bucket, the unbounded one last.
        native: observations by native bucket, shape (N_NATIVE,).
    """

    labels: LabelPairs
    total: int
    sum_s: float
    cumulative: Sequence[int]
    native: Ints


@dataclass(frozen=True)
class Family:
    """All samples of one name.

    Attributes:
        name: as exported.
        kind: the type of the metric.
        help: one line for people.
        samples: of one type: `HistogramSample` if `kind` is `histogram`.
    """

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample] | Sequence[HistogramSample]


USUAL_FAILURES = (
    (Outcome.REFUSED, e.ECONNREFUSED),
    (Outcome.TIMEOUT, e.ETIMEDOUT),
    (Outcome.UNREACHABLE, e.EHOSTUNREACH),
    (Outcome.UNREACHABLE, e.ENETUNREACH),
    (Outcome.CANCELLED, 0),
    (Outcome.ERROR, e.EADDRNOTAVAIL),
    (Outcome.ERROR, e.EPERM),
)
"""Failures that are exported as 0 before the first one: Prometheus sees no increase in a new counter."""


def metric_families(snapshot: MetricsSnapshot, *, tracing: bool) -> list[Family]:
    """Return everything that is exported.

    Args:
        snapshot: the counters.
        tracing: True if the snapshot is one of a tracer that is running.
    """
    return [
        *_series_families(snapshot),
        *(
            Family(name, kind, text, [Sample((), value)])
            for name, kind, text, read in _DECLARED
            if (value := read(snapshot)) is not None
        ),
        Family(
            "tcpconntop_outcomes_total",
            "counter",
            "Connects of the machine that have ended, by outcome, lost records included.",
            [Sample((("outcome", o.label),), snapshot.ledger.outcomes[o]) for o in Outcome],
        ),
        Family(
            "tcpconntop_failures_total",
            "counter",
            "Connects that failed, by outcome and errno (empty: the socket had no error).",
            list(_failures(snapshot)),
        ),
        Family(
            "tcpconntop_tracing",
            "gauge",
            "1 if connects are being traced; 0 if the counters stand still.",
            [Sample((), int(tracing))],
        ),
        Family(
            "tcpconntop_build_info",
            "gauge",
            "Always 1: the version, and how it traces.",
            [Sample(_build_labels(snapshot), 1)],
        ),
    ]


_OUTCOMES = [("outcome", outcome.label) for outcome in Outcome]


def _series_families(snapshot: MetricsSnapshot) -> Iterator[Family]:
    series = snapshot.series
    labels = [tuple(zip(snapshot.label_names, values, strict=True)) for values in series.labels]
    cumulative = np.cumsum(series.classic, axis=1).tolist()
    yield Family(
        "tcpconntop_connect_duration_seconds",
        "histogram",
        "How long connects that succeeded took, from connect() to the answer.",
        [
            HistogramSample(pairs, buckets[-1], sum_ns / SECOND_NS, buckets, native)
            for pairs, buckets, sum_ns, native in zip(
                labels, cumulative, series.sum_ns.tolist(), series.native, strict=True
            )
        ],
    )
    yield Family(
        "tcpconntop_connects_total",
        "counter",
        "Connects that have ended, by outcome.",
        [
            Sample((*pairs, outcome), count)
            for pairs, counts in zip(labels, series.outcomes.tolist(), strict=True)
            for outcome, count in zip(_OUTCOMES, counts, strict=True)
        ],
    )
    yield Family(
        "tcpconntop_syn_retransmits_total",
        "counter",
        "SYNs that were sent again, of connects that have ended.",
        [Sample(pairs, count) for pairs, count in zip(labels, series.syn_retransmits.tolist(), strict=True)],
    )


def _failures(snapshot: MetricsSnapshot) -> Iterator[Sample]:
    counts = {(int(outcome), number): 0 for outcome, number in USUAL_FAILURES} | dict(snapshot.failures)
    for (outcome, number), count in counts.items():
        yield Sample(
            (("outcome", Outcome(outcome).label), ("errno", errno_name(number) or "")),
            count,
        )


def _build_labels(snapshot: MetricsSnapshot) -> LabelPairs:
    info = snapshot.info
    return (
        ("version", __version__),
        ("kernel", info.kernel),
        ("probe", info.probe),
        ("transport", info.transport),
        ("loader", info.loader),
    )


_Read = Callable[[MetricsSnapshot], float | None]

_DECLARED: tuple[tuple[str, Kind, str, _Read], ...] = (
    (
        "tcpconntop_attempts_total",
        "counter",
        "Connects of the machine that have begun and pass the filters.",
        lambda s: s.ledger.attempts,
    ),
    (
        "tcpconntop_in_flight",
        "gauge",
        "Connects that have begun and not ended.",
        lambda s: s.ledger.in_flight,
    ),
    (
        "tcpconntop_all_syn_retransmits_total",
        "counter",
        "SYNs of the machine that were sent again, those of connects in flight included.",
        lambda s: s.ledger.syn_retransmits,
    ),
    (
        "tcpconntop_lost_records_total",
        "counter",
        "Connects that are in no series because the buffer was full.",
        lambda s: s.ledger.lost_records,
    ),
    (
        "tcpconntop_lost_starts_total",
        "counter",
        "Connects that were not followed because too many were in flight.",
        lambda s: s.ledger.lost_starts,
    ),
    (
        "tcpconntop_below_minimum_total",
        "counter",
        "Connects that are in no series because they took less than the minimum.",
        lambda s: s.ledger.below_minimum,
    ),
    (
        "tcpconntop_skipped_programs_total",
        "counter",
        "Programs that the kernel skipped and whose copy did the work: nothing is missing.",
        lambda s: s.ledger.skipped,
    ),
    (
        "tcpconntop_completeness_ratio",
        "gauge",
        "Share of the kernel's own count of connects that is in the series; absent if it cannot be known.",
        lambda s: s.ledger.completeness,
    ),
    (
        "tcpconntop_unseen_connects",
        "gauge",
        "Connects that only the kernel's own count has.",
        lambda s: None if s.ledger.completeness is None else s.ledger.unseen,
    ),
    (
        "tcpconntop_network_namespaces",
        "gauge",
        "Network namespaces in which a connect was traced.",
        lambda s: s.ledger.namespaces,
    ),
    (
        "tcpconntop_compared_network_namespaces",
        "gauge",
        "Network namespaces that the completeness is about.",
        lambda s: s.ledger.namespaces_compared,
    ),
    (
        "tcpconntop_series_evictions_total",
        "counter",
        "Series that have made room for busier ones.",
        lambda s: s.series.evictions,
    ),
    (
        "tcpconntop_snapshot_timestamp_seconds",
        "gauge",
        "When these counters were read, as Unix time.",
        lambda s: s.taken_s,
    ),
    (
        "process_cpu_seconds_total",
        "counter",
        "CPU time of the exporter, user and system.",
        lambda s: s.cost.cpu_s,
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory of the exporter.",
        lambda s: s.cost.memory_bytes,
    ),
    (
        "process_start_time_seconds",
        "gauge",
        "When the exporter was started, as Unix time.",
        lambda s: s.cost.started_s,
    ),
)
