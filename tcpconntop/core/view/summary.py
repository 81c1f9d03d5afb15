"""Totals of a snapshot, and its metrics as if everything were one row. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.counts import quantiles_us
from tcpconntop.core.types import Mask
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.view.row_metrics import GroupMetrics
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import N_OUTCOMES


@dataclass(frozen=True, eq=False)
class Summary:
    """Totals of a snapshot.

    Attributes:
        ledger: totals since the start.
        outcomes: ended attempts in the window, indexed by `Outcome`.
        rate_hz: ended attempts per second over the window.
        quantiles_us: p50, p90 and p99 of all latencies in the window; NaN where no connect succeeded.
    """

    ledger: Ledger
    outcomes: tuple[int, ...]
    rate_hz: float
    quantiles_us: tuple[float, ...]


def summarize(snapshot: Snapshot, shown: Mask | None = None) -> Summary:
    """Return the totals of a snapshot; those of the window are of the keys in `shown`, or of all."""
    window = snapshot.window
    mask = np.ones(len(window.keys), np.bool_) if shown is None else shown
    outcomes = window.stats["outcomes"][mask].sum(axis=0)
    one_row = window.latency_pages.regroup(np.where(mask, 0, -1))
    quantiles = quantiles_us(one_row, 1, list(QUANTILES.values()))[0]
    return Summary(
        snapshot.ledger,
        tuple(int(n) for n in outcomes[:N_OUTCOMES]),
        float(outcomes.sum()) / max(snapshot.span_s, 1e-9),
        tuple(float(q) for q in quantiles),
    )


def overall_metrics(snapshot: Snapshot, where: Filter) -> dict[str, float]:
    """Return every metric by name, computed as if all keys that match a filter were one row."""
    group_of = np.where(where.match_keys(snapshot.window.keys, snapshot.names), 0, -1)
    groups = GroupMetrics(snapshot.window, group_of, 1, snapshot.span_s)
    return {name: float(groups.column(name)[0]) for name in groups.names}
