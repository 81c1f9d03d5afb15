"""Bounds of every metric where connects are missing, or known to a bucket: could that turn a verdict? Pure.

How many are missing is known, and of lost records the outcome too; their destinations and latencies are not.
So any of them may match a filter or not, and may have been faster or slower than all others.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.counts import MAX_RELATIVE_ERROR, quantiles_us
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.metrics import FAILURES, QUANTILES
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import N_OUTCOMES, Outcome

Bounds = Mapping[str, tuple[float, float]]
"""The least and the greatest value of each metric, by name. A metric that is not in it may have any value."""


@dataclass(frozen=True)
class Missing:
    """Connects that are missing from the rows.

    Attributes:
        total: how many.
        outcomes: how many of them can have had each outcome at most, indexed by `Outcome`.
    """

    total: int
    outcomes: tuple[int, ...]

    @property
    def failed(self) -> int:
        """How many of them can have failed at most."""
        return min(self.total, sum(self.outcomes[outcome] for outcome in FAILURES))


def missing_connects(snapshot: Snapshot) -> Missing:
    """Return what is missing: lost records, connects that were not followed, and those that were not seen."""
    ledger = snapshot.ledger
    total = ledger.lost + ledger.unseen
    shown = snapshot.window.stats["outcomes"].sum(axis=0)[:N_OUTCOMES].tolist()
    # The ledger counts a lost record by outcome, unless a recording is damaged or was filtered since.
    counted = ledger.ended - sum(shown) >= ledger.lost_records
    of_any = ledger.more_in_flight + ledger.unseen
    outcomes = []
    for outcome in Outcome:
        not_shown = max(ledger.outcomes[outcome] - shown[outcome], 0)
        records = min(ledger.lost_records, not_shown) if counted else ledger.lost_records
        outcomes.append(min(records + ledger.lost_outcomes[outcome] + of_any, total))
    return Missing(total, tuple(outcomes))


def unplaced_connects(snapshot: Snapshot) -> int:
    """Return how many connects may have been of any row: those that are missing, or in the row `other`."""
    folded = snapshot.window.stats["outcomes"][snapshot.window.keys["special"] != 0]
    return missing_connects(snapshot).total + int(folded.sum())


def metric_bounds(snapshot: Snapshot, where: Filter, metrics: Mapping[str, float]) -> Bounds:
    """Return the bounds of every metric of all keys that match a filter (`overall_metrics`)."""
    bounds = _bounds_of_missing(snapshot, where, metrics)
    return bounds if snapshot.info.has_records else _of_buckets(snapshot.info.bucket_edges_us, bounds)


def _of_buckets(edges_us: tuple[float, ...], bounds: Bounds) -> Bounds:
    """Return the bounds where latencies are known to a bucket: none of a single one, a bucket's of others."""
    known = {name: bound for name, bound in bounds.items() if name not in ("min", "max", "last")}
    for name in QUANTILES:
        least, greatest = known[name]
        below = bisect_right(edges_us, least * (1 - 2 * MAX_RELATIVE_ERROR))
        above = bisect_left(edges_us, greatest * (1 + 2 * MAX_RELATIVE_ERROR))
        known[name] = (
            edges_us[below - 1] if below else 0.0,
            edges_us[above] if above < len(edges_us) else math.inf,
        )
    return known


def _bounds_of_missing(snapshot: Snapshot, where: Filter, metrics: Mapping[str, float]) -> Bounds:
    missing = missing_connects(snapshot)
    if not missing.total:
        return {name: (value, value) for name, value in metrics.items()}
    count, ok, failed = metrics["count"], metrics["ok"], metrics["failed"]
    more_ok, more_failed = missing.outcomes[Outcome.OK], missing.failed
    span_s = max(snapshot.span_s, 1e-9)
    bounds = {
        "count": (count, count + missing.total),
        "rate": (metrics["rate"], (count + missing.total) / span_s),
        "ok": (ok, ok + more_ok),
        "failed": (failed, failed + more_failed),
        "fail": (_share(failed, ok + more_ok), _share(failed + more_failed, ok)),
        "rtx": (metrics["rtx"], math.inf),
        "resent": (_share(metrics["rtx"], count + missing.total), 1.0),
    }
    for outcome in FAILURES:
        label = outcome.label
        bounds[label] = (metrics[label], metrics[label] + missing.outcomes[outcome])
    return {**bounds, **_latency_bounds(snapshot, where, metrics, more_ok)}


def _latency_bounds(
    snapshot: Snapshot, where: Filter, metrics: Mapping[str, float], more: int
) -> dict[str, tuple[float, float]]:
    """Return the bounds of the latencies of successful connects; `more` of them may be missing."""
    latencies = ("min", "max", "mean", "last", *QUANTILES)
    ok = int(metrics["ok"])
    if not more:
        return {name: (metrics[name], metrics[name]) for name in latencies}
    if not ok:
        return dict.fromkeys(latencies, (0.0, math.inf))
    bounds = {
        "min": (0.0, metrics["min"]),
        "max": (metrics["max"], math.inf),
        "mean": (metrics["mean"] * ok / (ok + more), math.inf),
        "last": (0.0, math.inf),
    }
    for name, q in QUANTILES.items():
        rank = q * (ok + more)  # among all of them: those that are missing come first, or last
        bounds[name] = (
            _quantile(snapshot, where, (rank - more) / ok) if rank > more else 0.0,
            _quantile(snapshot, where, rank / ok) if rank <= ok else math.inf,
        )
    return bounds


def _quantile(snapshot: Snapshot, where: Filter, q: float) -> float:
    row_of = np.where(where.match_keys(snapshot.window.keys, snapshot.names), 0, -1)
    return float(quantiles_us(snapshot.window.latency_pages.regroup(row_of), 1, [min(q, 1.0)])[0, 0])


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else math.nan
