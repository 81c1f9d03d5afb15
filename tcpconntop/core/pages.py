"""Counts of (row, cell) pairs that change all the time: the running sums of a window.

A page holds the counts of 16 neighbouring cells of a row. Pages are sorted by number, as the codes of
`Cells` are, but what comes and goes each second changes counts in place: only where a page is new is
anything moved. The cells of a latency distribution are neighbours, so pages are well filled: of 10,000 busy
destinations a cell takes 8 bytes; a page with a single count takes 80.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcpconntop.core.cells import CELL_BITS, Cells, Ints, radix_order, ranges, run_starts

SIZE_BITS = 4
SIZE = 1 << SIZE_BITS
"""Cells a page."""

_ROW_BITS = CELL_BITS - SIZE_BITS
_IN_ROW = (1 << _ROW_BITS) - 1

Counts = npt.NDArray[np.integer]


class Pages:
    """Counts by row and cell, which `add` and `subtract` change in place."""

    def __init__(self) -> None:
        self._numbers: Ints = np.empty(0, np.int64)  # row << 7 | cell >> 4; sorted, distinct
        self._counts: Counts = np.empty((0, SIZE), np.int32)  # 8 bytes each once their sum needs it
        self._totals: Ints = np.empty(0, np.int64)  # of each page; 0 where it is empty

    @classmethod
    def _of(cls, numbers: Ints, counts: Counts, totals: Ints) -> Pages:
        pages = cls()
        pages._numbers, pages._counts, pages._totals = numbers, counts, totals
        return pages

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return self._numbers.nbytes + self._counts.nbytes + self._totals.nbytes

    def copy(self) -> Pages:
        """Give counts of their own."""
        return Pages._of(self._numbers, self._counts.copy(), self._totals.copy())

    def freeze(self) -> Pages:
        """Let nobody write to these counts any more; give them back."""
        for array in (self._numbers, self._counts, self._totals):
            array.flags.writeable = False
        return self

    def add(self, more: Cells) -> None:
        """Add counts, in place."""
        if not len(more.codes):
            return
        numbers, starts = _page_runs(more)
        self._make_room(numbers, int(more.counts.sum()))
        self._change(np.searchsorted(self._numbers, numbers), starts, more.codes, more.counts)

    def merge(self, more: Pages) -> None:
        """Add counts that are in pages, in place."""
        self._make_room(more._numbers, int(more._totals.sum()))
        at = np.searchsorted(self._numbers, more._numbers)
        self._counts[at] += more._counts.astype(self._counts.dtype)
        self._totals[at] += more._totals

    def subtract(self, less: Cells) -> None:
        """Take away counts that were added before, in place.

        Raises:
            ValueError: there would be less than nothing of a pair.
        """
        if not len(less.codes):
            return
        numbers, starts = _page_runs(less)
        at, known = self._find(numbers)
        if not known.all() or self._change(at, starts, less.codes, -less.counts) < 0:
            raise ValueError("cannot take away counts that were never added")

    def cells(self) -> Cells:
        """Give the counts as sorted codes."""
        flat = self._counts.ravel()
        filled = np.flatnonzero(flat != 0)
        codes = (self._numbers[filled >> SIZE_BITS] << SIZE_BITS) | (filled & (SIZE - 1))
        return Cells(codes, flat[filled].astype(np.int64))

    def regroup(self, new_row: npt.NDArray[np.integer]) -> Pages:
        """Merge rows: `new_row[row]` is where a row goes, and -1 drops it; arrays may be shared."""
        rows = new_row[self._numbers >> _ROW_BITS]
        numbers = (rows.astype(np.int64) << _ROW_BITS) | (self._numbers & _IN_ROW)
        counts, totals = self._counts, self._totals
        if (rows < 0).any():
            kept = np.flatnonzero(rows >= 0)
            numbers, counts, totals = numbers[kept], counts.take(kept, axis=0), totals[kept]
        if (numbers[1:] > numbers[:-1]).all():
            return Pages._of(numbers, counts, totals)
        names, to = _number(numbers)
        merged, sums = np.zeros((len(names), SIZE), counts.dtype), np.zeros(len(names), np.int64)
        for cell in range(SIZE):
            np.add.at(merged[:, cell], to, counts[:, cell])
        np.add.at(sums, to, totals)
        return Pages._of(names, merged, sums)

    def of_rows(self, rows: Ints) -> Pages:
        """Give the counts of some rows, ascending and distinct; its cost is that of these rows."""
        starts, ends = np.searchsorted(self._numbers, np.stack((rows, rows + 1)) << _ROW_BITS)
        at = ranges(starts, ends)[0]
        return Pages._of(self._numbers[at], self._counts.take(at, axis=0), self._totals[at])

    def before_rows(self, n_rows: int) -> Ints:
        """Give how many counts come before each of rows 0 … n_rows, shape (n_rows + 1,)."""
        starts = np.searchsorted(self._numbers, np.arange(n_rows + 1, dtype=np.int64) << _ROW_BITS)
        before: Ints = np.concatenate(([0], np.cumsum(self._totals)))[starts]
        return before

    def cells_at(self, places: Ints) -> Ints:
        """Give the cell of the n-th of all counts in order for each n in `places` (from 1 on), same shape."""
        running = np.cumsum(self._totals)
        page = np.searchsorted(running, places)
        left = places - running[page] + self._totals[page]
        cells = (self._numbers[page] & _IN_ROW) << SIZE_BITS
        counts = self._counts.take(page, axis=0)
        for cell in range(SIZE):
            left -= counts[..., cell]
            cells += left > 0
        return cells

    def _find(self, numbers: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Give where pages are, or would be, and which of them there are."""
        at = np.searchsorted(self._numbers, numbers)
        if not len(self._numbers):
            return at, np.zeros(len(numbers), np.bool_)
        return at, self._numbers[np.minimum(at, len(self._numbers) - 1)] == numbers

    def _make_room(self, numbers: Ints, coming: int) -> None:
        """Make pages of numbers that have none, and wider counts where their sum may need it.

        Where a new page moves all others, empty ones are left behind.
        """
        if self._totals.sum() + coming > np.iinfo(self._counts.dtype).max:
            self._counts = self._counts.astype(np.int64)
        at, known = self._find(numbers)
        if known.all():
            return
        wanted = self._totals != 0
        wanted[at[known]] = True
        kept, fresh = np.flatnonzero(wanted), numbers[~known]
        everything = np.concatenate((self._numbers[kept], fresh))
        order = np.argsort(everything, kind="stable")  # two sorted runs
        nothing = len(self._numbers)  # where an empty page is taken from
        source = np.concatenate((kept, np.full(len(fresh), nothing)))[order]
        self._numbers = everything[order]
        empty = np.zeros((1, SIZE), self._counts.dtype)
        self._counts = np.concatenate((self._counts, empty)).take(source, axis=0)
        self._totals = np.append(self._totals, 0)[source]

    def _change(self, at: Ints, starts: Ints, codes: Ints, change: Ints) -> int:
        """Change counts of pages `at`, whose codes begin at `starts`; give the least count that is left."""
        lengths = np.diff(starts, append=len(codes))
        places = np.repeat(at << SIZE_BITS, lengths) | (codes & (SIZE - 1))
        flat = self._counts.reshape(-1)
        np.add.at(flat, places, change.astype(flat.dtype))
        self._totals[at] += np.add.reduceat(change, starts)
        return int(flat[places].min())


def _page_runs(cells: Cells) -> tuple[Ints, Ints]:
    """Give the distinct pages of a set's codes, and where the codes of each begin."""
    numbers = cells.codes >> SIZE_BITS
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
