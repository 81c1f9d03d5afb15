"""What got worse between two recordings, row by row. What chance explains is left out. Pure.

A p50 or p99 got worse if its interval (`core/view/noise.py`) is above that of the other recording, and it
grew by `MIN_FACTOR`; the share of failures if Fisher's test says so. A row is new or gone if that cannot be
chance at the rate of the other recording. All tests together find something in the same traffic in at most
one of a hundred comparisons (`FALSE_ALARMS`, divided by their number after Bonferroni), if connects are
independent. Connects that are missing may have been anything, so they widen every interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.counts import SparseCounts
from tcpconntop.core.format import duration, percent
from tcpconntop.core.types import Rows
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.groups import (
    GROUPINGS,
    Grouping,
    address_port_text,
    destination_text,
    located_key,
    process_text,
)
from tcpconntop.core.view.loss_bounds import unplaced_connects
from tcpconntop.core.view.noise import (
    ANYTHING,
    FALSE_ALARMS,
    MIN_FACTOR,
    Interval,
    binomial_cdf,
    more_often_by_chance,
    quantile_interval,
)
from tcpconntop.core.view.row_metrics import GroupMetrics
from tcpconntop.core.window.keys import Keys
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

WORSE, NEW, GONE = "worse", "new", "gone"

COMPARED = {
    "dest": GROUPINGS["dest"],
    "port": GROUPINGS["port"],
    "subnet": GROUPINGS["subnet"],
    # A number of a process means nothing in another recording.
    "process": Grouping("process", "process name", ("comm",)),
}
"""By name: the groupings whose rows can be the same in two recordings."""

_QUANTILES = {"p50": 0.5, "p99": 0.99}
_TESTS_OF_A_ROW = 4
"""Two quantiles, failures, and new or gone."""


@dataclass(frozen=True)
class Side:
    """The figures of a row in one recording.

    Attributes:
        attempts, failed: ended attempts, and those that failed.
        rate_hz: ended attempts per second.
        quantiles_us: p50 and p99; NaN where none succeeded.
        intervals_us: their intervals.
    """

    attempts: int
    failed: int
    rate_hz: float
    quantiles_us: tuple[float, ...]
    intervals_us: tuple[Interval, ...]

    @property
    def failed_share(self) -> float:
        """Share of the attempts that failed; NaN where none ended."""
        return self.failed / self.attempts if self.attempts else math.nan


@dataclass(frozen=True)
class Difference:
    """A row that got worse, is new or is gone.

    Attributes:
        name: the row.
        verdict: `worse`, `new` or `gone`.
        reasons: what got worse, with figures and intervals.
        before, after: the figures.
        weight: how bad it is: worse ones are greater.
    """

    name: str
    verdict: str
    reasons: tuple[str, ...]
    before: Side
    after: Side
    weight: float


@dataclass(frozen=True)
class Comparison:
    """The result: what got worse, the worst first, then what is new and gone, the busiest first.

    Attributes:
        differences: those rows.
        rows: how many rows were compared.
        alpha: the probability of a false alarm of each test.
    """

    differences: tuple[Difference, ...]
    rows: int
    alpha: float


def compare(before: Snapshot, after: Snapshot, group_by: str, where: Filter) -> Comparison:
    """Compare two snapshots of everything since the start.

    Args:
        before: the baseline.
        after: what is compared with it.
        group_by: a grouping of `COMPARED`.
        where: which connects are compared.
    """
    grouping, sides = COMPARED[group_by], (before, after)
    kept = [
        np.flatnonzero(where.match_keys(one.window.keys, one.names) & (one.window.keys["special"] == 0))
        for one in sides
    ]
    keys = np.concatenate([one.window.keys[rows] for one, rows in zip(sides, kept, strict=True)])
    groups, group_of = grouping.merge(keys)
    alpha = FALSE_ALARMS / max(_TESTS_OF_A_ROW * len(groups), 1)
    tables = []
    for one, rows, numbers in zip(sides, kept, np.split(group_of, [len(kept[0])]), strict=True):
        number = np.full(len(one.window.keys), -1)
        number[rows] = numbers
        tables.append(_Table(one, number, len(groups), alpha))
    found = []
    for n in range(len(groups)):
        verdict, reasons, weight = _judge(tables[0], tables[1], n, alpha)
        if verdict:
            newest = tables[verdict != GONE]
            name = _name(groups[n], grouping, keys[group_of == n], newest.snapshot)
            found.append(Difference(name, verdict, reasons, tables[0].side(n), tables[1].side(n), weight))
    order = (WORSE, NEW, GONE)
    found.sort(key=lambda one: (order.index(one.verdict), -one.weight, one.name))
    return Comparison(tuple(found), len(groups), alpha)


class _Table:
    """The rows of one recording."""

    def __init__(self, snapshot: Snapshot, group_of: Rows, n_rows: int, alpha: float) -> None:
        self.snapshot, self._alpha = snapshot, alpha
        self.missing = unplaced_connects(snapshot)
        metrics = GroupMetrics(snapshot.window, group_of, n_rows, snapshot.span_s)
        self._columns = {name: metrics.column(name) for name in ("rate", *_QUANTILES)}
        outcomes = metrics.stats["outcomes"]
        self.attempts = outcomes.sum(axis=1)
        self.failed = self.attempts - outcomes[:, Outcome.OK]
        self._latency: SparseCounts = snapshot.window.latency_pages.regroup(group_of).to_sparse()
        self._first = np.searchsorted(self._latency.rows(), np.arange(n_rows + 1))
        self._sides: dict[int, Side] = {}

    def side(self, n: int) -> Side:
        """Return the figures of a row."""
        if n not in self._sides:
            part = slice(self._first[n], self._first[n + 1])
            cells, counts = self._latency.cells()[part], self._latency.counts[part]
            intervals = tuple(
                quantile_interval(cells, counts, q, self._alpha, self.missing) if len(cells) else ANYTHING
                for q in _QUANTILES.values()
            )
            values = tuple(float(self._columns[name][n]) for name in _QUANTILES)
            rate_hz = float(self._columns["rate"][n])
            self._sides[n] = Side(int(self.attempts[n]), int(self.failed[n]), rate_hz, values, intervals)
        return self._sides[n]


def _judge(before: _Table, after: _Table, n: int, alpha: float) -> tuple[str, tuple[str, ...], float]:
    """Return the verdict on a row (empty for none), its reasons and its weight."""
    old, new = before.side(n), after.side(n)
    if not old.attempts or not new.attempts:
        here, away = (after, before) if not old.attempts else (before, after)
        spans = here.snapshot.span_s + away.snapshot.span_s
        # Of all connects at one rate, no more than those that are missing came in the other recording.
        total = here.side(n).attempts + away.missing
        chance = binomial_cdf(away.missing, total, away.snapshot.span_s / max(spans, 1e-9))
        verdict = "" if chance > alpha else NEW if here is after else GONE
        return verdict, (), float(here.side(n).attempts)
    reasons, weight = [], 0.0
    chance = more_often_by_chance(
        new.failed, new.attempts + after.missing, old.failed + before.missing, old.attempts + before.missing
    )
    if new.failed_share > old.failed_share and chance <= alpha:
        reasons.append(f"fails {percent(old.failed_share)}% → {percent(new.failed_share)}%")
        weight = 1_000 * (1 + new.failed_share - old.failed_share)  # failing is worse than slow
    figures = zip(
        _QUANTILES, old.quantiles_us, new.quantiles_us, old.intervals_us, new.intervals_us, strict=True
    )
    for name, was, now, was_in, now_in in figures:
        if now_in.low > was_in.high and now >= MIN_FACTOR * was:
            bounds = f"at most {duration(was_in.high)} before, at least {duration(now_in.low)} now"
            reasons.append(f"{name} {duration(was)} → {duration(now)} (×{now / was:.1f}; {bounds})")
            weight = max(weight, min(now / was, 999.0)) if weight < 1_000 else weight
    return WORSE if reasons else "", tuple(reasons), weight


def _name(key: np.void, grouping: Grouping, keys: Keys, snapshot: Snapshot) -> str:
    if grouping.name == "port":
        return f"port {key['dport']}"
    if grouping.name == "process":
        return process_text(key)
    located = located_key(key, keys)
    if grouping.name == "subnet":
        return destination_text(located, grouping, snapshot.places)
    return address_port_text(located, snapshot.places)
