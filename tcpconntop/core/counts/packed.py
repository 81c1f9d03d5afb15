"""Counts in storage: the form in which the slices of the last 15 minutes are kept.

A packed set holds, for each row, its number, its first cell and where its bytes begin (7 or 9 bytes), and
about one byte for each cell (`byte_codec`). Latency histograms suit it: cells that were hit have neighbours
that were hit, and most counts are small.

What it buys: 15 minutes of 10,000 destinations with a connect a second each take 15 MB, against 34 MB as
compressed sparse rows with 16-bit cells and counts. Sets are added up in a dense table, some rows at a time
and without unpacking: 60 seconds of 20,000 connects each become `PagedCounts` in 52 ms (by sorting codes:
128 ms).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts.arrays import find, narrow, ranges, run_starts
from tcpconntop.core.counts.byte_codec import Bytes, decode, decode_codes, encode
from tcpconntop.core.counts.sparse import CELL_BITS, CELLS, SparseCounts
from tcpconntop.core.types import Ints

TABLE_CELLS = 1 << 19
"""Size of the dense table in which sets are added up, some rows at a time: 2 MB, which fits the cache."""

MERGED_CELLS = 1 << 18
"""Size of the table where its sum is packed again: that takes more memory than the table."""

BYTES_AT_ONCE = 1 << 15
"""How many packed bytes are unpacked at once where the codes are sorted: some 2 MB for the work."""

MAX_CELLS_PER_BYTE = 16
"""From how many table cells for each packed byte sorting the codes is faster than a table."""

CELL_ALIGN = 16
"""The first cell of a table is a multiple of this, and so is its width: whole pages of `PagedCounts`."""

Table = npt.NDArray[np.integer]


class PackedCounts:
    """Counts by row and cell. Immutable.

    Attributes:
        sum: the sum of all counts.
        cell_range: the lowest and the highest cell that may have counts; (0, 0) for an empty set.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.integer],
        first_cells: npt.NDArray[np.integer],
        starts: npt.NDArray[np.integer],
        encoded: Bytes,
        cell_range: tuple[int, int],
        total: int,
    ) -> None:
        self._rows = narrow(rows)
        self._first_cells = first_cells.astype(np.uint16)
        self._starts = narrow(starts)  # index of each row's first byte and, last, the end of the bytes
        self._encoded = encoded
        self.cell_range, self.sum = cell_range, total

    @classmethod
    def pack(cls, counts: SparseCounts) -> PackedCounts:
        """Return the counts in packed form."""
        cells, starts = counts.cells().astype(np.int32), run_starts(counts.codes >> CELL_BITS)
        encoded, ends = encode(cells, counts.counts, starts)
        last_cells = np.append(starts, len(cells))[1:] - 1  # of each row
        byte_starts = np.append(0, ends[last_cells])
        cell_range = (int(cells.min()), int(cells.max())) if len(cells) else (0, 0)
        rows = counts.codes[starts] >> CELL_BITS
        return cls(rows, cells[starts], byte_starts, encoded, cell_range, int(counts.counts.sum()))

    @property
    def nbytes(self) -> int:
        """Memory of the arrays in bytes."""
        return sum(array.nbytes for array in (self._rows, self._first_cells, self._starts, self._encoded))

    @property
    def last_row(self) -> int:
        """The highest row; 0 for an empty set."""
        return int(self._rows[-1]) if len(self._rows) else 0

    def __len__(self) -> int:
        """Return how many bytes encode the cells; 0 only for an empty set."""
        return len(self._encoded)

    def unpack(self) -> SparseCounts:
        """Return the counts in the form to work with."""
        first_codes = (self._rows.astype(np.int64) << CELL_BITS) + self._first_cells
        return SparseCounts(*decode_codes(self._encoded, self._starts.astype(np.int64), first_codes))

    @staticmethod
    def concatenate(parts: Sequence[PackedCounts]) -> PackedCounts:
        """Return the rows of several sets as one; each set's rows are above those of the set before it."""
        rows, first_cells, starts, encoded = (
            [getattr(part, name) for part in parts]
            for name in ("_rows", "_first_cells", "_starts", "_encoded")
        )
        offsets = np.cumsum([0, *map(len, parts)])
        starts = [start[:-1] + offset for start, offset in zip(starts, offsets, strict=False)]
        return PackedCounts(
            np.concatenate(rows),
            np.concatenate(first_cells),
            np.concatenate([*starts, offsets[-1:]]),
            np.concatenate(encoded),
            (min(part.cell_range[0] for part in parts), max(part.cell_range[1] for part in parts)),
            sum(part.sum for part in parts),
        )

    @staticmethod
    def merge(parts: Sequence[PackedCounts]) -> PackedCounts:
        """Return the sum of several sets, packed."""
        parts = [part for part in parts if len(part)]
        if len(parts) == 1:
            return parts[0]
        blocks = [PackedCounts.pack(block) for block in sum_by_rows(parts)]
        filled = [block for block in blocks if len(block)]
        return PackedCounts.concatenate(filled) if filled else PackedCounts.pack(SparseCounts())

    @staticmethod
    def total(parts: Sequence[PackedCounts]) -> SparseCounts:
        """Return the sum of several sets."""
        blocks = [SparseCounts(), *sum_by_rows(parts)]
        return SparseCounts(
            np.concatenate([block.codes for block in blocks]),
            np.concatenate([block.counts for block in blocks]),
        )

    def fold(self, new_row: npt.NDArray[np.integer]) -> PackedCounts:
        """Renumber rows: row i becomes `new_row[i]`. Row 0 sums up several; the others keep their order."""
        rows = new_row[self._rows]
        stays = rows > 0
        starts = self._starts.astype(np.int64)
        lengths = starts[1:] - starts[:-1]
        byte_stays = np.repeat(stays, lengths)
        folded_starts = np.append(0, lengths[~stays].cumsum())
        cells, counts = decode(
            self._encoded[~byte_stays], folded_starts, self._first_cells[~stays].astype(np.int64)
        )
        row_0 = np.zeros(CELLS, np.int64)
        np.add.at(row_0, cells, counts)
        kept = PackedCounts(
            rows[stays],
            self._first_cells[stays],
            np.append(0, lengths[stays].cumsum()),
            self._encoded[byte_stays],
            self.cell_range,
            self.sum - int(counts.sum()),
        )
        filled = np.flatnonzero(row_0)
        if not len(filled):
            return kept
        return PackedCounts.concatenate([PackedCounts.pack(SparseCounts(filled, row_0[filled])), kept])

    def regroup(self, new_row: npt.NDArray[np.integer]) -> SparseCounts:
        """Return `unpack().regroup(new_row)`, decoding only the rows that are kept."""
        rows = new_row[self._rows]
        kept = np.flatnonzero(rows >= 0)
        return SparseCounts.from_codes([self._codes_at(kept, rows[kept])])

    def select(self, rows: Ints, new_rows: Ints) -> tuple[Ints, Ints]:
        """Return codes and counts of some rows (ascending), each under its number in `new_rows`."""
        index, present = find(self._rows, rows)
        return self._codes_at(index, new_rows[present])

    def cell_totals(self) -> Ints:
        """Return the sum of all rows, shape (CELLS,)."""
        starts, first_cells = self._starts.astype(np.int64), self._first_cells.astype(np.int64)
        cells, counts = decode(self._encoded, starts, first_cells)
        return np.bincount(cells, counts, CELLS).astype(np.int64)

    def rows_between(self, first_row: int, end_row: int) -> PackedCounts:
        """Return the counts of the rows first_row … end_row - 1."""
        begin, end = self._rows.searchsorted((first_row, end_row))
        starts = self._starts[begin : end + 1].astype(np.int64)
        return PackedCounts(
            self._rows[begin:end],
            self._first_cells[begin:end],
            starts - starts[0],
            self._encoded[starts[0] : starts[-1]],
            self.cell_range,
            self.sum,
        )

    def add_to(self, table: Table, first_row: int, first_cell: int) -> None:
        """Add the counts to a dense table, in place; rows outside the table are left out.

        Args:
            table: shape (rows, cells).
            first_row: the row that is the table's row 0.
            first_cell: the cell that is the table's column 0.
        """
        height, width = table.shape
        begin, end = self._rows.searchsorted((first_row, first_row + height))
        starts: Ints = self._starts[begin : end + 1].astype(np.int64)
        positions = (self._rows[begin:end].astype(np.int64) - first_row) * width
        positions += self._first_cells[begin:end].astype(np.int64) - first_cell
        encoded = self._encoded[starts[0] : starts[-1]]
        np.add.at(table.reshape(-1), *decode(encoded, starts - starts[0], positions, table.dtype))

    def _codes_at(self, index: Ints, rows: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
        """Return codes and counts of the stored rows at some indices, under the numbers `rows`."""
        starts = self._starts[index].astype(np.int64)
        byte_index, lengths = ranges(starts, self._starts[index + 1].astype(np.int64))
        first_codes = (rows.astype(np.int64) << CELL_BITS) + self._first_cells[index]
        return decode_codes(self._encoded[byte_index], np.append(0, lengths.cumsum()), first_codes)


def sum_by_rows(parts: Sequence[PackedCounts]) -> Iterator[SparseCounts]:
    """Yield the sum of several sets, some rows at a time in ascending order: that needs little memory."""
    parts = [part for part in parts if len(part)]
    if faster_in_table(parts):
        for first_row, first_cell, table in sum_in_tables(parts, MERGED_CELLS):
            yield _sparse_from_table(table, first_row, first_cell)
        return
    n_blocks = -(-sum(map(len, parts)) // BYTES_AT_ONCE)
    bounds = np.linspace(0, _extent(parts)[0], n_blocks + 1).astype(np.int64)
    for first_row, end_row in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield SparseCounts.total([part.rows_between(first_row, end_row).unpack() for part in parts])


def faster_in_table(parts: Sequence[PackedCounts]) -> bool:
    """True if non-empty sets are added up faster in a dense table than by sorting their codes."""
    n_rows, _, width = _extent(parts)
    return len(parts) > 1 and MAX_CELLS_PER_BYTE * sum(map(len, parts)) >= n_rows * width


def sum_in_tables(
    parts: Sequence[PackedCounts], cells: int = TABLE_CELLS
) -> Iterator[tuple[int, int, Table]]:
    """Add up non-empty sets in a dense table that holds as many rows at a time as it has room for.

    Yields:
        First row, first cell and counts of the table, shape (rows, cells). The table is reused for the next
        rows: read it before asking for them.
    """
    n_rows, first_cell, width = _extent(parts)
    height = min(n_rows, max(cells // width, 1))
    largest = sum(part.sum for part in parts)
    table = np.empty((height, width), np.int32 if largest <= np.iinfo(np.int32).max else np.int64)
    for first_row in range(0, n_rows, height):
        table[:] = 0
        for part in parts:
            part.add_to(table, first_row, first_cell)
        yield first_row, first_cell, table


def _extent(parts: Sequence[PackedCounts]) -> tuple[int, int, int]:
    """Return rows, first cell and width of a table that holds several sets."""
    n_rows = 1 + max((part.last_row for part in parts), default=0)
    first = min((part.cell_range[0] for part in parts), default=0) // CELL_ALIGN * CELL_ALIGN
    end = max((part.cell_range[1] for part in parts), default=0) // CELL_ALIGN * CELL_ALIGN + CELL_ALIGN
    return n_rows, first, end - first


def _sparse_from_table(table: Table, first_row: int, first_cell: int) -> SparseCounts:
    """Return the counts of a dense table whose first row and cell have these numbers."""
    counts = table.reshape(-1)
    filled = np.flatnonzero(counts != 0)
    codes = filled // table.shape[1]  # row, then code, in one array
    codes *= CELLS - table.shape[1]
    codes += filled
    codes += (first_row << CELL_BITS) + first_cell
    return SparseCounts(codes, counts[filled].astype(np.int64))
