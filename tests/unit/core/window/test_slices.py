"""Stored slices, and the blocks that they are merged into."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from records import connect, join, random_records

from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import KeyTable
from tcpconntop.core.window.slices import (
    MAX_WINDOW_S,
    SLICE_LENGTHS_S,
    AttemptCounts,
    Slice,
    first_single_second,
    merge_slices,
    slice_length_s,
    slice_span,
)
from tcpconntop.core.wire import Outcome


def slice_of(events, table: KeyTable, second: int = 0) -> Slice:
    rows, _ = table.find_or_add(events)
    return AttemptCounts.from_attempts(st.Attempts.from_events(events, rows), len(table)).to_slice(second, 1)


@pytest.mark.parametrize(
    ("age", "length"), [(1, 1), (60, 1), (61, 10), (300, 10), (301, 30), (900, 30), (9e9, 30)]
)
def test_given_an_age_then_its_slices_have_the_documented_length(age, length):
    assert slice_length_s(age) == length


def test_given_the_lengths_then_each_divides_the_next_and_the_age_at_which_it_begins():
    lengths = list(SLICE_LENGTHS_S.values())
    assert all(longer % shorter == 0 for shorter, longer in pairwise(lengths))


def test_given_a_second_when_it_ages_then_its_block_grows_only_once_all_of_it_is_older():
    now = 10_000
    for second in range(now - MAX_WINDOW_S, now + 1):
        start, length = slice_span(second, now)
        last = start + length - 1
        assert start <= second <= last
        assert start % length == 0
        for younger, coarser in ((60, 10), (300, 30)):
            whole = second // coarser * coarser + coarser - 1 <= now - younger
            assert (length >= coarser) == whole


def test_given_records_when_packed_in_a_slice_then_the_figures_come_back():
    table = KeyTable()
    events = random_records(400, 30)
    rows, _ = table.find_or_add(events)
    sums = AttemptCounts.from_attempts(st.Attempts.from_events(events, rows), len(table))
    part = sums.to_slice(5, 1)
    assert (part.second, part.seconds) == (5, 1)
    assert part.rows.tolist() == sorted(set(rows.tolist()))
    expected = sums.stats[part.rows]
    for name in ("outcomes", "syn_retransmits", "sum_ns", "min_ns", "max_ns"):
        assert (part.stats[name] == expected[name]).all(), name
    assert (part.outcomes() == expected["outcomes"]).all()
    for whole, packed in ((sums.latency, part.latency), (sums.errors, part.errors)):
        assert (whole.codes == packed.codes).all()
        assert (whole.counts == packed.counts).all()


def test_given_slices_when_merged_then_they_are_the_slice_of_all_their_records():
    table = KeyTable()
    batches = [random_records(150, 40, seed) for seed in range(6)]
    parts = [slice_of(events, table, second) for second, events in enumerate(batches)]
    block, whole = merge_slices(parts, 0, 10, len(table)), slice_of(join(*batches), table)
    assert (block.second, block.seconds) == (0, 10)
    assert (block.rows == whole.rows).all()
    for name in ("outcomes", "syn_retransmits", "sum_ns", "min_ns", "max_ns"):
        assert (block.stats[name] == whole.stats[name]).all(), name
    assert (block.latency.codes == whole.latency.codes).all()
    assert (block.latency.counts == whole.latency.counts).all()
    assert (block.errors.counts == whole.errors.counts).all()
    assert merge_slices(parts[:1], 0, 10, len(table)) is parts[0]


def test_given_keys_that_only_fail_when_packed_then_they_have_no_extremes():
    part = slice_of(connect(outcome=Outcome.REFUSED, error=111), KeyTable())
    assert part.stats["min_ns"].tolist() == [st.NO_MINIMUM]
    assert part.stats["max_ns"].tolist() == [0]
    assert part.errors.cells().tolist() == [111]
    assert len(part.latency.codes) == 0


def test_given_an_errno_beyond_the_cells_then_it_is_counted_in_the_last_one():
    part = slice_of(connect(outcome=Outcome.ERROR, error=60_000), KeyTable())
    assert part.errors.cells().tolist() == [2047]


def test_given_ten_thousand_destinations_a_second_then_a_slice_takes_less_than_50_bytes_a_destination():
    table = KeyTable(20_000)
    part = slice_of(random_records(60_000, 10_000), table)
    assert len(part.rows) > 9_900
    assert part.nbytes < 50 * len(part.rows)


def test_given_keys_that_are_folded_then_merging_then_folding_is_folding_then_merging():
    table = KeyTable()
    batches = [random_records(200, 25, seed) for seed in range(3)]
    parts = [slice_of(events, table, 3) for events in batches]
    stay = np.arange(len(table)) % 3 == 1
    new_row = np.where(stay, np.cumsum(stay), 0)
    one = merge_slices(parts, 0, 10, len(table)).fold(new_row)
    other = merge_slices([part.fold(new_row) for part in parts], 0, 10, len(table))
    assert (one.rows == other.rows).all()
    assert one.rows[0] == 0
    for name in ("outcomes", "syn_retransmits", "sum_ns", "min_ns", "max_ns"):
        assert (one.stats[name] == other.stats[name]).all(), name
    for whole, packed in ((one.latency, other.latency), (one.errors, other.errors)):
        assert (whole.codes == packed.codes).all()
        assert (whole.counts == packed.counts).all()


def test_given_a_slice_when_none_of_its_keys_is_folded_then_they_get_their_new_rows_and_other_stays_empty():
    table = KeyTable()
    part = slice_of(random_records(50, 9), table)
    folded = part.fold(np.maximum(np.arange(len(table)) * 2 - 1, 0))
    assert folded.rows.tolist() == (part.rows * 2 - 1).tolist()
    assert (folded.stats == part.stats).all()
    assert folded.latency.counts.tolist() == part.latency.counts.tolist()


def test_given_a_moment_then_single_seconds_begin_where_no_block_is_formed_yet():
    for now in range(10_000, 10_040):
        assert all(
            (slice_span(s, now)[1] == 1) == (s >= first_single_second(now)) for s in range(now - 120, now + 1)
        )
