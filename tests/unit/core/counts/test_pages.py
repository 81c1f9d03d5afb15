"""Paged counts against dictionaries, and against sparse counts."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from test_sparse import NEW_ROWS, PAIRS, SPREAD, cells_of, counter

from tcpconntop.core.counts import CELLS, N_BUCKETS, PagedCounts, SparseCounts, quantiles_us


def pages_of(*parts) -> PagedCounts:
    pages = PagedCounts()
    for part in parts:
        pages.add(cells_of(part))
    return pages


@given(some.lists(PAIRS | SPREAD, max_size=5))
def test_given_sets_when_added_then_the_counts_are_those_of_all(parts):
    assert counter(pages_of(*parts).to_sparse()) == Counter(chain(*parts))


@given(some.lists(PAIRS, min_size=1, max_size=8), some.integers(1, 4))
def test_given_sets_that_come_and_go_then_the_counts_are_those_of_the_last_ones(parts, length):
    pages = PagedCounts()
    for i, part in enumerate(parts):
        pages.add(cells_of(part))
        if i >= length:
            pages.subtract(cells_of(parts[i - length]))
        assert counter(pages.to_sparse()) == Counter(chain(*parts[max(i - length + 1, 0) : i + 1]))


@pytest.mark.parametrize("wrong", [[(1, 2)], [(0, 1), (0, 1), (0, 1)], [(3, 3)], [(0, 2)]])
def test_given_counts_that_were_never_added_when_taken_away_then_it_is_an_error(wrong):
    with pytest.raises(ValueError, match="never added"):
        pages_of([(0, 1), (0, 1), (2, 2)]).subtract(cells_of(wrong))
    with pytest.raises(ValueError, match="never added"):
        PagedCounts().subtract(cells_of(wrong))


@given(PAIRS, PAIRS | SPREAD)
def test_given_two_sets_of_pages_when_merged_then_the_counts_are_those_of_both(first, second):
    pages, other = pages_of(first), pages_of(second)
    pages.merge(other)
    assert counter(pages.to_sparse()) == Counter(first + second)
    assert counter(other.to_sparse()) == Counter(second)


@given(PAIRS, NEW_ROWS)
def test_given_pages_when_regrouped_then_rows_merge_and_minus_one_drops(pairs, new_row):
    assert counter(pages_of(pairs).regroup(new_row).to_sparse()) == counter(cells_of(pairs).regroup(new_row))


@cache
def shuffled_pairs(seed):
    """Return new rows for a million rows, two of them in each; drawing them takes longest."""
    return np.random.default_rng(seed).permutation(2**20 + 1) // 2


@given(SPREAD, some.integers(0, 3))
def test_given_rows_far_apart_when_regrouped_then_they_merge_as_well(pairs, seed):
    new_row = shuffled_pairs(seed)
    assert counter(pages_of(pairs).regroup(new_row).to_sparse()) == counter(cells_of(pairs).regroup(new_row))


@given(some.lists(PAIRS, max_size=4), NEW_ROWS)
def test_given_sets_then_adding_then_regrouping_is_regrouping_then_adding(parts, new_row):
    grouped = PagedCounts()
    for part in parts:
        grouped.add(cells_of(part).regroup(new_row))
    assert counter(pages_of(*parts).regroup(new_row).to_sparse()) == counter(grouped.to_sparse())


@pytest.mark.parametrize("count", [1, 2**31 - 1, 2**31, 2**33, 2**60])
def test_given_counts_of_any_size_then_they_stay_exact(count):
    for start in ((), ([(1, 5)],)):
        pages = pages_of(*start)
        pages.add(SparseCounts(np.array([CELLS + 5]), np.array([count])))
        assert pages.to_sparse().counts.tolist() == [count + len(start)]
        twice = pages.copy()
        twice.merge(pages)
        assert twice.to_sparse().counts.tolist() == [2 * (count + len(start))]
        assert twice.counts_before_rows(2)[-1] == 2 * (count + len(start))


def test_given_a_copy_when_the_original_changes_then_the_copy_does_not():
    pages = pages_of([(1, 1), (3, 3)])
    copy = pages.copy().freeze()
    pages.add(cells_of([(1, 1), (2, 2)]))
    pages.subtract(cells_of([(3, 3)]))
    assert counter(copy.to_sparse()) == Counter([(1, 1), (3, 3)])
    with pytest.raises(ValueError, match="read-only"):
        copy.add(cells_of([(1, 1)]))


@given(
    some.lists(some.tuples(some.integers(0, 12), some.integers(0, N_BUCKETS - 1)), max_size=80),
    some.lists(some.floats(1e-9, 1), min_size=1, max_size=5),
)
def test_given_pages_then_their_quantiles_are_those_of_the_sparse_set(pairs, qs):
    gone = [(0, 3), (12, 40), (7, 7)]  # pages that are left empty
    pages = pages_of(pairs, gone)
    pages.subtract(cells_of(gone))
    for read in (quantiles_us(pages, 13, qs), quantiles_us(pages.regroup(np.arange(13)), 13, qs)):
        np.testing.assert_array_equal(read, quantiles_us(cells_of(pairs), 13, qs))


def test_given_a_window_that_slides_far_then_empty_pages_are_left_behind():
    pages = PagedCounts()
    for step in range(500):
        pages.add(cells_of([(step, cell) for cell in range(0, 64, 16)]))
        if step >= 5:
            pages.subtract(cells_of([(step - 5, cell) for cell in range(0, 64, 16)]))
    assert pages.nbytes < 40 * 80


@given(PAIRS | SPREAD, some.sets(some.integers(0, 12)))
def test_given_some_rows_then_their_counts_are_those_of_all_pages_without_the_others(pairs, rows):
    pages, wanted = pages_of(pairs), np.array(sorted(rows), np.int64)
    assert counter(pages.select_rows(wanted).to_sparse()) == Counter(
        pair for pair in pairs if pair[0] in rows
    )
