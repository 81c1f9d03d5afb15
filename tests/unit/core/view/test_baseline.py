"""The change since a mark: row by row, and how it reads."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from records import connect, join, random_records, snapshot

from tcpconntop.core.view.baseline import (
    factor_text,
    match_rows,
    points_text,
    without_history,
)
from tcpconntop.core.view.columns import columns_of
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}


def compared(before, now, spec=None):
    """Return a view compared with another one."""
    spec = spec or ViewSpec(sort="daddr", descending=False)
    return make_view(snapshot(*now), spec, make_view(without_history(snapshot(*before)), spec))


def test_given_a_mark_when_rows_changed_then_each_says_by_how_much():
    before = [
        connect("10.0.0.1", times=1_000),
        connect("10.0.0.2", times=800, latency_ns=1_000_000),
        connect("10.0.0.3", times=400),
    ]
    now = [
        connect("10.0.0.1", times=2_000, latency_ns=500_000),
        connect("10.0.0.2", times=400, latency_ns=1_000_000),
        connect("10.0.0.2", times=400, **REFUSED),
        connect("10.0.0.4", times=300),
    ]
    view = compared(before, now)
    assert view.metrics["dcount"].tolist() == [2.0, 1.0, 0.0, np.inf]
    assert view.metrics["dp99"][:2] == pytest.approx([2.0, 1.0], rel=0.02)
    assert view.metrics["dp99"][3] == np.inf
    assert view.metrics["dfail"][[0, 1, 3]].tolist() == [0.0, 0.5, np.inf]
    texts = [
        [column.text(view, row) for column in columns_of(view) if column.needs_baseline] for row in range(4)
    ]
    assert texts[:2] == [["worse", "×2.0", "~", *["×2.0"] * 3], ["worse", "~", "+50.0", *["~"] * 3]]
    assert texts[2:] == [["gone", "gone", *["-"] * 4], ["new"] * 6]


def test_given_no_mark_then_there_is_no_column_of_one_nor_a_filter_for_it():
    view = make_view(snapshot(connect()), ViewSpec())
    assert not [column for column in columns_of(view) if column.needs_baseline]
    with pytest.raises(FilterError):
        parse_filter("dp99>2")


def test_given_a_row_that_only_failed_when_it_connects_then_its_p99_is_new_and_when_not_there_is_none():
    view = compared([connect(times=20, **REFUSED)], [connect(times=20)])
    assert (view.metrics["dp99"][0], view.metrics["dfail"][0]) == (np.inf, -1.0)
    view = compared([connect(times=20)], [connect(times=20, **REFUSED)])
    assert math.isnan(view.metrics["dp99"][0])


def test_given_changes_when_sorted_by_them_then_the_new_come_first_and_the_unknown_last():
    before = [connect("10.0.0.1", times=900), connect("10.0.0.2"), connect("10.0.0.3", times=900)]
    now = [
        connect("10.0.0.1", times=900, latency_ns=900_000),
        connect("10.0.0.2", **REFUSED),
        connect("10.0.0.3", times=900, latency_ns=200_000),
        connect("10.0.0.4", times=30),
    ]
    view = compared(before, now, ViewSpec(sort="dp99"))
    assert [columns_of(view)[0].text(view, row)[-1] for row in range(4)] == ["4", "1", "3", "2"]


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_given_any_grouping_when_nothing_changed_then_nothing_is_said_to_have(grouping):
    events = random_records(3_000, 60, 3)
    view = compared([events], [events], ViewSpec(grouping))
    assert (view.metrics["dcount"] == 1).all()
    assert (view.metrics["dfail"] == 0).all()


def test_given_keys_when_matched_then_it_is_what_a_dictionary_finds():
    fields = GROUPINGS["process+dest"].fields
    views = [make_view(snapshot(random_records(400, 150, seed)), ViewSpec("process+dest")) for seed in (1, 2)]
    place = {views[1].identity(row): row for row in range(len(views[1]))}
    expected = [place.get(views[0].identity(row), -1) for row in range(len(views[0]))]
    assert match_rows(views[0].keys, views[1].keys, fields).tolist() == expected
    assert -1 in expected
    assert max(expected) > 0
    assert match_rows(views[0].keys, views[1].keys[:0], fields).tolist() == [-1] * len(views[0])


def test_given_a_shorter_window_at_the_mark_then_rates_are_compared_and_not_counts():
    before = replace(snapshot(connect(times=50)), span_s=10.0)
    now = replace(snapshot(connect(times=300)), span_s=60.0)
    assert make_view(now, ViewSpec(), make_view(before, ViewSpec())).metrics["dcount"].tolist() == [1.0]
    short = replace(before, span_s=50.0)
    assert make_view(now, ViewSpec(), make_view(short, ViewSpec())).metrics["dcount"].tolist() == [5.0]


def test_given_a_mark_then_it_keeps_no_history_and_compares_all_the_same():
    full = snapshot(join(connect(times=5), connect(dport=1, times=2)))
    thin = without_history(full)
    assert not thin.window.slices
    assert not thin.window.history
    assert not len(thin.window.recent)
    assert thin.window.recent.records.base is None
    spec = ViewSpec()
    assert make_view(thin, spec).metrics["p99"].tolist() == make_view(full, spec).metrics["p99"].tolist()


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (1.12, "+12%"), (0.6, "-40%"), (3.1, "×3.1"), (2.0, "×2.0"), (1.995, "+100%"), (1.004, "~"),
        (9.96, "×10"), (45.2, "×45"), (12_345, "×12.3k"), (0.001, "-100%"), (math.inf, "new"),
        (math.nan, "-"), (0.0, "gone"),
    ],
)  # fmt: skip
def test_given_a_factor_then_it_reads(factor, text):
    assert factor_text(factor) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [(0.032, "+3.2"), (-0.001, "-0.1"), (0.0001, "~"), (-1.0, "-100.0"), (math.inf, "new"), (math.nan, "-")],
)
def test_given_a_difference_of_shares_then_it_reads_in_points(difference, text):
    assert points_text(difference) == text


GONE = [connect("10.0.0.2", pid=7, comm="curl", times=30), connect("10.0.0.2", pid=8, comm="wget", times=20)]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("now", [[], [connect("10.0.0.1", times=5)]])
def test_given_a_row_that_is_gone_since_the_mark_then_it_is_still_listed_and_says_so(now, descending):
    before = [connect("10.0.0.1", times=5), *GONE]
    view = compared(before, now, ViewSpec(sort="p99", descending=descending))
    row = view.find(make_view(snapshot(*GONE), ViewSpec()).identity(0))
    assert row is not None
    assert row == len(view) - 1  # nothing is known of its p99 now
    assert (view.metrics["count"][row], view.metrics.value("rate", row)) == (0, 0)
    assert math.isnan(view.metrics.value("p99", row))
    columns = {column.key: column for column in columns_of(view)}
    texts = {name: column.text(view, row) for name, column in columns.items()}
    assert (texts["daddr"], texts["comm"]) == ("10.0.0.2", "curl, wget")
    assert (texts["dcount"], texts["dfail"], texts["dp99"]) == ("gone", "-", "-")
    assert (texts["change"], texts["count"], texts["fail"]) == ("gone", "50", "0")  # what it was
    assert texts["p99"] == columns["p99"].text(view.baseline, view.baseline.find(view.identity(row)))
    assert not len(view.keys_of_row(row))


@pytest.mark.parametrize("sort", ["comm", "dcount", "daddr", "count"])
def test_given_gone_rows_then_they_sort_and_filter_like_others(sort):
    before, now = (
        [connect("10.0.0.1", comm="dig", times=30), *GONE],
        [connect("10.0.0.3", comm="zsh", times=30)],
    )
    view = compared(before, now, ViewSpec(sort=sort, descending=False))
    places = {"comm": "213", "dcount": "123", "daddr": "123", "count": "123"}
    assert "".join(columns_of(view)[0].text(view, row)[-1] for row in range(3)) == places[sort]
    kept = make_view(snapshot(*now), ViewSpec(where=parse_filter("count>0")), view.baseline)
    assert [columns_of(kept)[0].text(kept, row) for row in range(len(kept))] == ["10.0.0.3"]


def test_given_no_mark_then_no_row_is_gone():
    view = make_view(snapshot(*GONE), ViewSpec())
    assert (view.busiest_index >= 0).all()
    assert compared(GONE, GONE).busiest_index.min() >= 0
