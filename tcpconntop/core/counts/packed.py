"""Sparse counts at rest: one byte for most cells, and seven or nine for a row.

The bytes are `core/counts/byte_codec.py`'s. Histograms of latencies suit them: most cells that were hit have neighbours
that were, and small counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts.byte_codec import Bytes, decode, decode_codes, encode
from tcpconntop.core.counts.sparse import (
    CELL_BITS,
    CELLS,
    SparseCounts,
    find,
    narrow,
    ranges,
    run_starts,
)
from tcpconntop.core.types import Ints

TABLE_CELLS = 1 << 21
"""How many places the table has in which packed sets are added up, some rows at a time: 8 MB."""

MAX_CELLS_PER_BYTE = 16
"""From how many places a byte on, a table of all places is more work than sorting the counts."""

CELL_ALIGN = 16
"""Tables begin at a multiple of this many cells, and are as wide."""

Table = npt.NDArray[np.integer]


class PackedCounts:
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
    def pack(cls, counts: SparseCounts) -> PackedCounts:
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

    def unpack(self) -> SparseCounts:
        """Give the counts ready for work."""
        begins = (self._rows.astype(np.int64) << CELL_BITS) + self._firsts
        return SparseCounts(*decode_codes(self._steps, self._starts.astype(np.int64), begins))

    @staticmethod
    def concatenate(parts: Sequence[PackedCounts]) -> PackedCounts:
        """Give the rows of sets one after the other: each begins after the last of the one before."""
        rows, firsts, starts, steps = (
            [getattr(part, name) for part in parts] for name in ("_rows", "_firsts", "_starts", "_steps")
        )
        begins = np.cumsum([0, *map(len, parts)])
        starts = [start[:-1] + begin for start, begin in zip(starts, begins, strict=False)]
        return PackedCounts(
            np.concatenate(rows),
            np.concatenate(firsts),
            np.concatenate([*starts, begins[-1:]]),
            np.concatenate(steps),
            (min(part.cell_range[0] for part in parts), max(part.cell_range[1] for part in parts)),
            sum(part.sum for part in parts),
        )

    @staticmethod
    def merge(parts: Sequence[PackedCounts]) -> PackedCounts:
        """Add several, and pack the sum: some rows at a time, so that it takes little memory meanwhile."""
        parts = [part for part in parts if len(part)]
        if not faster_in_table(parts):
            return parts[0] if len(parts) == 1 else PackedCounts.pack(PackedCounts.total(parts))
        blocks = [
            PackedCounts.pack(_cells_of(table, low, first)) for low, first, table in sum_in_tables(parts)
        ]
        return PackedCounts.concatenate([block for block in blocks if len(block)])

    @staticmethod
    def total(parts: Sequence[PackedCounts]) -> SparseCounts:
        """Add several."""
        parts = [part for part in parts if len(part)]
        if not faster_in_table(parts):
            return SparseCounts.total([part.unpack() for part in parts])
        blocks = [_cells_of(table, low, first) for low, first, table in sum_in_tables(parts)]
        return SparseCounts(
            *(np.concatenate([getattr(block, name) for block in blocks]) for name in ("codes", "counts"))
        )

    def fold(self, new_row: npt.NDArray[np.integer]) -> PackedCounts:
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
        kept = PackedCounts(rows[stay], self._firsts[stay], starts, left, self.cell_range, total)
        filled = np.flatnonzero(zero)
        return (
            PackedCounts.concatenate([PackedCounts.pack(SparseCounts(filled, zero[filled])), kept])
            if len(filled)
            else kept
        )

    def regroup(self, new_row: npt.NDArray[np.integer]) -> SparseCounts:
        """Give what `unpack().regroup(new_row)` would; its cost is that of the rows that are kept."""
        rows = new_row[self._rows]
        kept = np.flatnonzero(rows >= 0)
        return SparseCounts.from_codes([self._at(kept, rows[kept])])

    def select(self, rows: Ints, to: Ints) -> tuple[Ints, Ints]:
        """Give codes and counts of a few rows (ascending), each at the row of `to` where it goes."""
        at, known = find(self._rows, rows)
        return self._at(at, to[known])

    def cell_totals(self) -> Ints:
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


def faster_in_table(parts: Sequence[PackedCounts]) -> bool:
    """Say whether sets that are not empty are added up sooner in a table than by sorting their codes."""
    n_rows, _, width = _extent(parts)
    return len(parts) > 1 and MAX_CELLS_PER_BYTE * sum(map(len, parts)) >= n_rows * width


def sum_in_tables(parts: Sequence[PackedCounts]) -> Iterator[tuple[int, int, Table]]:
    """Add several sets that are not empty, in a table of as many rows as there is room for at a time.

    Yields:
        The first row, the first cell, and the counts of some rows, shape (rows, cells); to be read before
        the next ones are asked for.
    """
    n_rows, first, width = _extent(parts)
    height = min(n_rows, max(TABLE_CELLS // width, 1))
    most = sum(part.sum for part in parts)
    table = np.empty((height, width), np.int32 if most <= np.iinfo(np.int32).max else np.int64)
    for low in range(0, n_rows, height):
        table[:] = 0
        for part in parts:
            part.add_to(table, low, first)
        yield low, first, table


def _extent(parts: Sequence[PackedCounts]) -> tuple[int, int, int]:
    """Give how many rows a table of some sets has, its first cell and its width."""
    n_rows = 1 + max((part.last_row for part in parts), default=0)
    first = min((part.cell_range[0] for part in parts), default=0) // CELL_ALIGN * CELL_ALIGN
    end = max((part.cell_range[1] for part in parts), default=0) // CELL_ALIGN * CELL_ALIGN + CELL_ALIGN
    return n_rows, first, end - first


def _cells_of(table: Table, low: int, first: int) -> SparseCounts:
    """Give the counts in a table whose first row and cell have these numbers."""
    filled = np.flatnonzero(table.reshape(-1) != 0)
    rows, cells = np.divmod(filled, table.shape[1])
    return SparseCounts(
        ((rows + low) << CELL_BITS) + cells + first, table.reshape(-1)[filled].astype(np.int64)
    )
