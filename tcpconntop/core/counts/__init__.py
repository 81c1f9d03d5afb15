"""Sparse counts of (row, cell) pairs: the data structure behind every histogram and every table of errors.

A row is a key or a group of keys; a cell is one of 2,048 slots in it: a latency bucket or an errno. Most
cells are empty, so none of the representations stores empty cells one by one:

    representation   for                                      bytes a cell   fast at
    SparseCounts     work: count, look up, regroup            16             counting pairs, reading cells
    PackedCounts     storage: the slices of the last 15 min   1.1 to 3.7     unpacking: 20 to 40 ns a cell
    PagedCounts      the running sums of a window             7              adding, copying, quantiles

Measured on 10,001 rows with 853,000 cells (60 s of 20,000 connects a second to 10,000 destinations; 3.7 bytes
is for one second alone, where a row has two cells). As a dense table of 32-bit counts this takes 82 MB, as
compressed sparse rows (16-bit cells and counts, a 64-bit offset for each row) 3.5 MB, packed 0.95 MB.

`histogram` turns latencies into cells and counts into quantiles, `byte_codec` is the storage format of
`PackedCounts`, `arrays` holds helpers for sorted integer arrays. Import from this package, not from its
modules.
"""

from __future__ import annotations

from tcpconntop.core.counts.arrays import find, narrow, radix_order, ranges, run_starts
from tcpconntop.core.counts.histogram import (
    EDGES_US,
    MAX_RELATIVE_ERROR,
    MIDDLES_US,
    N_BUCKETS,
    bucket_of,
    first_bucket_from,
    quantiles_us,
)
from tcpconntop.core.counts.packed import PackedCounts
from tcpconntop.core.counts.pages import PagedCounts
from tcpconntop.core.counts.sparse import CELL_BITS, CELLS, SparseCounts

__all__ = [
    "CELLS",
    "CELL_BITS",
    "EDGES_US",
    "MAX_RELATIVE_ERROR",
    "MIDDLES_US",
    "N_BUCKETS",
    "PackedCounts",
    "PagedCounts",
    "SparseCounts",
    "bucket_of",
    "find",
    "first_bucket_from",
    "narrow",
    "quantiles_us",
    "radix_order",
    "ranges",
    "run_starts",
]
