"""Sparse counts of (row, cell) pairs: what every histogram and error table of the window is made of.

A pair is one integer, its code: `row << CELL_BITS | cell`. A set of counts is a sorted array of distinct
codes beside an array of their counts, so that adding, subtracting, regrouping and looking up quantiles of
a hundred thousand rows are each a handful of numpy calls, and only cells that were hit take memory
(16 bytes each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

CELL_BITS = 11
CELLS = 1 << CELL_BITS
"""Cells a row: enough for the latency buckets (1,730) and for every errno."""

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
        codes = np.sort((rows.astype(np.int64) << CELL_BITS) | cells)
        starts = _run_starts(codes)
        return cls(codes[starts], np.diff(starts, append=len(codes)))

    @classmethod
    def total(cls, parts: Sequence[Cells]) -> Cells:
        """Add several sets."""
        filled = [part for part in parts if len(part.codes)]
        if len(filled) < 2:
            return filled[0] if filled else cls()
        return _gather(
            np.concatenate([part.codes for part in filled]), np.concatenate([part.counts for part in filled])
        )

    def minus(self, other: Cells) -> Cells:
        """Take away counts that were added before.

        Raises:
            ValueError: `other` holds counts that are not in this set.
        """
        if not len(other.codes):
            return self
        at = np.searchsorted(self.codes, other.codes)
        if at[-1] >= len(self.codes) or (self.codes[at] != other.codes).any():
            raise ValueError("cannot take away counts that were never added")
        counts = self.counts.copy()
        counts[at] -= other.counts
        if (counts[at] < 0).any():
            raise ValueError("cannot take away counts that were never added")
        keep = counts > 0
        return Cells(self.codes[keep], counts[keep])

    def regroup(self, new_row: npt.NDArray[np.integer]) -> Cells:
        """Merge rows: `new_row[row]` is where a row goes, and -1 drops it."""
        rows = new_row[self.codes >> CELL_BITS].astype(np.int64)
        codes = (rows << CELL_BITS) | (self.codes & (CELLS - 1))
        kept = rows >= 0
        return _gather(codes[kept], self.counts[kept])

    def rows(self) -> Ints:
        """Give the row of each code, shape (n,)."""
        return self.codes >> CELL_BITS

    def cells(self) -> Ints:
        """Give the cell of each code, shape (n,)."""
        return self.codes & (CELLS - 1)

    def row_starts(self, n_rows: int) -> Ints:
        """Give where the codes of each of rows 0 … n_rows begin, shape (n_rows + 1,)."""
        return np.searchsorted(self.codes, np.arange(n_rows + 1, dtype=np.int64) << CELL_BITS)


def _run_starts(ordered: Ints) -> Ints:
    """Give the index of the first of each run of equal values."""
    if not len(ordered):
        return _none()
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def _gather(codes: Ints, counts: Ints) -> Cells:
    """Sort codes and add the counts of equal ones."""
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    starts = _run_starts(codes)
    if not len(starts):
        return Cells()
    return Cells(codes[starts], np.add.reduceat(counts[order], starts))
