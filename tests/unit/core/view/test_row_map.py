"""Rows made of the same keys as before: merged once, and never where something has changed."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, random_records, snapshot_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.columns import COLUMNS, columns_of
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.groups import GROUPINGS, next_grouping
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.core.window.rolling import RollingWindow

NOW_NS = 1_000 * SECOND_NS


def shown(view: View) -> list[list[str]]:
    columns = [column for column in columns_of(view) if column.key in COLUMNS]
    return [[column.text(view, row) for column in columns] for row in range(len(view))]


def same(one: View, other: View) -> bool:
    return (
        shown(one) == shown(other)
        and (one.keys == other.keys).all()
        and (one.row_of == other.row_of).all()
        and (one.busiest_index == other.busiest_index).all()
        and (one.process_count == other.process_count).all()
    )


@pytest.mark.parametrize("group_by", GROUPINGS)
@pytest.mark.parametrize("text", ["", "comm=curl !dport=3", "p99>150us"])
def test_given_the_same_keys_with_new_figures_when_viewed_again_then_they_are_not_merged_again(
    group_by, text
):
    window, spec = RollingWindow(60), ViewSpec(group_by, where=parse_filter(text))
    window.ingest(random_records(600, 40, seed=1), NOW_NS)
    first = make_view(snapshot_of(window), spec)
    window.ingest(random_records(900, 40, seed=2, end_ns=NOW_NS + SECOND_NS), NOW_NS + SECOND_NS)
    snapshot = snapshot_of(window)
    again = make_view(snapshot, spec, previous=first)
    assert again.row_map is first.row_map
    assert same(again, make_view(snapshot, spec))
    assert shown(again) != shown(first)


@pytest.mark.parametrize(
    ("before", "now", "more"),
    [
        (ViewSpec(), ViewSpec(), connect("192.0.2.1")),  # a key that is new
        (ViewSpec("port"), ViewSpec("port"), connect("192.0.2.1")),  # and of a row that was there
        (ViewSpec(), ViewSpec("process"), connect()[:0]),
        (ViewSpec(), ViewSpec(where=parse_filter("dport=1")), connect()[:0]),
    ],
)
def test_given_other_keys_or_another_grouping_when_viewed_again_then_they_are_merged_anew(before, now, more):
    window = RollingWindow(60)
    window.ingest(random_records(600, 40), NOW_NS)
    first = make_view(snapshot_of(window), before)
    window.ingest(more, NOW_NS)
    snapshot = snapshot_of(window)
    again = make_view(snapshot, now, previous=first)
    assert again.row_map is not first.row_map
    assert same(again, make_view(snapshot, now))


def test_given_keys_that_left_the_window_and_others_in_their_number_then_they_are_merged_anew():
    window = RollingWindow(10)
    window.ingest(join(connect("10.0.0.1"), connect("10.0.0.2")), NOW_NS)
    first = make_view(snapshot_of(window), ViewSpec())
    later_ns = NOW_NS + 30 * SECOND_NS
    window.ingest(join(*(connect(f"10.0.0.{at}", end_ns=later_ns) for at in (2, 3))), later_ns)
    again = make_view(snapshot_of(window), ViewSpec(sort="daddr", descending=False), previous=first)
    assert [row[0] for row in shown(again)] == ["10.0.0.2", "10.0.0.3"]


def test_given_keys_that_were_folded_when_their_rows_are_others_then_they_are_merged_anew():
    window = RollingWindow(60, max_keys=4)
    window.ingest(join(*(connect(f"10.0.0.{at}", times=9 - at) for at in range(1, 5))), NOW_NS)
    first = make_view(snapshot_of(window), ViewSpec())
    for second in range(1, 13):
        end_ns = NOW_NS + second * SECOND_NS
        window.ingest(join(*(connect(f"10.1.0.{at}", times=20, end_ns=end_ns) for at in (1, 2))), end_ns)
    snapshot = snapshot_of(window)
    again = make_view(snapshot, ViewSpec(), previous=first)
    assert same(again, make_view(snapshot, ViewSpec()))
    assert np.flatnonzero(again.keys["special"]).size == 1


def test_given_a_number_of_rows_when_formatted_then_each_grouping_has_its_plural():
    assert {name: (grouping.counted(1), grouping.counted(64)) for name, grouping in GROUPINGS.items()} == {
        "dest": ("1 destination", "64 destinations"),
        "host": ("1 host", "64 hosts"),
        "host+dest": ("1 pair of host and destination", "64 pairs of host and destination"),
        "process": ("1 process", "64 processes"),
        "process+dest": ("1 pair of process and destination", "64 pairs of process and destination"),
        "port": ("1 port", "64 ports"),
        "subnet": ("1 subnet", "64 subnets"),
        "unit": ("1 unit", "64 units"),
        "netns": ("1 network namespace", "64 network namespaces"),
        "netns+dest": (
            "1 pair of network namespace and destination",
            "64 pairs of network namespace and destination",
        ),
    }


def test_given_several_hosts_or_one_when_the_grouping_is_changed_then_it_goes_round_and_back():
    def around(has_hosts, by):
        names = ["dest"]
        while (name := next_grouping(names[-1], by, has_hosts)) != "dest":
            names.append(name)
        return names

    assert around(True, 1)[:4] == ["dest", "host", "host+dest", "process"]
    assert sorted(around(True, 1)) == sorted(GROUPINGS)
    assert around(False, 1) == [name for name, grouping in GROUPINGS.items() if not grouping.by_host]
    for has_hosts in (True, False):
        assert around(has_hosts, -1)[1:] == around(has_hosts, 1)[:0:-1]
