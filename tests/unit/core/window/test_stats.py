"""Exact figures by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from records import connect, join, random_records

from tcpconntop.core.window import stats as st
from tcpconntop.core.wire import Outcome


def figures(events, rows, n_rows):
    return st.from_attempts(st.Attempts.from_events(events, np.asarray(rows)), n_rows)


def test_given_a_clock_that_went_back_then_the_latency_is_nothing_and_not_huge():
    event = connect()
    event["begin_ns"] = event["end_ns"] + 5
    assert st.latency_ns(event).tolist() == [0]
    assert figures(event, [0], 1)["sum_ns"].tolist() == [0]


def test_given_failures_then_only_successes_have_a_latency():
    events = join(
        connect(latency_ns=7), connect(latency_ns=10**9, outcome=Outcome.TIMEOUT), connect(latency_ns=3)
    )
    stats = figures(events, [0, 0, 0], 1)[0]
    assert stats["outcomes"].tolist() == [2, 0, 1, 0, 0, 0]
    assert [int(stats[name]) for name in ("sum_ns", "min_ns", "max_ns", "last_ns")] == [10, 3, 7, 3]


@given(some.lists(some.integers(-1, 3), min_size=12, max_size=12), some.integers(0, 50))
def test_given_rows_when_grouped_then_it_is_as_if_the_records_had_been(groups, seed):
    events = random_records(80, 12, seed)
    rows = np.random.default_rng(seed).integers(0, 12, 80)
    groups = np.array(groups)
    merged = st.regroup(figures(events, rows, 12), groups, 4)
    kept = groups[rows] >= 0
    assert (merged == figures(events[kept], groups[rows[kept]], 4)).all()


@given(some.integers(0, 79), some.integers(0, 50))
def test_given_two_batches_when_added_then_it_is_as_if_they_had_been_one(cut, seed):
    events = random_records(80, 12, seed)
    rows = np.random.default_rng(seed).integers(0, 12, 80)
    stats = figures(events[:cut], rows[:cut], 12)
    more = figures(events[cut:], rows[cut:], 12)
    st.add(stats, np.arange(12), st.to_columns(more))
    st.update_last_attempts(stats, np.arange(12), more)
    assert (stats == figures(events, rows, 12)).all()


def test_given_figures_when_grown_then_old_rows_stay_and_new_ones_are_empty():
    stats = figures(random_records(20, 3), [0, 1, 2, 0] * 5, 3)
    grown = st.extended(stats, 10)
    assert (grown[:3] == stats).all()
    assert (grown[3:10] == st.empty(7)).all()
    assert st.extended(grown, 5) is grown


@pytest.mark.parametrize("latency_ns", [1, 255, 256, 2**32 - 1, 2**32, 2**39])
def test_given_a_latency_of_any_size_when_packed_then_it_is_kept(latency_ns):
    stats = figures(join(connect(latency_ns=latency_ns), connect(latency_ns=1)), [0, 1], 2)
    back = st.unpack(st.pack(st.to_columns(stats)), len(stats))
    for name in ("outcomes", "syn_retransmits", "sum_ns", "min_ns", "max_ns"):
        assert (back[name] == stats[name]).all(), name


def test_given_keys_that_never_succeeded_when_packed_then_they_do_not_widen_the_others():
    events = join(connect(latency_ns=200), connect(outcome=Outcome.REFUSED))
    assert st.pack(st.to_columns(figures(events, [0, 1], 2)))["min_ns"].itemsize == 1
