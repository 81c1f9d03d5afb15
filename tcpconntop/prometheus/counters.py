"""The counters of one host: from their values at some moments to what was counted in between. Pure.

A counter that became smaller has begun anew, as Prometheus takes it, and so has one whose exporter says that
it was started again. A series that is new has counted from 0; but one that had been evicted by the exporter
before we looked comes back with its old value, so it must not have more than the whole host counted since.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tcpconntop.core.counts import CELL_BITS, SparseCounts
from tcpconntop.core.types import SECOND_NS, Floats, Ints, Mask
from tcpconntop.core.window.counted import CountedConnects
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import N_OUTCOMES, Outcome
from tcpconntop.prometheus.answers import MAX_COUNT, Bucket
from tcpconntop.prometheus.buckets import Spread
from tcpconntop.prometheus.labels import Keys, Labels
from tcpconntop.prometheus.queries import EVICTIONS, LEDGER, OUTCOMES, STARTED, TRACING
from tcpconntop.prometheus.samples import Samples
from tcpconntop.prometheus.slots import N_PLAIN, RETRANSMITS_COLUMN, SUM_COLUMN

MAX_ROWS = 5_000
"""How many series of a host are remembered; an exporter has 1,001 at most, and others as the busy change."""

_COUNTERS = ("syn_retransmits", "lost_records", "lost_starts", "below_minimum", "skipped")
_GAUGES = ("in_flight", "unseen", "namespaces", "namespaces_compared")
_MAX_SUM_NS = 1 << 52
_SURE_ERRNOS = {Outcome.REFUSED: errno.ECONNREFUSED, Outcome.TIMEOUT: errno.ETIMEDOUT}
"""What the outcome alone tells of the errno."""


class HostCounters:
    """Keeps the last values of the counters of a host, and what they have added up to.

    Args:
        number: the number of the host, from 1.
        began_s: since when connects are counted, as Unix time.

    Attributes:
        keys: makes its keys.
        records: how many connects were counted in its series.
        is_native: True if its histogram is a native one.
        is_tracing: False if its exporter says that the counters stand still.
    """

    def __init__(self, number: int, began_s: float) -> None:
        self.keys = Keys(number)
        self.records, self.is_native, self.is_tracing = 0, False, True
        self._began_s = began_s
        self._rows: dict[Labels, int] = {}
        self._row_keys = np.empty(0, KEY)
        self._buckets: dict[Bucket, int] = {}
        self._spread, self._edges_s = Spread(()), frozenset[float]()
        self._plain: Floats = np.full((0, N_PLAIN), np.nan)
        self._latency: Floats = np.zeros((0, 0))
        self._has_latency: Mask = np.zeros(0, np.bool_)
        self._totals: dict[str, float] = {}
        self._outcomes_now: Floats = np.full(N_OUTCOMES, np.nan)
        self._outcomes: Ints = np.zeros(N_OUTCOMES, np.int64)
        self._counted = dict.fromkeys(_COUNTERS, 0)
        self._unseen_before = 0.0
        self._started_s: float | None = None
        self._is_known = False
        self._may_come_back = False

    def ledger(self) -> Ledger:
        """Return the totals since counting began."""
        gauges: dict[str, Any] = {name: self._gauge(name) for name in _GAUGES}
        unseen = max(gauges.pop("unseen") - int(self._unseen_before), 0)
        outcomes = tuple(self._outcomes.tolist())
        share = self._totals.get(LEDGER["completeness"], math.nan)
        return Ledger(
            attempts=sum(outcomes) + gauges.pop("in_flight"),
            outcomes=outcomes,
            **{**self._counted, **gauges},
            unseen=unseen,
            completeness=share if 0 <= share <= 1 else None,
        )

    def edges_s(self) -> frozenset[float]:
        """Return the edges of its buckets."""
        return self._edges_s

    def _gauge(self, name: str) -> int:
        value = self._totals.get(LEDGER[name], 0.0)
        return int(value) if 0 <= value <= MAX_COUNT else 0

    def take(self, samples: Samples, second: int, seconds: int) -> list[CountedConnects]:
        """Return what was counted between the moment before and each moment of `samples`.

        Args:
            samples: the next moments.
            second: where the first of the time spans begins.
            seconds: the length of each.
        """
        self._make_room(samples)
        self.is_native = samples.is_native
        rows = np.array([self._rows[labels] for labels in samples.labels], np.int64)
        columns = np.array([self._buckets[bucket] for bucket in samples.buckets], np.int64)
        steps = []
        for step in range(len(samples.plain)):
            plain = np.full_like(self._plain, np.nan)
            plain[rows] = samples.plain[step]
            latency = np.full_like(self._latency, np.nan)
            latency[rows] = np.where(np.isnan(samples.latency[step]).any(axis=1, keepdims=True), np.nan, 0.0)
            latency[np.ix_(rows, columns)] = samples.latency[step]
            totals = {name: values[step] for name, values in samples.totals.items()}
            steps.append(self._count(plain, latency, totals, second + step * seconds, seconds))
        return steps

    def _make_room(self, samples: Samples) -> None:
        """Add rows and buckets that are new; forget those that are absent, if there are too many."""
        if len(self._rows) + len(samples.labels) > MAX_ROWS:
            kept = [labels for labels in samples.labels if labels in self._rows]
            index = np.array([self._rows[labels] for labels in kept], np.int64)
            self._rows = {labels: n for n, labels in enumerate(kept)}
            self._row_keys, self._plain = self._row_keys[index], self._plain[index]
            self._latency, self._has_latency = self._latency[index], self._has_latency[index]
        new = [labels for labels in samples.labels if labels not in self._rows]
        keys = np.zeros(len(new), KEY)
        for n, labels in enumerate(new):
            self._rows[labels] = len(self._rows)
            keys[n] = self.keys.key(labels)
        self._row_keys = np.concatenate((self._row_keys, keys))
        n_buckets = len(self._buckets)
        for bucket in samples.buckets:
            self._buckets.setdefault(bucket, len(self._buckets))
        if len(self._buckets) > n_buckets:
            self._spread = Spread(tuple(self._buckets))
            self._edges_s = frozenset(edge for bucket in self._buckets for edge in bucket)
        shape = (len(self._rows), len(self._buckets))
        latency = np.zeros(shape)
        latency[: self._latency.shape[0], : self._latency.shape[1]] = self._latency
        self._latency = latency
        self._plain = np.concatenate((self._plain, np.full((len(new), N_PLAIN), np.nan)))
        self._has_latency = np.append(self._has_latency, np.zeros(len(new), np.bool_))

    def _count(
        self, plain: Floats, latency: Floats, totals: Mapping[str, Floats], second: int, seconds: int
    ) -> CountedConnects:
        """Return what was counted until a moment, and remember its values."""
        if totals:
            self._begin_anew_if_restarted(totals)
        has_row: Mask = np.logical_not(np.isnan(plain[:, 0]))
        has_latency: Mask = np.logical_not(np.isnan(latency).any(axis=1))
        budget = self._count_totals(totals) if totals else 0
        new = has_row & np.isnan(self._plain[:, 0])
        if new.any():
            fits = np.nansum(plain[:, :N_OUTCOMES], axis=1) <= (math.inf if budget is None else budget)
            counted = new & self._is_known & (fits | (not self._may_come_back))
            self._plain[counted], self._latency[counted] = 0, 0
            self._has_latency[counted] = True
            self._plain[new & ~counted] = plain[new & ~counted]
        begins = has_latency & ~self._has_latency
        self._latency[begins] = latency[begins]
        self._has_latency |= begins
        self._is_known |= bool(has_row.any() or totals)
        return self._difference(plain, latency, has_latency, second, seconds)

    def _difference(
        self, plain: Floats, latency: Floats, has_latency: Mask, second: int, seconds: int
    ) -> CountedConnects:
        added = np.nan_to_num(plain - self._plain, nan=0.0)
        more = np.where(has_latency[:, np.newaxis], latency - self._latency, 0.0)
        reset = (added[:, :SUM_COLUMN] < 0).any(axis=1) | (more.sum(axis=1) < 0)
        added[reset] = np.nan_to_num(plain[reset], nan=0.0)
        more[reset] = np.where(has_latency[reset, np.newaxis], latency[reset], 0.0)
        more[(more < 0).any(axis=1)] = 0  # a native histogram has other buckets from here on
        before = np.where(reset[:, np.newaxis], 0.0, self._latency)
        self._plain = np.where(np.isnan(plain), self._plain, plain)
        self._latency = np.where(has_latency[:, np.newaxis], latency, self._latency)
        index = np.flatnonzero((added[:, :SUM_COLUMN] > 0).any(axis=1) | (more > 0).any(axis=1))
        outcomes = added[index, :N_OUTCOMES].astype(np.int64)
        self.records += int(outcomes.sum())
        return CountedConnects(
            second,
            seconds,
            self._row_keys[index],
            outcomes,
            added[index, RETRANSMITS_COLUMN].astype(np.int64),
            np.clip(added[index, SUM_COLUMN] * SECOND_NS, 0, _MAX_SUM_NS).astype(np.int64),
            self._spread.spread(before[index].astype(np.int64), more[index].astype(np.int64)),
            _errors(outcomes),
        )

    def _begin_anew_if_restarted(self, totals: Mapping[str, Floats]) -> None:
        """Count from 0 if the exporter was started since the moment before, or since counting began."""
        started_s = float(totals.get(STARTED, np.float64(math.nan)))
        if math.isnan(started_s):
            return
        known_s, self._started_s = self._started_s, started_s
        if known_s is None and started_s < self._began_s:
            return
        if known_s is not None and abs(started_s - known_s) < 1:
            return
        self._plain[:], self._latency[:], self._has_latency[:] = 0, 0, True
        self._outcomes_now, self._totals, self._unseen_before = np.zeros(N_OUTCOMES), {}, 0.0
        self._totals = dict.fromkeys((LEDGER[name] for name in _COUNTERS), 0.0)
        self._is_known, self._may_come_back = True, False

    def _count_totals(self, totals: Mapping[str, Floats]) -> float | None:
        """Add up the metrics of the whole host; return how many connects ended since, None if not known."""
        if not self._is_known:
            self._may_come_back = float(totals.get(EVICTIONS, np.float64(math.nan))) != 0
            self._unseen_before = float(totals.get(LEDGER["unseen"], np.float64(0)))
        ended = None
        if OUTCOMES in totals:
            now, before = totals[OUTCOMES], self._outcomes_now
            added = _added(now, before)
            self._outcomes += added.astype(np.int64)
            self._outcomes_now = np.where(np.isnan(now), before, now)
            ended = float(added.sum())
        for name in _COUNTERS:
            metric = LEDGER[name]
            now = totals.get(metric, np.float64(math.nan))
            if 0 <= now <= MAX_COUNT:
                self._counted[name] += int(_added(now, np.float64(self._totals.get(metric, math.nan))))
        self._totals |= {
            name: float(value) for name, value in totals.items() if np.ndim(value) == 0 and value == value
        }
        if LEDGER["completeness"] not in totals:
            self._totals.pop(LEDGER["completeness"], None)
        self.is_tracing = self._totals.get(TRACING, 1.0) != 0
        return ended


def _added(now: Floats, before: Floats) -> Floats:
    """Return the increase of counters; 0 where one of the values is not known."""
    return np.where(np.isnan(now) | np.isnan(before), 0.0, np.where(now < before, now, now - before))


def _errors(outcomes: Ints) -> SparseCounts:
    """Return the errno counts that outcomes alone tell, by row."""
    rows, cells, counts = [], [], []
    for outcome, number in _SURE_ERRNOS.items():
        failed = np.flatnonzero(outcomes[:, outcome])
        rows.append(failed)
        cells.append(np.full(len(failed), number))
        counts.append(outcomes[failed, outcome])
    return SparseCounts.from_codes(
        [(np.concatenate(rows) << CELL_BITS | np.concatenate(cells), np.concatenate(counts))]
    )
