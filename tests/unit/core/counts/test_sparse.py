"""Sparse counts against dictionaries that do the same."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from tcpconntop.core.counts import CELLS, SparseCounts

PAIRS = some.lists(
    some.tuples(some.integers(0, 40), some.integers(0, CELLS - 1) | some.integers(0, 3)), max_size=80
)
SPREAD = some.lists(some.tuples(some.integers(0, 2**20), some.integers(0, CELLS - 1)), max_size=30)
NEW_ROWS = some.lists(some.integers(-1, 6), min_size=41, max_size=41).map(np.array)


def cells_of(pairs) -> SparseCounts:
    array = np.array(pairs, np.int64).reshape(-1, 2)
    return SparseCounts.from_pairs(array[:, 0], array[:, 1])


def counter(cells: SparseCounts) -> Counter:
    assert (np.diff(cells.codes) > 0).all()
    assert (cells.counts > 0).all()
    assert cells.codes.dtype == cells.counts.dtype == np.int64
    return Counter(
        {
            (int(row), int(cell)): int(n)
            for row, cell, n in zip(cells.rows(), cells.cells(), cells.counts, strict=True)
        }
    )


@given(PAIRS | SPREAD)
def test_given_pairs_when_counted_then_each_has_its_count(pairs):
    assert counter(cells_of(pairs)) == Counter(pairs)


@given(some.lists(PAIRS, max_size=5))
def test_given_several_sets_when_added_then_the_total_is_that_of_all_pairs(parts):
    assert counter(SparseCounts.total([cells_of(part) for part in parts])) == Counter(chain(*parts))


@given(PAIRS, NEW_ROWS)
def test_given_a_set_when_regrouped_then_rows_merge_and_minus_one_drops(pairs, new_row):
    expected = Counter((int(new_row[row]), cell) for row, cell in pairs if new_row[row] >= 0)
    assert counter(cells_of(pairs).regroup(new_row)) == expected


@given(PAIRS, PAIRS, NEW_ROWS)
def test_given_two_sets_then_adding_then_regrouping_is_regrouping_then_adding(first, second, new_row):
    a, b = cells_of(first), cells_of(second)
    assert counter(SparseCounts.total([a, b]).regroup(new_row)) == counter(
        SparseCounts.total([a.regroup(new_row), b.regroup(new_row)])
    )


def test_given_few_large_rows_when_regrouped_then_large_counts_stay_exact():
    cells = SparseCounts(np.arange(4 * CELLS), np.full(4 * CELLS, 2**50))
    merged = cells.regroup(np.array([0, 0, 0, -1]))
    assert (merged.counts == 3 * 2**50).all()
    assert len(merged.codes) == CELLS


def test_given_rows_then_row_starts_bound_the_codes_of_each():
    cells = cells_of([(1, 5), (1, 7), (3, 0)])
    assert cells.row_starts(5).tolist() == [0, 0, 2, 2, 3, 3]


def test_given_rows_that_merge_in_order_when_regrouped_then_equal_cells_still_add_up():
    merged = cells_of([(0, 900), (1, 900), (1, 901)]).regroup(np.array([0, 0]))
    assert counter(merged) == Counter({(0, 900): 2, (0, 901): 1})


@given(PAIRS)
def test_given_a_set_then_cells_are_found_by_rank(pairs):
    cells, ordered = cells_of(pairs), sorted(pairs)
    assert cells.cells_of_ranks(np.arange(1, len(pairs) + 1)).tolist() == [cell for _, cell in ordered]
    assert cells.counts_before_rows(41).tolist() == [sum(row < end for row, _ in pairs) for end in range(42)]
