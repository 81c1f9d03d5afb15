"""What a span of time brought, by row: as it comes in (`AttemptCounts`), at rest (`Slice`), and summed up (`RunningSums`).

Seconds are kept one by one for a minute, as blocks of ten seconds for five, and as blocks of thirty for
fifteen (`SLICE_LENGTHS_S`). Whatever a window of W seconds sums up is thus exact to the record, but the window
begins on the boundary of a block: it reaches back W seconds and, beyond a minute, up to 9 or 29 more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import CELLS, PackedCounts, PagedCounts, SparseCounts, bucket_of, find, narrow
from tcpconntop.core.types import Rows
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import OTHER_ROW
from tcpconntop.core.wire import Outcome

SLICE_LENGTHS_S = {60: 1, 300: 10, 900: 30}
"""Up to which age, in seconds, a slice has which length. Each length is a multiple of the one before."""

MAX_WINDOW_S = max(SLICE_LENGTHS_S)


def slice_length_s(age_s: float) -> int:
    """Give the length of slices of an age, in seconds."""
    return next(
        (length for age, length in SLICE_LENGTHS_S.items() if age_s <= age), SLICE_LENGTHS_S[MAX_WINDOW_S]
    )


def slice_span(second: int, now_second: int) -> tuple[int, int]:
    """Give the block that a second belongs to by now: its first second and its length.

    A block is formed once all of it is older than what is kept more finely.
    """
    younger = 0
    block = (second, 1)
    for age, length in SLICE_LENGTHS_S.items():
        start = second // length * length
        if start + length - 1 <= now_second - younger:
            block = (start, length)
        younger = age
    return block


def first_single_second(now_second: int) -> int:
    """Give the second from which on slices are single seconds by now; older ones are in longer blocks."""
    age, (_, length, *_) = min(SLICE_LENGTHS_S), SLICE_LENGTHS_S.values()
    return (now_second - age + 1) // length * length


def oldest_second(now_second: int) -> int:
    """Give the first second that slices may tell of by now."""
    length = slice_length_s(MAX_WINDOW_S)
    return (now_second - MAX_WINDOW_S + 1) // length * length


@dataclass(frozen=True, eq=False)
class Slice:
    """What a span of time brought. Immutable, and packed: little more than a byte a bucket and some 23 a row.

    Attributes:
        second: number of its first second on the monotonic clock.
        seconds: how many seconds it covers.
        packed_rows: the rows that had records, ascending, distinct, shape (n,).
        packed_stats: their figures (`stats.pack`), each of the same length; the `LAST_ATTEMPT_FIELDS` ones are not kept.
        packed_latency: bucket counts of the connects that succeeded.
        packed_errors: errno counts of those that failed.
    """

    second: int
    seconds: int
    packed_rows: npt.NDArray[np.unsignedinteger]
    packed_stats: st.PackedStats
    packed_latency: PackedCounts
    packed_errors: PackedCounts

    @property
    def rows(self) -> Rows:
        """The rows that had records, ascending, distinct."""
        return self.packed_rows.astype(np.int64)

    def indices(self, rows: Rows) -> Rows:
        """Give the places in `rows` of those of some rows (ascending) that had records."""
        return find(self.packed_rows, rows)[0]

    def rows_at(self, places: Rows) -> Rows:
        """Give the rows at some places."""
        return self.packed_rows[places].astype(np.int64)

    @cached_property
    def buckets(self) -> npt.NDArray[np.int64]:
        """Bucket counts of all rows together, shape (CELLS,)."""
        return self.packed_latency.cell_totals()

    @cached_property
    def ended(self) -> int:
        """Ended attempts of all rows together."""
        return int(self.outcomes().sum())

    def outcomes(self, at: Rows | slice = slice(None)) -> npt.NDArray[np.int64]:
        """Ended attempts of those rows, or of those at some places; indexed by `Outcome`, shape (n, 6)."""
        return st.outcome_counts(self.packed_stats, len(self.packed_rows), at)

    @property
    def stats(self) -> st.Stats:
        """All figures of those rows (dtype `STATS`)."""
        return st.unpack(self.packed_stats, len(self.packed_rows))

    @property
    def latency(self) -> SparseCounts:
        """Bucket counts of the connects that succeeded."""
        return self.packed_latency.unpack()

    @property
    def errors(self) -> SparseCounts:
        """Errno counts of the attempts that failed."""
        return self.packed_errors.unpack()

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        columns = sum(column.nbytes for column in self.packed_stats.values())
        return self.packed_rows.nbytes + columns + self.packed_latency.nbytes + self.packed_errors.nbytes

    def fold(self, new_row: Rows) -> Slice:
        """Give the same span with rows renumbered in their order, but for those that `OTHER_ROW` takes in."""
        rows = new_row[self.packed_rows]
        stay = rows != OTHER_ROW
        other = rows[~stay][:1]
        return Slice(
            self.second,
            self.seconds,
            narrow(np.append(other, rows[stay])),
            st.fold(self.packed_stats, stay),
            self.packed_latency.fold(new_row),
            self.packed_errors.fold(new_row),
        )


@dataclass(frozen=True, eq=False)
class AttemptCounts:
    """What some attempts brought, by row.

    Attributes:
        stats: figures of each row (dtype `STATS`).
        latency: bucket counts of the connects that succeeded.
        errors: errno counts of those that failed.
    """

    stats: st.Stats
    latency: SparseCounts
    errors: SparseCounts

    @classmethod
    def from_attempts(cls, attempts: st.Attempts, n_rows: int) -> AttemptCounts:
        """Count attempts of rows 0 … n_rows - 1."""
        ok = attempts.outcome == Outcome.OK
        failed = np.flatnonzero(~ok)
        ok = np.flatnonzero(ok)
        return cls(
            st.from_attempts(attempts, n_rows),
            SparseCounts.from_pairs(attempts.rows[ok], bucket_of(attempts.latency_ns[ok])),
            SparseCounts.from_pairs(attempts.rows[failed], np.minimum(attempts.error[failed], CELLS - 1)),
        )

    def to_slice(self, second: int, seconds: int) -> Slice:
        """Give it as the slice of a span of time."""
        rows = np.flatnonzero(st.attempt_counts(self.stats))
        columns = st.pack(self.stats[rows])
        return Slice(
            second,
            seconds,
            narrow(rows),
            columns,
            PackedCounts.pack(self.latency),
            PackedCounts.pack(self.errors),
        )


@dataclass
class RunningSums:
    """The sum of some slices, by row; it changes in place.

    Attributes:
        stats: figures of each row (dtype `STATS`); there may be more rows than were ever seen.
        latency: bucket counts of the connects that succeeded.
        errors: errno counts of those that failed.
    """

    stats: st.Stats = field(default_factory=lambda: st.empty(0))
    latency: PagedCounts = field(default_factory=PagedCounts)
    errors: PagedCounts = field(default_factory=PagedCounts)

    @classmethod
    def from_slices(cls, slices: Sequence[Slice], n_rows: int) -> RunningSums:
        """Sum up slices of rows 0 … n_rows - 1."""
        latency = PagedCounts.total([part.packed_latency for part in slices])
        return cls(
            _stats_of(slices, n_rows), latency, PagedCounts.total([part.packed_errors for part in slices])
        )

    def copy(self) -> RunningSums:
        """Give sums of their own."""
        return RunningSums(self.stats.copy(), self.latency.copy(), self.errors.copy())

    def grow(self, n_rows: int) -> None:
        """Make room for rows 0 … n_rows - 1."""
        self.stats = st.extended(self.stats, n_rows)

    def update(
        self, added: Sequence[Slice], gone: Sequence[Slice] = (), remaining: Sequence[Slice] = ()
    ) -> None:
        """Add slices and take others away; those that remain are asked for the extremes that went."""
        extreme = np.zeros(len(self.stats), np.bool_)
        for part in gone:
            rows = part.packed_rows
            st.subtract_sums(self.stats, rows, part.packed_stats)
            if st.OK_COLUMN in part.packed_stats:
                extreme[rows] |= part.packed_stats["max_ns"] >= self.stats["max_ns"][rows]
                extreme[rows] |= part.packed_stats["min_ns"] <= self.stats["min_ns"][rows]
        self.stats["min_ns"][extreme], self.stats["max_ns"][extreme] = st.NO_MINIMUM, 0
        for part in remaining if len(gone) else ():
            at = np.flatnonzero(extreme[part.packed_rows])
            st.update_extremes(self.stats, part.packed_rows[at], part.packed_stats, at)
        for part in added:
            st.add(self.stats, part.packed_rows, part.packed_stats)
        self.latency.add(PackedCounts.total([part.packed_latency for part in added]))
        self.latency.subtract(PackedCounts.total([part.packed_latency for part in gone]))
        self.errors.add(PackedCounts.total([part.packed_errors for part in added]))
        self.errors.subtract(PackedCounts.total([part.packed_errors for part in gone]))

    def add(self, more: RunningSums) -> None:
        """Add other sums, in place."""
        self.grow(len(more.stats))
        st.add(self.stats, np.arange(len(more.stats)), st.pack(more.stats))
        self.latency.merge(more.latency)
        self.errors.merge(more.errors)

    def fold(self, new_row: Rows, n_rows: int) -> None:
        """Renumber rows in their order, but for those that `OTHER_ROW` takes in, in place."""
        self.stats = st.regroup(st.extended(self.stats, len(new_row))[: len(new_row)], new_row, n_rows)
        self.latency, self.errors = self.latency.fold(new_row), self.errors.fold(new_row)


def merge_slices(slices: Sequence[Slice], second: int, seconds: int, n_rows: int) -> Slice:
    """Give one slice for several of the same span of time."""
    if len(slices) == 1:
        return slices[0]
    stats = _stats_of(slices, n_rows)
    rows = np.flatnonzero(st.attempt_counts(stats))
    latency = PackedCounts.merge([part.packed_latency for part in slices])
    errors = PackedCounts.merge([part.packed_errors for part in slices])
    return Slice(second, seconds, narrow(rows), st.pack(stats[rows]), latency, errors)


def _stats_of(slices: Sequence[Slice], n_rows: int) -> st.Stats:
    """Add up the figures of slices, for rows 0 … n_rows - 1."""
    stats = st.empty(n_rows)
    for part in slices:
        st.add(stats, part.packed_rows, part.packed_stats)
    return stats
