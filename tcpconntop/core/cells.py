"""Sparse counts of (row, cell) pairs: what every histogram and error table of the window is made of.

A pair is one integer, its code: `row << CELL_BITS | cell`. A set of counts is a sorted array of distinct
codes beside an array of their counts, so that adding, subtracting, regrouping and looking up quantiles of
a hundred thousand rows are each a handful of numpy calls, and only cells that were hit take memory:
16 bytes each at work, 3 at rest (`Packed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

CELL_BITS = 11
CELLS = 1 << CELL_BITS
"""Cells a row: enough for the latency buckets (1,730) and for every errno."""

AT_ONCE = 1 << 18
"""About how many packed cells are unpacked at once: 10 MB while they are added."""

FEW = 8
"""Where fewer than one row in so many is wanted, they are looked up one by one."""

Ints = npt.NDArray[np.int64]


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Cells:
    """Counts by row and cell. Immutable: every operation returns a new set.

    Attributes:
        codes: sorted and distinct, shape (n,).
        counts: how often each was seen, all > 0, shape (n,).
    """

    codes: Ints = field(default_factory=_none)
    counts: Ints = field(default_factory=_none)

    @classmethod
    def of(cls, rows: npt.NDArray[np.integer], cells: npt.NDArray[np.integer]) -> Cells:
        """Count the pairs of two arrays of the same length."""
        codes = (rows.astype(np.int64) << CELL_BITS) | cells
        codes = codes[radix_order(codes)]
        starts = run_starts(codes)
        return cls(codes[starts], np.diff(starts, append=len(codes)))

    @classmethod
    def gathered(cls, parts: Sequence[tuple[Ints, Ints]]) -> Cells:
        """Add up codes with their counts, which may come in any order and more than once."""
        if not parts:
            return cls()
        return _gather(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    @classmethod
    def total(cls, parts: Sequence[Cells]) -> Cells:
        """Add several sets."""
        filled = [part for part in parts if len(part.codes)]
        if len(filled) < 2:
            return filled[0] if filled else cls()
        return _add_up(*_merge(filled))

    def minus(self, other: Cells) -> Cells:
        """Take away counts that were added before.

        Raises:
            ValueError: `other` holds counts that are not in this set.
        """
        return self.changed((), (other,))

    def changed(self, added: Sequence[Cells], gone: Sequence[Cells]) -> Cells:
        """Add sets and take others away, in one pass.

        Raises:
            ValueError: there would be less than nothing of a pair.
        """
        change = Cells.total([*added, *(Cells(part.codes, -part.counts) for part in gone)])
        if not len(change.codes):
            return self
        codes, counts = _merge([self, change])
        twice = np.flatnonzero(codes[1:] == codes[:-1])
        counts[twice] += counts[twice + 1]
        counts[twice + 1] = 0
        if (counts < 0).any():
            raise ValueError("cannot take away counts that were never added")
        left = np.flatnonzero(counts)
        return Cells(codes[left], counts[left])

    def regroup(self, new_row: npt.NDArray[np.integer]) -> Cells:
        """Merge rows: `new_row[row]` is where a row goes, and -1 drops it."""
        few = np.flatnonzero(new_row >= 0)
        if FEW * len(few) < len(new_row):
            edges = np.searchsorted(self.codes, np.concatenate((few, few + 1)) << CELL_BITS)
            at, lengths = _ranges(edges[: len(few)], edges[len(few) :])
            codes = np.repeat(new_row[few].astype(np.int64), lengths) << CELL_BITS
            return _gather(codes | (self.codes[at] & (CELLS - 1)), self.counts[at])
        rows = new_row[self.rows()]
        kept = np.flatnonzero(rows >= 0)
        return _gather((rows[kept].astype(np.int64) << CELL_BITS) | self.cells()[kept], self.counts[kept])

    def rows(self) -> Ints:
        """Give the row of each code, shape (n,)."""
        return self.codes >> CELL_BITS

    def cells(self) -> Ints:
        """Give the cell of each code, shape (n,)."""
        return self.codes & (CELLS - 1)

    def row_starts(self, n_rows: int) -> Ints:
        """Give where the codes of each of rows 0 … n_rows begin, shape (n_rows + 1,)."""
        return np.searchsorted(self.codes, np.arange(n_rows + 1, dtype=np.int64) << CELL_BITS)


class Packed:
    """The same counts at rest, in 3 bytes a cell and 8 a row while no count exceeds 255. Immutable."""

    def __init__(self, counts: Cells) -> None:
        rows = counts.rows()
        starts = run_starts(rows)
        self._rows = narrow(rows[starts])
        self._starts = narrow(np.append(starts, len(rows)))
        self._cells = counts.cells().astype(np.uint16)
        self._counts = narrow(counts.counts)

    @property
    def last_row(self) -> int:
        """The greatest row; 0 where there is none."""
        return int(self._rows[-1]) if len(self._rows) else 0

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return sum(part.nbytes for part in (self._rows, self._starts, self._cells, self._counts))

    def __len__(self) -> int:
        return len(self._cells)

    def unpack(self, low: int = 0, high: int = 1 << 52) -> Cells:
        """Give the counts, or those of rows low … high - 1, ready for work."""
        first, end = np.searchsorted(self._rows, (low, high))
        starts: Ints = self._starts[first : end + 1].astype(np.int64)
        at = slice(starts[0], starts[-1])
        rows = np.repeat(self._rows[first:end].astype(np.int64), np.diff(starts))
        return Cells((rows << CELL_BITS) | self._cells[at], self._counts[at].astype(np.int64))

    @staticmethod
    def total(parts: Sequence[Packed]) -> Cells:
        """Add several, some rows at a time, so that little is unpacked at once."""
        size, n_rows = sum(map(len, parts)), 1 + max((part.last_row for part in parts), default=0)
        step = max(1, n_rows * AT_ONCE // max(size, 1))
        blocks = [
            Cells.total([part.unpack(low, low + step) for part in parts]) for low in range(0, n_rows, step)
        ]
        return Cells(
            np.concatenate([block.codes for block in blocks]),
            np.concatenate([block.counts for block in blocks]),
        )

    def regroup(self, new_row: npt.NDArray[np.integer]) -> Cells:
        """Give what `unpack().regroup(new_row)` would; its cost is that of the rows that are kept."""
        rows = new_row[self._rows]
        kept = np.flatnonzero(rows >= 0)
        return _gather(*self._at(kept, rows[kept]))

    def pick(self, rows: Ints, to: Ints) -> tuple[Ints, Ints]:
        """Give codes and counts of a few rows (ascending), each at the row of `to` where it goes."""
        if not len(self._rows):
            return _none(), _none()
        at = np.minimum(np.searchsorted(self._rows, rows.astype(self._rows.dtype)), len(self._rows) - 1)
        known = self._rows[at] == rows
        return self._at(at[known], to[known])

    def by_cell(self) -> Ints:
        """Give the counts of all rows together, shape (CELLS,)."""
        return np.bincount(self._cells, self._counts, CELLS).astype(np.int64)

    def _at(self, places: Ints, to: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
        starts = self._starts[places].astype(np.int64)
        at, lengths = _ranges(starts, self._starts[places + 1].astype(np.int64))
        codes = (np.repeat(to.astype(np.int64), lengths) << CELL_BITS) | self._cells[at]
        return codes, self._counts[at].astype(np.int64)


def narrow(values: npt.NDArray[Any]) -> npt.NDArray[np.unsignedinteger]:
    """Store non-negative integers in as few bytes each as the greatest needs."""
    packed: npt.NDArray[np.unsignedinteger] = values.astype(np.min_scalar_type(values.max(initial=0)))
    return packed


def radix_order(values: npt.NDArray[np.integer]) -> Ints:
    """Give the stable ascending order of non-negative integers.

    Passes over 16 bits each, which numpy sorts by counting: 11 ns a value for the codes of a second,
    against 70 ns for a sort that compares.
    """
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(16, int(values.max(initial=0)).bit_length(), 16):
        digits = (values >> shift).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def run_starts(ordered: npt.NDArray[Any]) -> Ints:
    """Give the index of the first of each run of equal values."""
    if not len(ordered):
        return _none()
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def _ranges(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Give the indices of several ranges one after the other, and how many each has."""
    lengths = ends - starts
    total = np.cumsum(lengths)
    return np.repeat(ends - total, lengths) + np.arange(total[-1] if len(total) else 0), lengths


def _merge(parts: Sequence[Cells]) -> tuple[Ints, Ints]:
    """Give the codes of several sets in one order, beside their counts."""
    codes = np.concatenate([part.codes for part in parts])
    # The parts are sorted runs: a merge sort takes a few comparisons a code.
    order = np.argsort(codes, kind="stable")
    return codes[order], np.concatenate([part.counts for part in parts])[order]


def _gather(codes: Ints, counts: Ints) -> Cells:
    """Sort codes and add the counts of equal ones."""
    if not len(codes) or (codes[1:] > codes[:-1]).all():
        return Cells(codes, counts)
    span = int(codes.max()) + 1
    if span <= 2 * len(codes):  # few rows hold it all: no need to sort
        dense = np.bincount(codes, counts, span).astype(np.int64)
        filled = np.flatnonzero(dense)
        return Cells(filled, dense[filled])
    order = radix_order(codes)
    return _add_up(codes[order], counts[order])


def _add_up(codes: Ints, counts: Ints) -> Cells:
    """Add the counts of equal codes, which stand side by side."""
    starts = run_starts(codes)
    running = np.concatenate(([0], np.cumsum(counts)))
    return Cells(codes[starts], np.diff(running[np.append(starts, len(codes))]))
