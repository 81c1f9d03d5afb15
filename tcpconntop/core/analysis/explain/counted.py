"""The connects that a finding counts, and when they ended: from single records, or else from slices.

Where the records of all of them are kept, the times are exact. Else the slices tell, provided that what they
have adds up to the count of the finding: so a time is never that of a connect which is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import EADDRNOTAVAIL
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.counts import SparseCounts, bucket_of, find, first_bucket_from
from tcpconntop.core.thresholds import SLOW_US
from tcpconntop.core.types import SECOND_NS, Mask, Rows
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Outcome

MOST = 0.8
"""The share of connects that ended close together, where single ones did so at other times too."""

T = TypeVar("T")
Name = tuple[str, bytes]
Times = npt.NDArray[np.uint64]

_SLOW_BUCKET = first_bucket_from(SLOW_US)

MAX_KEPT, MAX_NAMED_ROWS = 32, 64
"""How many answers a slice keeps, and of how many rows at most. What it buys: 2 ms a refresh where ten
findings are about more failures than are kept as records."""


class Between(NamedTuple):
    """A time that is known to lie between two.

    Attributes:
        begin_ns, end_ns: the first and the last nanosecond that it can be; equal where it is known.
    """

    begin_ns: int
    end_ns: int


class Span(NamedTuple):
    """When the first and the last of some connects ended; `first` is None where that is not known."""

    first: Between | None
    last: Between


class Dense(NamedTuple):
    """When the first and the last of `n` connects ended that are close together."""

    first: Between
    last: Between
    n: int


@dataclass(frozen=True, eq=False)
class Counted:
    """The connects that a finding counts.

    Attributes:
        n: how many.
        ends_ns: when those of them ended whose records are kept, shape (m,).
        count_in: counts them in a slice; None if `ends_ns` has all of them.
        is_first_kept: False if the records are the last ones of more.
        name: see `kept_answer`.
    """

    n: int
    ends_ns: Times
    count_in: Callable[[Slice], int] | None = None
    is_first_kept: bool = True
    name: Name | None = None

    def span(self, evidence: Evidence) -> Span | None:
        """Return when the first and the last one ended; None if it is not known.

        What slices say holds only if `is_complete`: ask for it once the span is worth it.
        """
        if len(self.ends_ns) == self.n and self.n:
            first, last = int(self.ends_ns.min()), int(self.ends_ns.max())
            return Span(Between(first, first) if self.is_first_kept else None, Between(last, last))
        if self.count_in is None:
            return None
        slices = evidence.snapshot.pictured
        begin = next((part for part in slices if self._count(part)), None)
        end = next((part for part in reversed(slices) if self._count(part)), None)
        return Span(_time_of(begin), _time_of(end)) if begin and end else None

    def is_complete(self, evidence: Evidence) -> bool:
        """Return True if `span` is of all connects that the finding counts."""
        if len(self.ends_ns) == self.n:
            return True
        return sum(map(self._count, evidence.snapshot.pictured)) == self.n

    def densest(self, evidence: Evidence) -> Dense | None:
        """Return the shortest time in which `MOST` of the connects ended; None if it is not known."""
        least = math.ceil(MOST * self.n)
        if len(self.ends_ns) == self.n and self.is_first_kept:
            ends_ns = np.sort(self.ends_ns)
            first = int(np.argmin(ends_ns[least - 1 :] - ends_ns[: self.n - least + 1]))
            begin, end = int(ends_ns[first]), int(ends_ns[first + least - 1])
            return Dense(Between(begin, begin), Between(end, end), least)
        slices = evidence.snapshot.pictured
        counts = list(map(self._count, slices)) if self.name else []
        if sum(counts) != self.n:
            return None
        parts = [part for part, count in zip(slices, counts, strict=True) if count]
        before = np.cumsum([0, *filter(None, counts)])
        last_of = (np.searchsorted(before, before[:-1] + least) - 1).tolist()
        lengths = [
            parts[last].second + parts[last].seconds - part.second
            for part, last in zip(parts, last_of, strict=True)
            if last < len(parts)
        ]
        first = lengths.index(min(lengths))
        last = last_of[first]
        return Dense(_time_of(parts[first]), _time_of(parts[last]), int(before[last + 1] - before[first]))

    def _count(self, part: Slice) -> int:
        """Return how many of the connects a slice has."""
        return kept_answer(part, self.name, self.count_in) if self.count_in else 0


def _time_of(part: Slice) -> Between:
    return Between(part.second * SECOND_NS, (part.second + part.seconds) * SECOND_NS - 1)


def counted_records(evidence: Evidence, records: RecentRecords) -> Counted:
    """Return records themselves, of connects that failed or lost a SYN."""
    is_first_kept = evidence.snapshot.window.recent.complete_since_ns <= evidence.began_ns
    return Counted(len(records.events), records.events["end_ns"], is_first_kept=is_first_kept)


def failed_connects(evidence: Evidence, keys: Rows, n: int, outcomes: Sequence[Outcome]) -> Counted:
    """Return the connects of some keys that ended with one of these outcomes."""
    kept = evidence.once(_failures)
    wanted = kept.outcome == outcomes[0] if len(outcomes) == 1 else np.isin(kept.outcome, outcomes)
    labels, rows = [outcome.label for outcome in outcomes], _rows(evidence, keys)

    def count_in(part: Slice) -> int:
        columns = [part.packed_stats[label] for label in labels if label in part.packed_stats]
        index = part.indices(rows) if columns else ()
        return sum(int(column[index].sum()) for column in columns) if len(index) else 0

    return Counted(n, kept.ends_of(keys, wanted), count_in, name=name_of("".join(labels), rows))


def connects_without_port(evidence: Evidence, keys: Rows, n: int) -> Counted:
    """Return the connects of some keys that failed with EADDRNOTAVAIL."""
    kept = evidence.once(_failures)
    rows = _rows(evidence, keys)

    def count_in(part: Slice) -> int:
        errors = SparseCounts(*part.packed_errors.select(rows, np.zeros(len(rows), np.int64)))
        return int(errors.counts[errors.cells() == EADDRNOTAVAIL].sum())

    return Counted(n, kept.ends_of(keys, kept.error == EADDRNOTAVAIL), count_in, name=name_of("port", rows))


def retried_connects(evidence: Evidence, keys: Rows, n: int, records: RecentRecords) -> Counted:
    """Return the connects of some keys that succeeded after a SYN was sent again; some have `records`."""
    rows = _rows(evidence, keys)

    def count_in(part: Slice) -> int:
        return int(_waited_in(part, rows).sum())

    return Counted(n, records.events["end_ns"], count_in, name=name_of("retried", rows))


def slow_connects(evidence: Evidence, keys: Rows, n: int) -> Counted:
    """Return the slow connects of some keys that waited for no SYN that was sent again."""
    kept, rows = evidence.once(_slow), _rows(evidence, keys)

    def count_in(part: Slice) -> int:
        late = _successes_from(part, rows, _SLOW_BUCKET)
        return int(np.maximum(late - _waited_in(part, rows), 0).sum()) if late.any() else 0

    return Counted(n, kept.ends_of(keys, kept.outcome == Outcome.OK), count_in, name=name_of("slow", rows))


class _Kept:
    """Records of the window under a mask, as arrays of shape (n,): copies of whole records would take longer.

    Attributes:
        n_keys: how many keys the evidence has.
        key_index: the number of each one's key.
        ends_ns, outcome, error: fields of the records.
    """

    def __init__(self, evidence: Evidence, mask: Mask) -> None:
        events = evidence.recent.events[mask]
        self.key_index, found = evidence.find_keys(events)
        self.n_keys = len(evidence.keys)
        self.ends_ns, self.outcome, self.error = (
            events[name][found] for name in ("end_ns", "outcome", "error")
        )

    def ends_of(self, keys: Rows, mask: Mask) -> Times:
        """Return when the records of some keys ended, of those under a mask."""
        wanted = np.zeros(self.n_keys, np.bool_)
        wanted[keys] = True
        ends_ns: Times = self.ends_ns[wanted[self.key_index] & mask]
        return ends_ns


def _failures(evidence: Evidence) -> _Kept:
    return _Kept(evidence, evidence.recent.outcome != Outcome.OK)


def _slow(evidence: Evidence) -> _Kept:
    recent = evidence.recent
    late = bucket_of(latency_ns(recent.events)) >= _SLOW_BUCKET
    late &= (recent.outcome == Outcome.OK) & (recent.events["syn_retransmits"] == 0)
    return _Kept(evidence, late)


def _rows(evidence: Evidence, keys: Rows) -> Rows:
    """Return the rows of some keys in the window, ascending."""
    return np.sort(evidence.rows[keys])


def kept_answer(part: Slice, name: Name | None, compute: Callable[[Slice], T]) -> T:
    """Return `compute(part)`. A slice does not change, so it keeps the answer where that has a name."""
    if name is None:
        return compute(part)
    kept: dict[Name, T] = vars(part).setdefault("_answers", {})
    if name not in kept:
        if len(kept) >= MAX_KEPT:
            kept.clear()
        kept[name] = compute(part)
    return kept[name]


def name_of(what: str, rows: Rows) -> Name | None:
    """Return the name of what is counted of some rows; None where they are too many to keep it."""
    return (what, rows.tobytes()) if len(rows) <= MAX_NAMED_ROWS else None


def _successes_from(part: Slice, rows: Rows, bucket: int) -> Rows:
    """Return how many connects of some rows succeeded in a latency bucket or a higher one, shape (rows,)."""
    if part.packed_latency.cell_range[1] < bucket:
        return np.zeros(len(rows), np.int64)
    latency = SparseCounts(*part.packed_latency.select(rows, np.arange(len(rows))))
    high = latency.cells() >= bucket
    return np.bincount(latency.rows()[high], latency.counts[high], len(rows)).astype(np.int64)


def _waited_in(part: Slice, rows: Rows) -> Rows:
    """Return how many connects of some rows succeeded after a SYN was sent again, shape (rows,)."""
    waited = np.zeros(len(rows), np.int64)
    if "ok_resent" in part.packed_stats:
        index, present = find(part.packed_rows, rows)
        waited[present] = part.packed_stats["ok_resent"][index]
    return waited
