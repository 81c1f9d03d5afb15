"""Sparse counts of (row, cell) pairs: what every histogram and error table of the window is made of.

A pair is one integer, its code: `row << CELL_BITS | cell`. A set of counts is a sorted array of distinct
codes beside an array of their counts, so that adding, regrouping and looking up quantiles of a hundred
thousand rows are each a handful of numpy calls, and only cells that were hit take memory: 16 bytes each at
work, little more than one at rest (`core.packed`). Sums that change all the time are kept in `core.pages`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Ints

CELL_BITS = 11
CELLS = 1 << CELL_BITS
"""Cells a row: enough for the latency buckets (1,730) and for every errno."""


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class SparseCounts:
    """Counts by row and cell. Immutable: every operation returns a new set.

    Attributes:
        codes: sorted and distinct, shape (n,).
        counts: how often each was seen, all > 0, shape (n,).
    """

    codes: Ints = field(default_factory=_none)
    counts: Ints = field(default_factory=_none)

    @classmethod
    def from_pairs(cls, rows: npt.NDArray[np.integer], cells: npt.NDArray[np.integer]) -> SparseCounts:
        """Count the pairs of two arrays of the same length."""
        codes = (rows.astype(np.int64) << CELL_BITS) | cells
        codes = codes[radix_order(codes)]
        starts = run_starts(codes)
        return cls(codes[starts], np.diff(starts, append=len(codes)))

    @classmethod
    def from_codes(cls, parts: Sequence[tuple[Ints, Ints]]) -> SparseCounts:
        """Add up codes with their counts, which may come in any order and more than once."""
        if not parts:
            return cls()
        return _gather(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    @classmethod
    def total(cls, parts: Sequence[SparseCounts]) -> SparseCounts:
        """Add several sets."""
        filled = [part for part in parts if len(part.codes)]
        if len(filled) < 2:
            return filled[0] if filled else cls()
        return _add_up(*_merge(filled))

    def regroup(self, new_row: npt.NDArray[np.integer]) -> SparseCounts:
        """Merge rows: `new_row[row]` is where a row goes, and -1 drops it."""
        rows = new_row[self.rows()]
        kept = np.flatnonzero(rows >= 0)
        return _gather((rows[kept].astype(np.int64) << CELL_BITS) | self.cells()[kept], self.counts[kept])

    def freeze(self) -> SparseCounts:
        """Let nobody write to these counts any more; give them back."""
        self.codes.flags.writeable = self.counts.flags.writeable = False
        return self

    def rows(self) -> Ints:
        """Give the row of each code, shape (n,)."""
        return self.codes >> CELL_BITS

    def cells(self) -> Ints:
        """Give the cell of each code, shape (n,)."""
        return self.codes & (CELLS - 1)

    def row_starts(self, n_rows: int) -> Ints:
        """Give where the codes of each of rows 0 … n_rows begin, shape (n_rows + 1,)."""
        return np.searchsorted(self.codes, np.arange(n_rows + 1, dtype=np.int64) << CELL_BITS)

    def counts_before_rows(self, n_rows: int) -> Ints:
        """Give how many counts come before each of rows 0 … n_rows, shape (n_rows + 1,)."""
        before: Ints = np.concatenate(([0], np.cumsum(self.counts)))[self.row_starts(n_rows)]
        return before

    def cells_of_ranks(self, places: Ints) -> Ints:
        """Give the cell of the n-th of all counts in order for each n in `places` (from 1 on), same shape."""
        return self.codes[np.searchsorted(np.cumsum(self.counts), places)] & (CELLS - 1)


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


def find(known: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Look values up among others, which ascend.

    Returns:
        The places of those that are there, and which of the wanted ones those are.
    """
    if not len(known):
        return _none(), np.zeros(len(wanted), np.bool_)
    at = np.minimum(known.searchsorted(wanted.astype(known.dtype, copy=False)), len(known) - 1)
    there = known[at] == wanted
    return at[there], there


def ranges(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Give the indices of several ranges one after the other, and how many each has."""
    lengths = ends - starts
    total = lengths.cumsum()
    return (ends - total).repeat(lengths) + np.arange(total[-1] if len(total) else 0), lengths


def _merge(parts: Sequence[SparseCounts]) -> tuple[Ints, Ints]:
    """Give the codes of several sets in one order, beside their counts."""
    codes = np.concatenate([part.codes for part in parts])
    # The parts are sorted runs: a merge sort takes a few comparisons a code.
    order = np.argsort(codes, kind="stable")
    return codes[order], np.concatenate([part.counts for part in parts])[order]


def _gather(codes: Ints, counts: Ints) -> SparseCounts:
    """Sort codes and add the counts of equal ones."""
    if not len(codes) or (codes[1:] > codes[:-1]).all():
        return SparseCounts(codes, counts)
    span = int(codes.max()) + 1
    if span <= 2 * len(codes):  # few rows hold it all: no need to sort
        dense = np.bincount(codes, counts, span).astype(np.int64)
        filled = np.flatnonzero(dense)
        return SparseCounts(filled, dense[filled])
    order = radix_order(codes)
    return _add_up(codes[order], counts[order])


def _add_up(codes: Ints, counts: Ints) -> SparseCounts:
    """Add the counts of equal codes, which stand side by side."""
    starts = run_starts(codes)
    running = np.concatenate(([0], np.cumsum(counts)))
    return SparseCounts(codes[starts], np.diff(running[np.append(starts, len(codes))]))
