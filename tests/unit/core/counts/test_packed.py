"""Packed counts against dictionaries that do the same."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from test_sparse import PAIRS, SPREAD, cells_of, counter

from tcpconntop.core.counts import CELLS, PackedCounts, PagedCounts, SparseCounts
from tcpconntop.core.counts import packed as packed_module


@given(PAIRS | SPREAD)
def test_given_a_set_when_packed_then_unpacking_gives_it_back(pairs):
    assert counter(PackedCounts.pack(cells_of(pairs)).unpack()) == Counter(pairs)


@pytest.mark.parametrize("count", [1, 255, 256, 65_536, 2**32, 2**40])
def test_given_a_count_of_any_size_when_packed_then_it_is_kept(count):
    packed = PackedCounts.pack(SparseCounts(np.array([5, 9]), np.array([1, count])))
    assert packed.unpack().counts.tolist() == [1, count]


@given(some.lists(some.integers(1, 2**40) | some.integers(1, 70), min_size=1, max_size=6))
def test_given_cells_far_apart_and_large_counts_when_packed_then_both_come_back(counts):
    cells = SparseCounts(np.arange(len(counts)) * 400 + np.arange(len(counts)) // 2 * CELLS, np.array(counts))
    packed = PackedCounts.pack(cells)
    assert packed.unpack().codes.tolist() == cells.codes.tolist()
    assert packed.unpack().counts.tolist() == counts
    assert packed.cell_totals().sum() == packed.sum == sum(counts)
    assert counter(PackedCounts.total([packed, packed])) == Counter(
        {pair: 2 * n for pair, n in counter(cells).items()}
    )


def test_given_a_busy_second_when_packed_then_a_cell_takes_about_one_byte():
    random = np.random.default_rng(0)
    cells = SparseCounts.from_pairs(random.integers(0, 1_000, 200_000), random.integers(0, 500, 200_000))
    assert PackedCounts.pack(cells).nbytes < 1.2 * len(cells.codes)


@pytest.mark.parametrize("table_cells", [CELLS, pytest.param(9 * CELLS, marks=pytest.mark.long), 1 << 22])
@pytest.mark.parametrize(("cells_per_byte", "bytes_at_once"), [(0, 1), (0, 1 << 20), (1 << 40, 1)])
@given(parts=some.lists(PAIRS, max_size=5))
def test_given_packed_sets_when_added_some_rows_at_a_time_then_the_total_is_that_of_all(
    parts, table_cells, cells_per_byte, bytes_at_once
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_module, "TABLE_CELLS", table_cells)
        patch.setattr(packed_module, "MERGED_CELLS", table_cells)
        patch.setattr(packed_module, "BYTES_AT_ONCE", bytes_at_once)
        patch.setattr(packed_module, "MAX_CELLS_PER_BYTE", cells_per_byte)
        packed = [PackedCounts.pack(cells_of(part)) for part in parts]
        assert counter(PackedCounts.total(packed)) == Counter(chain(*parts))
        assert counter(PackedCounts.merge(packed).unpack()) == Counter(chain(*parts))
        assert counter(PagedCounts.total(packed).to_sparse()) == Counter(chain(*parts))


@given(some.lists(PAIRS | SPREAD, max_size=5))
def test_given_packed_sets_when_added_then_the_total_is_that_of_all(parts):
    packed = [PackedCounts.pack(cells_of(part)) for part in parts]
    assert counter(PackedCounts.total(packed)) == Counter(chain(*parts))
    assert counter(PackedCounts.merge(packed).unpack()) == Counter(chain(*parts))
    assert counter(PagedCounts.total(packed).to_sparse()) == Counter(chain(*parts))


@given(PAIRS, some.sets(some.integers(1, 40)))
def test_given_a_packed_set_when_folded_then_it_is_as_if_it_had_been_regrouped(pairs, kept):
    new_row = np.zeros(41, np.int64)
    new_row[sorted(kept)] = np.arange(1, len(kept) + 1)
    packed = PackedCounts.pack(cells_of(pairs))
    assert counter(packed.fold(new_row).unpack()) == counter(packed.unpack().regroup(new_row))
    pages = PagedCounts.total([packed])
    assert counter(pages.fold(new_row).to_sparse()) == counter(pages.regroup(new_row).to_sparse())


def test_given_large_counts_when_folded_then_they_stay_exact():
    packed = PackedCounts.pack(SparseCounts(np.array([CELLS + 5, 2 * CELLS + 5]), np.array([2**50, 3])))
    assert packed.fold(np.array([0, 0, 0])).unpack().counts.tolist() == [2**50 + 3]
    assert packed.fold(np.array([0, 0, 1])).unpack().counts.tolist() == [2**50, 3]
