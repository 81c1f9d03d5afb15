"""The samples of one host at some moments, as arrays. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tcpconntop.core.types import Floats
from tcpconntop.core.wire import N_OUTCOMES
from tcpconntop.prometheus.answers import (
    MAX_COUNT,
    MAX_NATIVE_BUCKETS,
    MAX_SERIES,
    Bucket,
    MalformedError,
    Native,
    parse_native,
)
from tcpconntop.prometheus.client import TooMuchError
from tcpconntop.prometheus.labels import Labels
from tcpconntop.prometheus.queries import OUTCOMES
from tcpconntop.prometheus.slots import N_PLAIN, SUM_COLUMN, Kind, Slot, Slots

MAX_CELLS = 1 << 22
"""How many buckets of all rows and moments are looked at together: 32 MB."""

_MAX_SUM_S = 1e15
_Values = list[tuple[int, int, float, float]]


@dataclass(frozen=True, eq=False)
class Samples:
    """The counters of one host at s moments; NaN where there is none.

    Attributes:
        labels: the labels of each row, n in all.
        plain: counters by moment, row and `Outcome`, then retransmits and the sum of latencies in seconds.
        latency: not cumulated counts by moment, row and bucket; NaN in all of a row, or in none.
        buckets: the buckets of `latency`.
        totals: metrics of the whole host by name, each of shape (s,); that of `OUTCOMES`: (s, 6).
        is_native: True if the buckets are those of a native histogram.
    """

    labels: tuple[Labels, ...]
    plain: Floats
    latency: Floats
    buckets: tuple[Bucket, ...]
    totals: Mapping[str, Floats]
    is_native: bool = False


@dataclass
class _Collected:
    """What has been read of an answer so far. Values are (moment, row, column or bound, value)."""

    n_steps: int
    rows: dict[Labels, int] = field(default_factory=dict)
    plain: _Values = field(default_factory=list)
    classic: _Values = field(default_factory=list)
    native: list[tuple[int, int, Native]] = field(default_factory=list)
    totals: dict[str, Floats] = field(default_factory=dict)

    def row(self, labels: Labels) -> int:
        return self.rows.setdefault(labels, len(self.rows))

    def add(self, slot: Slot, step: int, value: float) -> None:
        if slot.kind is Kind.CLASSIC:
            self.classic.append((step, self.row(slot.labels), slot.bound, value))
        elif slot.kind is Kind.PLAIN:
            self.plain.append((step, self.row(slot.labels), slot.column, value))
        elif slot.kind is Kind.OUTCOME:
            self._total(OUTCOMES, (self.n_steps, N_OUTCOMES))[step, slot.column] = value
        elif slot.kind is Kind.TOTAL:
            self._total(slot.name, (self.n_steps,))[step] = value

    def _total(self, name: str, shape: tuple[int, ...]) -> Floats:
        if name not in self.totals:
            self.totals[name] = np.full(shape, np.nan)
        return self.totals[name]


def read_samples(result: Sequence[Any], moments: Sequence[int], slots: Slots) -> Samples:
    """Return the samples in an answer.

    Args:
        result: the series of one host, as a query over time returns them.
        moments: Unix times in seconds, ascending; samples at other times are left out.
        slots: where the series of the host belong.

    Raises:
        MalformedError: a counter is no count, or a histogram no histogram.
        TooMuchError: there are too many buckets; fewer moments have fewer.
    """
    if len(result) > MAX_SERIES:
        raise MalformedError(f"it has more than {MAX_SERIES:,} series")
    step_of, collected = {moment: n for n, moment in enumerate(moments)}, _Collected(len(moments))
    try:
        for series in result:
            slot = slots.find(series["metric"])
            if slot.kind is Kind.NONE:
                continue
            for at_s, text in series.get("values", ()):
                if at_s in step_of:
                    collected.add(slot, step_of[at_s], _number(text))
            for at_s, histogram in series.get("histograms", ()):
                if at_s in step_of and slot.kind is Kind.NATIVE:
                    collected.native.append(
                        (step_of[at_s], collected.row(slot.labels), parse_native(histogram))
                    )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise error if isinstance(error, MalformedError) else MalformedError("it holds no series") from None
    return _arrays(collected)


def _number(text: Any) -> float:
    if not isinstance(text, str):
        raise MalformedError("a value is no number")
    return float(text)


def _arrays(collected: _Collected) -> Samples:
    plain = np.full((collected.n_steps, len(collected.rows), N_PLAIN), np.nan)
    values = collected.plain + [
        (step, row, SUM_COLUMN, native.sum_s) for step, row, native in collected.native
    ]
    if values:
        steps, rows, columns, numbers = _columns(values)
        is_sum = columns == SUM_COLUMN
        _check_counts(numbers[~is_sum])
        if not ((numbers[is_sum] >= 0) & (numbers[is_sum] < _MAX_SUM_S)).all():
            raise MalformedError("a sum of latencies is none")
        plain[steps, rows, columns.astype(np.int64)] = numbers
    if OUTCOMES in collected.totals:
        known = collected.totals[OUTCOMES]
        _check_counts(known[~np.isnan(known)])
    latency, buckets = _latency(collected)
    return Samples(tuple(collected.rows), plain, latency, buckets, collected.totals, bool(collected.native))


def _latency(collected: _Collected) -> tuple[Floats, tuple[Bucket, ...]]:
    """Return the counts by moment, row and bucket, and the buckets; native ones where a row has both."""
    native_rows = {row for _, row, _ in collected.native}
    classic = (
        [value for value in collected.classic if value[1] not in native_rows]
        if native_rows
        else collected.classic
    )
    bounds: Floats = np.unique(np.array([bound for _, _, bound, _ in classic]))
    columns = {
        bucket: n for n, bucket in enumerate(zip((0.0, *bounds.tolist()), bounds.tolist(), strict=False))
    }
    for _, _, native in collected.native:
        for bucket, _ in native.buckets:
            columns.setdefault(bucket, len(columns))
    if len(columns) > 2 * MAX_NATIVE_BUCKETS:
        raise MalformedError("it has too many buckets")
    if collected.n_steps * len(collected.rows) * len(columns) > MAX_CELLS:
        raise TooMuchError(f"its answer has more than {MAX_CELLS:,} buckets")
    latency = np.full((collected.n_steps, len(collected.rows), len(columns)), np.nan)
    if classic:
        steps, rows, of_values, numbers = _columns(classic)
        _check_counts(numbers)
        latency[steps, rows, np.searchsorted(bounds, of_values)] = numbers
        n = len(bounds)
        counts = np.diff(latency[:, :, :n], axis=2, prepend=0.0)
        if (counts < 0).any():
            raise MalformedError("buckets are not cumulated")
        latency[:, :, :n] = np.where(np.isnan(counts).any(axis=2, keepdims=True), np.nan, counts)
        latency[:, :, n:] = np.where(np.isnan(latency[:, :, :1]), np.nan, 0.0)
    for step, row, native in collected.native:
        latency[step, row] = 0
        for bucket, count in native.buckets:
            latency[step, row, columns[bucket]] = count
    return latency, tuple(columns)


def _columns(values: _Values) -> tuple[Any, Any, Any, Any]:
    """Return the four parts of values as arrays."""
    steps, rows, columns, numbers = zip(*values, strict=True)
    return np.array(steps), np.array(rows), np.array(columns, np.float64), np.array(numbers)


def _check_counts(values: Floats) -> None:
    if not ((values >= 0) & (values <= MAX_COUNT)).all():  # NaN neither
        raise MalformedError("a counter has a value that is no count")
