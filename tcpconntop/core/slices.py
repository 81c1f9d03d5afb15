"""What a span of time brought, by row: sums at work (`Sums`), and at rest (`Slice`).

Seconds are kept one by one for a minute, as blocks of ten seconds for five, and as blocks of thirty for
fifteen (`LENGTHS_S`). Whatever a window of W seconds sums up is thus exact to the record, but the window
begins on the boundary of a block: it reaches back W seconds and, beyond a minute, up to 9 or 29 more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core import stats as st
from tcpconntop.core.cells import CELLS, Cells, Packed, narrow
from tcpconntop.core.histogram import bucket_of
from tcpconntop.core.keys import Rows
from tcpconntop.core.wire import Outcome

LENGTHS_S = {60: 1, 300: 10, 900: 30}
"""Up to which age, in seconds, a slice has which length. Each length is a multiple of the one before."""

LONGEST_S = max(LENGTHS_S)


def length_s(age_s: float) -> int:
    """Give the length of slices of an age, in seconds."""
    return next((length for age, length in LENGTHS_S.items() if age_s <= age), LENGTHS_S[LONGEST_S])


def block_of(second: int, now_second: int) -> tuple[int, int]:
    """Give the block that a second belongs to by now: its first second and its length.

    A block is formed once all of it is older than what is kept more finely.
    """
    younger = 0
    block = (second, 1)
    for age, length in LENGTHS_S.items():
        start = second // length * length
        if start + length - 1 <= now_second - younger:
            block = (start, length)
        younger = age
    return block


class Slice:
    """What a span of time brought. Immutable, and packed: 3 bytes a bucket and some 30 a row.

    Args:
        second: number of its first second on the monotonic clock.
        seconds: how many seconds it covers.
        rows: the rows that had records, ascending, distinct.
        stats: their figures (dtype `STATS`), same length; the `LATEST` ones are not kept.
        latency: bucket counts of the connects that succeeded.
        errors: errno counts of those that failed.
    """

    def __init__(
        self, second: int, seconds: int, rows: Rows, stats: st.Stats, latency: Cells, errors: Cells
    ) -> None:
        self.second = second
        self.seconds = seconds
        self._rows = narrow(rows)
        self._columns = st.pack(stats)
        self.packed_latency = Packed(latency)
        self.packed_errors = Packed(errors)

    @property
    def rows(self) -> Rows:
        """The rows that had records, ascending, distinct."""
        return self._rows.astype(np.int64)

    def places(self, rows: Rows) -> Rows:
        """Give the places in `rows` of those of some rows (ascending) that had records."""
        if not len(self._rows):
            return np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self._rows, rows.astype(self._rows.dtype)), len(self._rows) - 1)
        found: Rows = at[self._rows[at] == rows]
        return found

    def rows_at(self, places: Rows) -> Rows:
        """Give the rows at some places."""
        return self._rows[places].astype(np.int64)

    @cached_property
    def buckets(self) -> npt.NDArray[np.int64]:
        """Bucket counts of all rows together, shape (CELLS,)."""
        return self.packed_latency.by_cell()

    @property
    def outcomes(self) -> npt.NDArray[np.integer]:
        """Ended attempts of those rows, indexed by `Outcome`, shape (n, 6)."""
        return self._columns["outcomes"]

    @property
    def stats(self) -> st.Stats:
        """All figures of those rows (dtype `STATS`)."""
        return st.unpack(self._columns)

    def extremes_at(self, at: Rows) -> st.Columns:
        """Give `min_ns` and `max_ns` of some of those rows, by their place in `rows`."""
        some = self.outcomes[at, Outcome.OK] > 0
        least = np.where(some, self._columns["min_ns"][at], np.uint64(st.NO_MINIMUM))
        return {"min_ns": least.astype(np.int64), "max_ns": self._columns["max_ns"][at].astype(np.int64)}

    @property
    def latency(self) -> Cells:
        """Bucket counts of the connects that succeeded."""
        return self.packed_latency.unpack()

    @property
    def errors(self) -> Cells:
        """Errno counts of the attempts that failed."""
        return self.packed_errors.unpack()

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        columns = sum(column.nbytes for column in self._columns.values())
        return self._rows.nbytes + columns + self.packed_latency.nbytes + self.packed_errors.nbytes

    def regroup(self, new_row: Rows) -> Slice:
        """Give the same span with rows merged: `new_row[row]` is where a row goes."""
        rows, groups = np.unique(new_row[self._rows], return_inverse=True)
        return Slice(
            self.second,
            self.seconds,
            rows,
            st.regroup(self.stats, groups, len(rows)),
            self.packed_latency.regroup(new_row),
            self.packed_errors.regroup(new_row),
        )


@dataclass
class Sums:
    """The sum of some slices, by row.

    Attributes:
        stats: figures of each row (dtype `STATS`); there may be more rows than were ever seen.
        latency: bucket counts of the connects that succeeded.
        errors: errno counts of those that failed.
    """

    stats: st.Stats = field(default_factory=lambda: st.empty(0))
    latency: Cells = field(default_factory=Cells)
    errors: Cells = field(default_factory=Cells)

    @classmethod
    def of_attempts(cls, attempts: st.Attempts, n_rows: int) -> Sums:
        """Sum up attempts."""
        ok = attempts.outcome == Outcome.OK
        failed = np.flatnonzero(~ok)
        ok = np.flatnonzero(ok)
        return cls(
            st.of_attempts(attempts, n_rows),
            Cells.of(attempts.rows[ok], bucket_of(attempts.latency_ns[ok])),
            Cells.of(attempts.rows[failed], np.minimum(attempts.error[failed], CELLS - 1)),
        )

    def copy(self) -> Sums:
        """Give sums of their own."""
        return Sums(self.stats.copy(), self.latency, self.errors)

    def slice(self, second: int, seconds: int) -> Slice:
        """Give the sums as the slice of a span of time."""
        rows = np.flatnonzero(st.attempts(self.stats))
        return Slice(second, seconds, rows, self.stats[rows], self.latency, self.errors)

    def grow(self, n_rows: int) -> None:
        """Make room for rows 0 … n_rows - 1."""
        self.stats = st.grown(self.stats, n_rows)

    def change(
        self, added: Sequence[Slice], gone: Sequence[Slice] = (), remaining: Sequence[Slice] = ()
    ) -> None:
        """Add slices and take others away; those that remain are asked for the extremes that went."""
        extreme = np.zeros(len(self.stats), np.bool_)
        for part in gone:
            rows, stats = part.rows, part.stats
            st.subtract_sums(self.stats, rows, stats)
            extreme[rows] |= stats["max_ns"] >= self.stats["max_ns"][rows]
            extreme[rows] |= stats["min_ns"] <= self.stats["min_ns"][rows]
        self.stats["min_ns"][extreme], self.stats["max_ns"][extreme] = st.NO_MINIMUM, 0
        for part in remaining if len(gone) else ():
            rows = part.rows
            at = np.flatnonzero(extreme[rows])
            st.add_extremes(self.stats, rows[at], part.extremes_at(at))
        for part in added:
            st.add(self.stats, part.rows, part.stats)
        self.latency = self.latency.changed(
            [Packed.total([part.packed_latency for part in added])],
            [Packed.total([part.packed_latency for part in gone])],
        )
        self.errors = self.errors.changed(
            [Packed.total([part.packed_errors for part in added])],
            [Packed.total([part.packed_errors for part in gone])],
        )

    def regroup(self, new_row: Rows, n_rows: int) -> Sums:
        """Give the same sums with rows merged."""
        stats = st.regroup(st.grown(self.stats, len(new_row))[: len(new_row)], new_row, n_rows)
        return Sums(stats, self.latency.regroup(new_row), self.errors.regroup(new_row))


def merged(slices: Sequence[Slice], second: int, seconds: int, n_rows: int) -> Slice:
    """Give one slice for several of the same span of time."""
    if len(slices) == 1:
        return slices[0]
    sums = Sums(st.empty(n_rows))
    sums.change(slices)
    return sums.slice(second, seconds)
