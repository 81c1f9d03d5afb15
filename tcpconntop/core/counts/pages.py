"""Counts of (row, cell) pairs that change all the time: the running sums of a window.

A page holds the counts of 16 neighbouring cells of a row. Pages are sorted by number, as the codes of
`SparseCounts` are, but what comes and goes each second changes counts in place: only where a page is new is
anything moved. The cells of a latency distribution are neighbours, so pages are well filled. A page takes 42
bytes while no page counts more than 65,535, and 76 or 144 beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts.packed import PackedCounts, faster_in_table, sum_in_tables
from tcpconntop.core.counts.sparse import CELL_BITS, SparseCounts, find, radix_order, ranges, run_starts
from tcpconntop.core.types import Ints

PAGE_BITS = 4
PAGE_CELLS = 1 << PAGE_BITS
"""Cells a page."""

COUNT_DTYPES = (np.uint16, np.uint32, np.int64)
"""What counts are stored as: the first of these that has room for the total of every page."""

_ROW_BITS = CELL_BITS - PAGE_BITS
_IN_ROW = (1 << _ROW_BITS) - 1

Counts = npt.NDArray[np.integer]


class PagedCounts:
    """Counts by row and cell, which `add` and `subtract` change in place."""

    def __init__(self) -> None:
        self._numbers: Ints = np.empty(0, np.int64)  # row << 7 | cell >> 4; sorted, distinct
        self._counts: Counts = np.empty((0, PAGE_CELLS), COUNT_DTYPES[0])
        self._totals: Counts = np.empty(0, COUNT_DTYPES[0])  # of each page; 0 where it is empty

    @classmethod
    def total(cls, parts: Sequence[PackedCounts]) -> PagedCounts:
        """Add packed sets."""
        parts = [part for part in parts if len(part)]
        if not faster_in_table(parts):
            pages = cls()
            pages.add(PackedCounts.total(parts))
            return pages
        found = []
        for low, first, table in sum_in_tables(parts):
            counts = table.reshape(-1, PAGE_CELLS)
            totals = np.einsum("pc->p", counts)
            filled = np.flatnonzero(totals)
            rows, pages_in = np.divmod(filled, table.shape[1] // PAGE_CELLS)
            width = _width(totals)
            numbers = ((rows + low) << _ROW_BITS) + pages_in + first // PAGE_CELLS
            found.append((numbers, counts.take(filled, axis=0).astype(width), totals[filled].astype(width)))
        return cls._of(*(np.concatenate(arrays) for arrays in zip(*found, strict=True)))

    @classmethod
    def _of(cls, numbers: Ints, counts: Counts, totals: Counts) -> PagedCounts:
        pages = cls()
        pages._numbers, pages._counts, pages._totals = numbers, counts, totals
        return pages

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return self._numbers.nbytes + self._counts.nbytes + self._totals.nbytes

    def copy(self) -> PagedCounts:
        """Give counts of their own."""
        return PagedCounts._of(self._numbers, self._counts.copy(), self._totals.copy())

    def freeze(self) -> PagedCounts:
        """Let nobody write to these counts any more; give them back."""
        for array in (self._numbers, self._counts, self._totals):
            array.flags.writeable = False
        return self

    def add(self, more: SparseCounts) -> None:
        """Add counts, in place."""
        if not len(more.codes):
            return
        numbers, starts = _page_runs(more)
        at = self._make_room(numbers, np.add.reduceat(more.counts, starts))
        flat = self._counts.reshape(-1)
        np.add.at(flat, _places(at, starts, more.codes), more.counts.astype(flat.dtype))

    def merge(self, more: PagedCounts) -> None:
        """Add counts that are in pages, in place."""
        at = self._make_room(more._numbers, more._totals.astype(np.int64))
        self._counts[at] += more._counts.astype(self._counts.dtype)

    def subtract(self, less: SparseCounts) -> None:
        """Take away counts that were added before, in place.

        Raises:
            ValueError: there would be less than nothing of a pair.
        """
        if not len(less.codes):
            return
        numbers, starts = _page_runs(less)
        at, known = find(self._numbers, numbers)
        flat = self._counts.reshape(-1)
        if known.all():
            places = _places(at, starts, less.codes)
            known = flat[places] >= less.counts
        if not known.all():
            raise ValueError("cannot take away counts that were never added")
        np.subtract.at(flat, places, less.counts.astype(flat.dtype))
        self._totals[at] -= np.add.reduceat(less.counts, starts).astype(flat.dtype)

    def to_sparse(self) -> SparseCounts:
        """Give the counts as sorted codes."""
        flat = self._counts.ravel()
        filled = np.flatnonzero(flat != 0)
        codes = (self._numbers[filled >> PAGE_BITS] << PAGE_BITS) | (filled & (PAGE_CELLS - 1))
        return SparseCounts(codes, flat[filled].astype(np.int64))

    def regroup(self, new_row: npt.NDArray[np.integer]) -> PagedCounts:
        """Merge rows: `new_row[row]` is where a row goes, and -1 drops it; arrays may be shared."""
        rows = new_row[self._numbers >> _ROW_BITS]
        numbers = (rows.astype(np.int64) << _ROW_BITS) | (self._numbers & _IN_ROW)
        counts, totals = self._counts, self._totals
        if (rows < 0).any():
            kept = np.flatnonzero(rows >= 0)
            numbers, counts, totals = numbers[kept], counts.take(kept, axis=0), totals[kept]
        if (numbers[1:] > numbers[:-1]).all():
            return PagedCounts._of(numbers, counts, totals)
        names, to = _number(numbers)
        sums = np.zeros(len(names), np.int64)
        np.add.at(sums, to, totals.astype(np.int64))
        width = _width(sums)
        merged, counts = np.zeros((len(names), PAGE_CELLS), width), counts.astype(width, copy=False)
        for cell in range(PAGE_CELLS):
            np.add.at(merged[:, cell], to, counts[:, cell])
        return PagedCounts._of(names, merged, sums.astype(width))

    def fold(self, new_row: npt.NDArray[np.integer]) -> PagedCounts:
        """Give what `regroup` would where all rows keep their order but for those that go to row 0."""
        zero = self.regroup(np.where(new_row > 0, -1, 0))
        return zero.concatenate(self.regroup(np.where(new_row > 0, new_row, -1)))

    def concatenate(self, more: PagedCounts) -> PagedCounts:
        """Give these pages and after them others, whose rows are all greater."""
        return PagedCounts._of(
            np.concatenate((self._numbers, more._numbers)),
            np.concatenate((self._counts, more._counts)),
            np.concatenate((self._totals, more._totals)),
        )

    def select_rows(self, rows: Ints) -> PagedCounts:
        """Give the counts of some rows, ascending and distinct; its cost is that of these rows."""
        starts, ends = np.searchsorted(self._numbers, np.stack((rows, rows + 1)) << _ROW_BITS)
        at = ranges(starts, ends)[0]
        return PagedCounts._of(self._numbers[at], self._counts.take(at, axis=0), self._totals[at])

    def counts_before_rows(self, n_rows: int) -> Ints:
        """Give how many counts come before each of rows 0 … n_rows, shape (n_rows + 1,)."""
        starts = np.searchsorted(self._numbers, np.arange(n_rows + 1, dtype=np.int64) << _ROW_BITS)
        before: Ints = np.concatenate(([0], self._running()))[starts]
        return before

    def cells_of_ranks(self, places: Ints) -> Ints:
        """Give the cell of the n-th of all counts in order for each n in `places` (from 1 on), same shape."""
        running = self._running()
        page = np.searchsorted(running, places)
        left = places - running[page] + self._totals[page]
        cells = (self._numbers[page] & _IN_ROW) << PAGE_BITS
        counts = self._counts.take(page, axis=0)
        for cell in range(PAGE_CELLS):
            left -= counts[..., cell]
            cells += left > 0
        return cells

    def _running(self) -> Ints:
        return np.cumsum(self._totals, dtype=np.int64)

    def _make_room(self, numbers: Ints, coming: Ints) -> Ints:
        """Count what is coming in the totals of pages; make those that there are not, and wider counts.

        Where a new page moves all others, empty ones are left behind.

        Returns:
            Where the pages are.
        """
        at, known = find(self._numbers, numbers)
        if not known.all():
            self._insert(at, numbers[~known])
            at = np.searchsorted(self._numbers, numbers)
        sums = self._totals[at] + coming
        width = np.promote_types(_width(sums), self._counts.dtype)
        self._counts = self._counts.astype(width, copy=False)
        self._totals = self._totals.astype(width, copy=False)
        self._totals[at] = sums
        return at

    def _insert(self, wanted: Ints, fresh: Ints) -> None:
        """Make pages of new numbers; the wanted ones stay even if they are empty."""
        stays = self._totals != 0
        stays[wanted] = True
        kept = np.flatnonzero(stays)
        numbers = np.concatenate((self._numbers[kept], fresh))
        order = np.argsort(numbers, kind="stable")  # two sorted runs
        nothing = len(self._numbers)  # where an empty page is taken from
        source = np.concatenate((kept, np.full(len(fresh), nothing)))[order]
        self._numbers = numbers[order]
        empty = np.zeros((1, PAGE_CELLS), self._counts.dtype)
        self._counts = np.concatenate((self._counts, empty)).take(source, axis=0)
        self._totals = np.append(self._totals, empty[0, :1])[source]


def _width(totals: Ints) -> np.dtype[Any]:
    """Give what to store counts as whose totals by page are these."""
    most = totals.max(initial=0)
    return np.dtype(next(width for width in COUNT_DTYPES if most <= np.iinfo(width).max))


def _places(at: Ints, starts: Ints, codes: Ints) -> Ints:
    """Give where the counts of codes are, which begin at `starts` in the pages `at`."""
    places: Ints = np.repeat(at << PAGE_BITS, np.diff(starts, append=len(codes)))
    return places | (codes & (PAGE_CELLS - 1))


def _page_runs(cells: SparseCounts) -> tuple[Ints, Ints]:
    """Give the distinct pages of a set's codes, and where the codes of each begin."""
    numbers = cells.codes >> PAGE_BITS
    starts = run_starts(numbers)
    return numbers[starts], starts


def _number(names: Ints) -> tuple[Ints, Ints]:
    """Give distinct names in order, perhaps some unused ones among them, and where each of `names` is."""
    if names.max() < 2 * len(names):  # few: no need to sort
        return np.arange(names.max() + 1), names
    order = radix_order(names)
    starts = run_starts(names[order])
    to = np.empty_like(order)
    to[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    return names[order[starts]], to
