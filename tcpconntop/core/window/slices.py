"""The connects of a time span, by row: freshly counted (`AttemptCounts`) and stored (`Slice`).

Slices of one second are kept for a minute, blocks of ten seconds for five minutes, and blocks of thirty for
fifteen (`SLICE_LENGTHS_S`). The sums of a window of W seconds are exact, but the window begins where a block
begins: it covers W seconds and, beyond a minute, up to 9 or 29 more.

What packing and blocks buy: a second of 20,000 connects to 10,000 destinations takes 0.21 MB (25 bytes a
row), where 16 bytes a cell and 112 a row would be 1.3 MB. Thirty such seconds take 6.4 MB as slices of one
second, and 0.8 MB as one block, which takes 82 ms to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import CELLS, PackedCounts, SparseCounts, bucket_of, find, narrow
from tcpconntop.core.types import Ints, Rows
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import OTHER_ROW
from tcpconntop.core.window.lengths import MAX_WINDOW_S, SLICE_LENGTHS_S
from tcpconntop.core.wire import Outcome


def slice_length_s(age_s: float) -> int:
    """Return the length of slices of an age, in seconds."""
    return next(
        (length for age, length in SLICE_LENGTHS_S.items() if age_s <= age), SLICE_LENGTHS_S[MAX_WINDOW_S]
    )


def slice_span(second: int, now_second: int, shortest_s: int = 1) -> tuple[int, int]:
    """Return the slice that holds a second at the time `now_second`: its first second and its length.

    A block is formed once all of it is older than what is kept in shorter slices. Slices that begin as
    `shortest_s` seconds are merged only into blocks that hold a whole number of them.
    """
    younger_age = 0
    span = (second // shortest_s * shortest_s, shortest_s)
    for age, length in SLICE_LENGTHS_S.items():
        start = second // length * length
        if length % shortest_s == 0 and start + length - 1 <= now_second - younger_age:
            span = (start, length)
        younger_age = age
    return span


def merged_span(seconds: set[int], length_s: int) -> tuple[int, int]:
    """Return first second and length of the slice that slices of some seconds end up in.

    Args:
        seconds: the seconds, all of one block; those without records have no slice.
        length_s: the length of that block.
    """
    first, last = min(seconds), max(seconds)
    shorter = (length for length in SLICE_LENGTHS_S.values() if first // length == last // length)
    length = min(next(shorter, length_s), length_s)
    return first // length * length, length


def whole_steps(first: int, now_second: int, step_s: int) -> int:
    """Return where a window that should begin with the second `first` begins, if slices take `step_s`.

    It begins with a whole slice, and has at least one.
    """
    return min(-(-first // step_s) * step_s, (now_second + 1) // step_s * step_s - step_s)


def block_ends(now_second: int) -> list[int]:
    """Return where the blocks of each length end, shortest length first: at this second, not included."""
    return [
        (now_second - younger_age + 1) // length * length
        for younger_age, length in zip(SLICE_LENGTHS_S, [*SLICE_LENGTHS_S.values()][1:], strict=False)
    ]


def first_single_second(now_second: int) -> int:
    """Return the second from which on slices are single seconds; older ones are in blocks."""
    return block_ends(now_second)[0]


def oldest_second(now_second: int) -> int:
    """Return the first second of the oldest slice that is kept."""
    length = slice_length_s(MAX_WINDOW_S)
    return (now_second - MAX_WINDOW_S + 1) // length * length


@dataclass(frozen=True, eq=False)
class Slice:
    """The connects that ended in a time span. Immutable and packed: some 25 bytes a row and second.

    Attributes:
        second: its first second on the monotonic clock.
        seconds: how many seconds it covers.
        packed_rows: rows with attempts, ascending, distinct, shape (n,).
        packed_stats: their figures (`stats.pack`), each column of shape (n,).
        packed_latency: latency buckets of successful connects.
        packed_errors: errno counts of failed attempts.
    """

    second: int
    seconds: int
    packed_rows: npt.NDArray[np.unsignedinteger]
    packed_stats: st.StatColumns
    packed_latency: PackedCounts
    packed_errors: PackedCounts

    @property
    def rows(self) -> Rows:
        """Rows with attempts, ascending, distinct."""
        return self.packed_rows.astype(np.int64)

    def indices(self, rows: Rows) -> Ints:
        """Return the indices in `self.rows` of those of some rows (ascending) that have attempts."""
        return find(self.packed_rows, rows)[0]

    def rows_at(self, index: Ints) -> Rows:
        """Return the rows at some indices."""
        return self.packed_rows[index].astype(np.int64)

    @cached_property
    def buckets(self) -> npt.NDArray[np.signedinteger]:
        """Latency buckets of all rows together, shape (CELLS,)."""
        small = self.packed_latency.sum <= np.iinfo(np.int32).max
        return self.packed_latency.cell_totals().astype(np.int32 if small else np.int64)

    @cached_property
    def ended(self) -> int:
        """How many attempts ended, all rows and outcomes together."""
        return int(self.outcomes().sum())

    def outcomes(self, index: Ints | slice = slice(None)) -> Ints:
        """Return the ended attempts of all rows or of those at some indices, by `Outcome`, shape (n, 6)."""
        return st.outcome_counts(self.packed_stats, len(self.packed_rows), index)

    @property
    def stats(self) -> st.Stats:
        """All figures of `rows` (dtype `STATS`)."""
        return st.unpack(self.packed_stats, len(self.packed_rows))

    @property
    def latency(self) -> SparseCounts:
        """Latency buckets of successful connects."""
        return self.packed_latency.unpack()

    @property
    def errors(self) -> SparseCounts:
        """Errno counts of failed attempts."""
        return self.packed_errors.unpack()

    @property
    def nbytes(self) -> int:
        """Memory of the arrays in bytes."""
        columns = sum(column.nbytes for column in self.packed_stats.values())
        return self.packed_rows.nbytes + columns + self.packed_latency.nbytes + self.packed_errors.nbytes

    def fold(self, new_row: Rows) -> Slice:
        """Renumber rows: row i becomes `new_row[i]`. `OTHER_ROW` sums up several, the others keep order."""
        rows = new_row[self.packed_rows]
        stays = rows != OTHER_ROW
        other = rows[~stays][:1]
        return Slice(
            self.second,
            self.seconds,
            narrow(np.append(other, rows[stays])),
            st.fold(self.packed_stats, stays),
            self.packed_latency.fold(new_row),
            self.packed_errors.fold(new_row),
        )


@dataclass(frozen=True, eq=False)
class AttemptCounts:
    """Some attempts, counted by row.

    Attributes:
        stats: figures of each row (dtype `STATS`).
        latency: latency buckets of successful connects.
        errors: errno counts of failed attempts.
    """

    stats: st.Stats
    latency: SparseCounts
    errors: SparseCounts

    @classmethod
    def from_attempts(cls, attempts: st.Attempts, n_rows: int) -> AttemptCounts:
        """Count attempts of rows 0 … n_rows - 1."""
        successful = attempts.outcome == Outcome.OK
        ok, failed = np.flatnonzero(successful), np.flatnonzero(~successful)
        return cls(
            st.from_attempts(attempts, n_rows),
            SparseCounts.from_pairs(attempts.rows[ok], bucket_of(attempts.latency_ns[ok])),
            SparseCounts.from_pairs(attempts.rows[failed], np.minimum(attempts.error[failed], CELLS - 1)),
        )

    @cached_property
    def rows(self) -> Rows:
        """Rows with attempts, ascending, distinct."""
        return np.flatnonzero(st.attempt_counts(self.stats))

    @cached_property
    def columns(self) -> st.StatColumns:
        """Figures of `rows`, not packed."""
        return st.to_columns(self.stats[self.rows])

    def to_slice(self, second: int, seconds: int) -> Slice:
        """Return the counts packed, as the slice of a time span."""
        return Slice(
            second,
            seconds,
            narrow(self.rows),
            st.pack(self.columns),
            PackedCounts.pack(self.latency),
            PackedCounts.pack(self.errors),
        )


def merge_slices(slices: Sequence[Slice], second: int, seconds: int, n_rows: int) -> Slice:
    """Return one slice in place of several, for the time span that they make up."""
    if len(slices) == 1:
        return slices[0]
    stats = sum_stats(slices, n_rows)
    rows = np.flatnonzero(st.attempt_counts(stats))
    return Slice(
        second,
        seconds,
        narrow(rows),
        st.pack(st.to_columns(stats[rows])),
        PackedCounts.merge([part.packed_latency for part in slices]),
        PackedCounts.merge([part.packed_errors for part in slices]),
    )


def sum_stats(slices: Sequence[Slice], n_rows: int) -> st.Stats:
    """Return the sum of the figures of slices, for rows 0 … n_rows - 1."""
    stats = st.empty(n_rows)
    for part in slices:
        st.add(stats, part.packed_rows, part.packed_stats)
    return stats
