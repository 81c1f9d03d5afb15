"""Sparse counts at rest: one byte for most cells, and seven or nine for a row.

The bytes are `core/coding.py`'s. Histograms of latencies suit them: most cells that were hit have neighbours
that were, and small counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tcpconntop.core.cells import CELL_BITS, CELLS, Cells, Ints, find, narrow, ranges, run_starts
from tcpconntop.core.coding import Bytes, decode, decode_codes, encode

TABLE = 1 << 21
"""How many places the table has in which packed sets are added up, some rows at a time: 8 MB."""

SPARSE = 16
"""From how many places a byte on, a table of all places is more work than sorting the counts."""

ALIGN = 16
"""Tables begin at a multiple of this many cells, and are as wide."""

Table = npt.NDArray[np.integer]


class Packed:
    """Counts by row and cell. Immutable.

    Attributes:
        sum: all counts together.
        cell_range: the least and the greatest cell that may have counts; (0, 0) where none has.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.integer],
        firsts: npt.NDArray[np.integer],
        starts: npt.NDArray[np.integer],
        steps: Bytes,
        cell_range: tuple[int, int],
        total: int,
    ) -> None:
        self._rows = narrow(rows)
        self._firsts = firsts.astype(np.uint16)
        self._starts = narrow(starts)  # of each row's bytes, and where the last one's end
        self._steps = steps
        self.cell_range, self.sum = cell_range, total

    @classmethod
    def of(cls, counts: Cells) -> Packed:
        """Pack counts."""
        cells, rows = counts.cells(), counts.rows()
        starts = run_starts(rows)
        steps, ends = encode(cells, counts.counts, starts)
        begins = np.append(0, ends)[np.append(starts, len(cells))]
        cell_range = (int(cells.min()), int(cells.max())) if len(cells) else (0, 0)
        return cls(rows[starts], cells[starts], begins, steps, cell_range, int(counts.counts.sum()))

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        return sum(part.nbytes for part in (self._rows, self._firsts, self._starts, self._steps))

    @property
    def last_row(self) -> int:
        """The greatest row; 0 where there is none."""
        return int(self._rows[-1]) if len(self._rows) else 0

    def __len__(self) -> int:
        return len(self._steps)

    def unpack(self) -> Cells:
        """Give the counts ready for work."""
        begins = (self._rows.astype(np.int64) << CELL_BITS) + self._firsts
        return Cells(*decode_codes(self._steps, self._starts.astype(np.int64), begins))

    @staticmethod
    def joined(parts: Sequence[Packed]) -> Packed:
        """Give the rows of sets one after the other: each begins after the last of the one before."""
        rows, firsts, starts, steps = (
            [getattr(part, name) for part in parts] for name in ("_rows", "_firsts", "_starts", "_steps")
        )
        begins = np.cumsum([0, *map(len, parts)])
        starts = [start[:-1] + begin for start, begin in zip(starts, begins, strict=False)]
        return Packed(
            np.concatenate(rows),
            np.concatenate(firsts),
            np.concatenate([*starts, begins[-1:]]),
            np.concatenate(steps),
            (min(part.cell_range[0] for part in parts), max(part.cell_range[1] for part in parts)),
            sum(part.sum for part in parts),
        )

    @staticmethod
    def merged(parts: Sequence[Packed]) -> Packed:
        """Add several, and pack the sum: some rows at a time, so that it takes little memory meanwhile."""
        parts = [part for part in parts if len(part)]
        if not worth_a_table(parts):
            return parts[0] if len(parts) == 1 else Packed.of(Packed.total(parts))
        blocks = [Packed.of(_cells_of(table, low, first)) for low, first, table in tables(parts)]
        return Packed.joined([block for block in blocks if len(block)])

    @staticmethod
    def total(parts: Sequence[Packed]) -> Cells:
        """Add several."""
        parts = [part for part in parts if len(part)]
        if not worth_a_table(parts):
            return Cells.total([part.unpack() for part in parts])
        blocks = [_cells_of(table, low, first) for low, first, table in tables(parts)]
        return Cells(
            *(np.concatenate([getattr(block, name) for block in blocks]) for name in ("codes", "counts"))
        )

    def fold(self, new_row: npt.NDArray[np.integer]) -> Packed:
        """Give these counts with rows renumbered in their order, but for those that row 0 takes in."""
        rows = new_row[self._rows]
        stay = rows > 0
        starts = self._starts.astype(np.int64)
        lengths = starts[1:] - starts[:-1]
        stays = np.repeat(stay, lengths)
        gone = np.append(0, lengths[~stay].cumsum())
        places, counts = decode(self._steps[~stays], gone, self._firsts[~stay].astype(np.int64))
        zero = np.zeros(CELLS, np.int64)
        np.add.at(zero, places, counts)
        starts = np.append(0, lengths[stay].cumsum())
        left, total = self._steps[stays], self.sum - int(counts.sum())
        kept = Packed(rows[stay], self._firsts[stay], starts, left, self.cell_range, total)
        filled = np.flatnonzero(zero)
        return Packed.joined([Packed.of(Cells(filled, zero[filled])), kept]) if len(filled) else kept

    def regroup(self, new_row: npt.NDArray[np.integer]) -> Cells:
        """Give what `unpack().regroup(new_row)` would; its cost is that of the rows that are kept."""
        rows = new_row[self._rows]
        kept = np.flatnonzero(rows >= 0)
        return Cells.gathered([self._at(kept, rows[kept])])

    def pick(self, rows: Ints, to: Ints) -> tuple[Ints, Ints]:
        """Give codes and counts of a few rows (ascending), each at the row of `to` where it goes."""
        at, known = find(self._rows, rows)
        return self._at(at, to[known])

    def by_cell(self) -> Ints:
        """Give the counts of all rows together, shape (CELLS,)."""
        starts, firsts = self._starts.astype(np.int64), self._firsts.astype(np.int64)
        places, counts = decode(self._steps, starts, firsts)
        return np.bincount(places, counts, CELLS).astype(np.int64)

    def add_to(self, table: Table, low: int, first: int) -> None:
        """Add the counts of rows `low` … to a table of rows and of the cells from `first` on."""
        height, width = table.shape
        begin, end = self._rows.searchsorted((low, low + height))
        starts: Ints = self._starts[begin : end + 1].astype(np.int64)
        begins = self._rows[begin:end].astype(np.int64)
        begins = (begins - low) * width + self._firsts[begin:end] - first
        steps = self._steps[starts[0] : starts[-1]]
        np.add.at(table.reshape(-1), *decode(steps, starts - starts[0], begins, table.dtype))

    def _at(self, places: Ints, to: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Give codes and counts of the rows at some places, each at the row of `to` where it goes."""
        starts = self._starts[places].astype(np.int64)
        at, lengths = ranges(starts, self._starts[places + 1].astype(np.int64))
        begins = (to.astype(np.int64) << CELL_BITS) + self._firsts[places]
        return decode_codes(self._steps[at], np.append(0, lengths.cumsum()), begins)


def worth_a_table(parts: Sequence[Packed]) -> bool:
    """Say whether sets that are not empty are added up sooner in a table than by sorting their codes."""
    n_rows, _, width = _extent(parts)
    return len(parts) > 1 and SPARSE * sum(map(len, parts)) >= n_rows * width


def tables(parts: Sequence[Packed]) -> Iterator[tuple[int, int, Table]]:
    """Add several sets that are not empty, in a table of as many rows as there is room for at a time.

    Yields:
        The first row, the first cell, and the counts of some rows, shape (rows, cells); to be read before
        the next ones are asked for.
    """
    n_rows, first, width = _extent(parts)
    height = min(n_rows, max(TABLE // width, 1))
    most = sum(part.sum for part in parts)
    table = np.empty((height, width), np.int32 if most <= np.iinfo(np.int32).max else np.int64)
    for low in range(0, n_rows, height):
        table[:] = 0
        for part in parts:
            part.add_to(table, low, first)
        yield low, first, table


def _extent(parts: Sequence[Packed]) -> tuple[int, int, int]:
    """Give how many rows a table of some sets has, its first cell and its width."""
    n_rows = 1 + max((part.last_row for part in parts), default=0)
    first = min((part.cell_range[0] for part in parts), default=0) // ALIGN * ALIGN
    end = max((part.cell_range[1] for part in parts), default=0) // ALIGN * ALIGN + ALIGN
    return n_rows, first, end - first


def _cells_of(table: Table, low: int, first: int) -> Cells:
    """Give the counts in a table whose first row and cell have these numbers."""
    filled = np.flatnonzero(table.reshape(-1) != 0)
    rows, cells = np.divmod(filled, table.shape[1])
    return Cells(((rows + low) << CELL_BITS) + cells + first, table.reshape(-1)[filled].astype(np.int64))
