"""Helpers for sorted integer arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from tcpconntop.core.counts import find, narrow, radix_order, ranges, run_starts


@given(some.lists(some.integers(0, 2**63 - 1) | some.integers(0, 9), max_size=60))
def test_given_integers_then_the_radix_order_is_the_stable_one(values):
    array = np.array(values, np.int64)
    assert radix_order(array).tolist() == np.argsort(array, kind="stable").tolist()
    unsigned = array.astype(np.uint64) * np.uint64(2)
    assert radix_order(unsigned).tolist() == np.argsort(unsigned, kind="stable").tolist()


@given(some.lists(some.integers(0, 2**63 - 1), max_size=9))
def test_given_integers_when_narrowed_then_none_changes(values):
    assert narrow(np.array(values, np.int64)).tolist() == values


@given(some.sets(some.integers(0, 30)), some.lists(some.integers(0, 30)))
def test_given_values_when_looked_up_then_those_present_are_found(values, wanted):
    ascending = np.array(sorted(values), np.int64)
    index, present = find(ascending, np.array(wanted, np.int64))
    assert present.tolist() == [value in values for value in wanted]
    assert ascending[index].tolist() == [value for value in wanted if value in values]


@given(some.lists(some.tuples(some.integers(0, 50), some.integers(0, 5))))
def test_given_ranges_then_their_indices_follow_one_another(bounds):
    starts, lengths = np.array(bounds, np.int64).reshape(-1, 2).T
    index, found_lengths = ranges(starts, starts + lengths)
    assert index.tolist() == [start + i for start, length in bounds for i in range(length)]
    assert found_lengths.tolist() == lengths.tolist()


@given(some.lists(some.integers(0, 3)))
def test_given_sorted_values_then_each_run_has_one_start(values):
    ordered = np.sort(np.array(values, np.int64))
    starts = run_starts(ordered)
    assert ordered[starts].tolist() == sorted(set(values))
    assert all(
        start == values_before
        for start, values_before in zip(
            starts, (sum(other < value for other in values) for value in sorted(set(values))), strict=True
        )
    )
