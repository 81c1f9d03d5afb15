"""Filter, group and sort; the whole of a snapshot in one line."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from records import connect, expected_of, join, random_records, snapshot, snapshot_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.columns import COLUMNS, columns_of
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.groups import GROUPINGS, destination_text, process_text
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.ordering import sorted_by
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import summarize
from tcpconntop.core.view.view import View
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

MIXED = random_records(2_000, 300)
FIELDS_OF_GROUP = {
    "dest": ("daddr", "dport"),
    "process": ("tgid", "comm"),
    "process+dest": ("tgid", "comm", "daddr", "dport"),
    "port": ("dport",),
    "unit": ("cgroup_id",),
}


def texts(view: View, column: str) -> list[str]:
    return [COLUMNS[column].text(view, row) for row in range(len(view))]


@pytest.mark.parametrize("group_by", FIELDS_OF_GROUP)
def test_given_a_grouping_then_each_row_has_the_figures_of_its_records(group_by):
    view = make_view(snapshot(MIXED), ViewSpec(group_by=group_by))
    fields = FIELDS_OF_GROUP[group_by]
    groups = {}
    for record in MIXED:
        groups.setdefault(tuple(record[name].tobytes() for name in fields), []).append(record)
    assert len(view) == len(groups)
    for row in range(len(view)):
        records = groups[tuple(view.keys[row][name].tobytes() for name in fields)]
        outcomes = np.bincount([record["outcome"] for record in records], minlength=6)
        assert view.stats["outcomes"][row].tolist() == outcomes.tolist()
        ok = [int(r["end_ns"] - r["begin_ns"]) / 1000 for r in records if r["outcome"] == Outcome.OK]
        metrics = {key: values[row] for key, values in view.metrics.items()}
        assert metrics["count"] == len(records)
        assert metrics["rate"] == len(records) / 10.0
        assert metrics["failed"] == len(records) - len(ok)
        assert metrics["fail"] == pytest.approx(1 - len(ok) / len(records))
        assert metrics["rtx"] == sum(int(r["syn_retransmits"]) for r in records)
        if ok:
            assert (metrics["min"], metrics["max"], metrics["last"]) == (min(ok), max(ok), ok[-1])
            assert metrics["mean"] == pytest.approx(np.mean(ok))
            for key, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
                assert metrics[key] == pytest.approx(np.quantile(ok, q, method="inverted_cdf"), rel=0.01)
        assert view.latency.counts[view.latency.rows() == row].sum() == len(ok)


def test_given_addresses_when_grouped_by_subnet_then_the_host_bits_do_not_count():
    addresses = ("10.1.2.3", "10.1.2.250", "10.1.3.3", "fd00::1", "fd00::2:0:0:1", "fd00:0:0:1::1")
    view = make_view(
        snapshot(*map(connect, addresses)), ViewSpec(group_by="subnet", sort="daddr", descending=False)
    )
    assert texts(view, "daddr") == ["10.1.2.0/24", "10.1.3.0/24", "fd00::/64", "fd00:0:0:1::/64"]
    assert view.metrics["count"].tolist() == [2, 1, 2, 1]


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_given_a_column_when_sorted_then_rows_are_in_order_with_nan_last_and_ties_as_they_came(group_by):
    picture = snapshot(MIXED[:400], connect("10.9.9.9", outcome=Outcome.REFUSED, error=111))
    baseline = make_view(snapshot(MIXED[:300]), ViewSpec(group_by))
    sortable = [
        column for column in COLUMNS.values()
        if column.values and (not column.key_field or GROUPINGS[group_by].has(column.key_field))
    ]  # fmt: skip
    assert len(sortable) > 10
    for column, descending in product(sortable, (True, False)):
        view = make_view(picture, ViewSpec(group_by, column.key, descending), baseline)
        assert column in columns_of(view)
        values = column.values(view).tolist()
        first_seen = [int(view.keys_of_row(row)[0]) for row in range(len(view))]
        numbers = [(value, seen) for value, seen in zip(values, first_seen, strict=True) if value == value]
        in_order = sorted(numbers, key=lambda pair: pair[1])
        in_order.sort(key=lambda pair: pair[0], reverse=descending)
        assert numbers == in_order, (column.key, descending)
        assert all(value != value for value in values[len(numbers) :]), (column.key, descending)


def test_given_a_column_that_the_grouping_lacks_when_sorted_by_it_then_rows_stay_as_they_came():
    view = make_view(snapshot(connect(dport=2), connect(dport=1)), ViewSpec("port", "pid"))
    assert texts(view, "dport") == ["2", "1"]
    assert {column.key for column in columns_of(view)} >= {"dport", "comm", "p99"}
    assert not {"daddr", "pid", "unit"} & {column.key for column in columns_of(view)}


def test_given_a_spec_when_sorted_by_a_column_then_the_direction_is_the_natural_one():
    assert sorted_by(ViewSpec(), "count").descending
    assert not sorted_by(ViewSpec(), "daddr").descending
    assert not sorted_by(ViewSpec(), "dport").descending
    assert not ViewSpec().reversed().descending
    assert ViewSpec().reversed().reversed() == ViewSpec()


def test_given_a_filter_then_keys_and_rows_that_fail_it_are_left_out():
    picture = snapshot(
        connect(pid=1, times=5), connect(pid=2, times=3, latency_ns=10**9), connect("10.0.0.2")
    )
    view = make_view(picture, ViewSpec(where=parse_filter("pid=2")))
    assert view.metrics["count"].tolist() == [3]
    assert view.row_of.tolist() == [-1, -1, 0, -1]
    assert len(make_view(picture, ViewSpec(where=parse_filter("count>8")))) == 0
    slow = make_view(picture, ViewSpec("process+dest", where=parse_filter("p99>500ms count<4")))
    assert slow.keys["tgid"].tolist() == [2]
    assert slow.latency.counts.tolist() == [3]
    assert slow.stats["outcomes"].sum() == 3


def test_given_a_row_then_its_identity_finds_it_in_the_next_view():
    view = make_view(snapshot(MIXED), ViewSpec())
    other = make_view(snapshot(MIXED[::-1]), ViewSpec(sort="daddr", descending=False))
    for row in range(0, len(view), 7):
        found = other.find(view.identity(row))
        assert found is not None
        assert other.keys[found] == view.keys[row]
    gone = make_view(snapshot(connect("192.0.2.1")), ViewSpec())
    assert gone.find(view.identity(0)) is None
    assert make_view(snapshot(), ViewSpec()).find(view.identity(0)) is None


def test_given_rows_then_members_and_row_of_agree_and_group_of_numbers_them():
    view = make_view(snapshot(MIXED), ViewSpec(group_by="port", where=parse_filter("!dport=3")))
    for row in range(len(view)):
        assert (view.row_of[view.keys_of_row(row)] == row).all()
        assert (view.snapshot.window.keys["dport"][view.keys_of_row(row)] == view.keys["dport"][row]).all()
    assert sum(len(view.keys_of_row(row)) for row in range(len(view))) == (view.row_of >= 0).sum()
    number = view.number_rows(np.array([1]))
    assert (number == np.where(view.row_of == 1, 0, -1)).all()


def test_given_processes_that_share_a_row_then_all_are_named_and_counted():
    events = (connect(pid=1, comm="a", times=2), connect(pid=2, comm="b", times=5), connect(pid=3, comm="c"))
    view = make_view(snapshot(*events, connect("10.0.0.2", pid=3, comm="c")), ViewSpec(sort="count"))
    assert texts(view, "comm") == ["a, b, c", "c"]
    assert view.process_count.tolist() == [3, 1]
    assert view.busiest_key(0)["tgid"] == 2


def test_given_a_process_with_several_destinations_then_it_counts_once():
    view = make_view(snapshot(connect(), connect(dport=80), connect("10.0.0.2")), ViewSpec("process"))
    assert view.process_count.tolist() == [1]


def test_given_folded_keys_then_they_are_one_row_called_other_in_every_grouping():
    window = RollingWindow(60, max_keys=2)
    window.ingest(join(*(connect(pid=pid, daddr=f"10.0.0.{pid}") for pid in range(1, 9))), 1_000 * SECOND_NS)
    for group_by in GROUPINGS:
        view = make_view(snapshot_of(window), ViewSpec(group_by))
        special = np.flatnonzero(view.keys["special"])
        assert len(special) == 1
        assert view.metrics["count"][special].tolist() == [6]
        assert view.metrics["count"].sum() == 8
        key = view.keys[special[0]]
        assert destination_text(key, view.grouping) == process_text(key) == "other"


def test_given_failures_alone_then_no_latency_is_told_though_there_was_one_before_the_window():
    window = RollingWindow(10)
    window.ingest(connect(latency_ns=5_000), 1_000 * SECOND_NS)
    window.ingest(connect(outcome=Outcome.TIMEOUT), 1_060 * SECOND_NS)
    metrics = make_view(snapshot_of(window), ViewSpec()).metrics
    assert metrics["fail"].tolist() == [1.0]
    for key in ("p50", "p90", "p99", "min", "max", "mean", "last"):
        assert np.isnan(metrics[key]).all(), key


def test_given_two_processes_when_one_succeeded_before_the_other_failed_then_last_is_the_last_success():
    now = 1_000 * SECOND_NS
    first = connect(pid=1, latency_ns=1_000, end_ns=now)
    second = connect(pid=2, latency_ns=2_000, end_ns=now + 1)
    fails = connect(pid=1, outcome=Outcome.REFUSED, end_ns=now + 2)
    assert make_view(snapshot(first, second, fails), ViewSpec()).metrics["last"].tolist() == [2.0]


def test_given_nothing_then_the_view_is_empty_for_every_column():
    for column in COLUMNS:
        assert len(make_view(snapshot(), ViewSpec(sort=column))) == 0


def test_given_a_snapshot_when_summed_up_then_all_keys_count_whatever_is_filtered():
    summary = summarize(snapshot(MIXED))
    assert summary.outcomes == tuple(np.bincount(MIXED["outcome"], minlength=6).tolist())
    assert summary.rate_hz == len(MIXED) / 10.0
    ok = MIXED[MIXED["outcome"] == Outcome.OK]
    latencies = (ok["end_ns"] - ok["begin_ns"]) / 1000
    exact = np.quantile(latencies, (0.5, 0.9, 0.99), method="inverted_cdf")
    np.testing.assert_allclose(summary.quantiles_us, exact, rtol=0.01)
    assert len(expected_of(MIXED)) > 100


def test_given_an_empty_snapshot_when_summed_up_then_there_is_nothing_to_tell():
    summary = summarize(snapshot())
    assert summary.outcomes == (0,) * 6
    assert summary.rate_hz == 0
    assert np.isnan(summary.quantiles_us).all()
