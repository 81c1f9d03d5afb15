"""The metrics: every number that is known of a row, by name. Pure.

A metric declared here can be filtered by (`p99>5ms`) and asserted (`check --assert`); a column in
`columns.py` shows and exports it. `row_metrics.py` computes the metrics of the rows of a view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias

from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.types import Floats
from tcpconntop.core.wire import Outcome

if TYPE_CHECKING:
    from tcpconntop.core import counts
    from tcpconntop.core.window import stats as st
else:
    counts, st = lazy("tcpconntop.core.counts"), lazy("tcpconntop.core.window.stats")

Buckets: TypeAlias = "counts.PagedCounts"

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""The latency quantiles, by the name of their metric."""

FAILURES = tuple(outcome for outcome in Outcome if outcome is not Outcome.OK)


class Quantity(Enum):
    """What a number measures, and in which unit: decides how it is formatted and rounded."""

    COUNT = auto()
    RATE_HZ = auto()
    SHARE = auto()
    """Between 0 and 1."""
    LATENCY_US = auto()
    FACTOR = auto()
    """A value divided by its baseline."""
    DIFFERENCE = auto()
    """A share minus its baseline."""
    VERDICT = auto()
    """What happened to a row since its baseline, the worst from the greatest on."""


class Needs(Enum):
    """What must have happened before a metric has a value."""

    NOTHING = auto()
    ENDED_CONNECT = auto()
    SUCCESSFUL_CONNECT = auto()


class RowStats:
    """Exact statistics of rows, and the metrics that need nothing else.

    Args:
        stats: exact statistics of each row (dtype `STATS`), shape (n,).
        span_s: seconds that the window covers.
    """

    def __init__(self, stats: st.Stats, span_s: float) -> None:
        self.stats, self._span_s = stats, span_s

    @cached_property
    def ok(self) -> Floats:
        """Successful connects, shape (n,)."""
        return self.stats["outcomes"][:, 0].astype(np.float64)

    @cached_property
    def ended(self) -> Floats:
        """Ended connects of any outcome, shape (n,)."""
        return st.attempt_counts(self.stats).astype(np.float64)

    def failed_share(self) -> Floats:
        """Return the share of ended connects that failed, shape (n,); NaN where none ended."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ended > 0, (self.ended - self.ok) / self.ended, np.nan)

    def latency(self, name: str) -> Floats:
        """Return a statistic in ns as µs, shape (n,); NaN where no connect succeeded, or it is not known."""
        unknown = (self.ok == 0) | (self.stats["min_ns"] == st.NO_MINIMUM)
        return np.where(unknown, np.nan, self.stats[name] / 1000)

    def last(self) -> Floats:
        """Return the latency of the last successful connect in µs, shape (n,); NaN where it is not known."""
        return np.where(self.stats["last_ns"] < 0, np.nan, self.latency("last_ns"))

    def outcome(self, outcome: Outcome) -> Floats:
        """Return the number of connects with an outcome, shape (n,)."""
        return self.stats["outcomes"][:, outcome].astype(np.float64)

    def retransmits(self) -> Floats:
        """Return the number of SYNs that were sent again, shape (n,)."""
        return self.stats["syn_retransmits"].astype(np.float64)

    def resent_share(self) -> Floats:
        """Return the share of the SYNs that were sent again, shape (n,); NaN where no connect ended.

        Each ended connect sent one SYN, and those that were sent again.
        """
        resent = self.retransmits()
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ended > 0, resent / (self.ended + resent), np.nan)

    def mean(self) -> Floats:
        """Return the mean latency in µs, shape (n,); NaN where no connect succeeded."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ok == 0, np.nan, self.stats["sum_ns"] / self.ok / 1000)

    def rate(self) -> Floats:
        """Return the ended connects per second, shape (n,)."""
        return self.ended / max(self._span_s, 1e-9)


@dataclass(frozen=True)
class Metric:
    """A number that is known of each row.

    Attributes:
        name: its name in filters and assertions, and the key of its column.
        quantity: what it measures.
        needs: what must have happened before it has a value.
    """

    name: str
    quantity: Quantity
    needs: Needs


@dataclass(frozen=True)
class StatsMetric(Metric):
    """A metric that is computed from exact statistics.

    Attributes:
        compute: returns the metric of n rows, shape (n,).
    """

    compute: Callable[[RowStats], Floats]


@dataclass(frozen=True)
class LatencyMetric(Metric):
    """A metric that is computed from latency buckets (`core/counts/histogram.py`).

    Attributes:
        compute: returns the metric of rows 0 … n - 1, shape (n,), from their buckets and n.
        is_latency: True if its value is one of the latencies, so that minimum and maximum bound it.
    """

    compute: Callable[[Buckets, int], Floats]
    is_latency: bool = True


def _latency(name: str, compute: Callable[[RowStats], Floats]) -> StatsMetric:
    return StatsMetric(name, Quantity.LATENCY_US, Needs.SUCCESSFUL_CONNECT, compute)


def _quantile(name: str) -> LatencyMetric:
    def compute(latency: Buckets, n_rows: int) -> Floats:
        return counts.quantiles_us(latency, n_rows, [QUANTILES[name]])[:, 0]

    return LatencyMetric(name, Quantity.LATENCY_US, Needs.SUCCESSFUL_CONNECT, compute)


def _failures(outcome: Outcome) -> StatsMetric:
    compute = partial(RowStats.outcome, outcome=outcome)
    return StatsMetric(outcome.label, Quantity.COUNT, Needs.ENDED_CONNECT, compute)


_DECLARED: tuple[StatsMetric | LatencyMetric, ...] = (
    StatsMetric("count", Quantity.COUNT, Needs.NOTHING, lambda rows: rows.ended.copy()),
    StatsMetric("rate", Quantity.RATE_HZ, Needs.NOTHING, RowStats.rate),
    StatsMetric("ok", Quantity.COUNT, Needs.NOTHING, lambda rows: rows.ok.copy()),
    StatsMetric("failed", Quantity.COUNT, Needs.ENDED_CONNECT, lambda rows: rows.ended - rows.ok),
    *map(_failures, FAILURES),
    StatsMetric("fail", Quantity.SHARE, Needs.ENDED_CONNECT, RowStats.failed_share),
    StatsMetric("rtx", Quantity.COUNT, Needs.ENDED_CONNECT, RowStats.retransmits),
    _latency("min", lambda rows: rows.latency("min_ns")),
    *map(_quantile, QUANTILES),
    _latency("max", lambda rows: rows.latency("max_ns")),
    _latency("mean", RowStats.mean),
    _latency("last", RowStats.last),
    StatsMetric("resent", Quantity.SHARE, Needs.ENDED_CONNECT, RowStats.resent_share),
)

METRICS = {metric.name: metric for metric in _DECLARED}
"""Every metric by name, in the order of the fields of JSON rows and CSV: append new ones at the end."""
