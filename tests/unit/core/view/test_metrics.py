"""Figures that are computed when somebody asks for them."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, random_records, snapshot

from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.row_metrics import PAGE_ROWS
from tcpconntop.core.view.spec import ViewSpec

MIXED = random_records(3_000, 300)


@pytest.mark.parametrize("group_by", ["dest", "process+dest", "port"])
@pytest.mark.parametrize("sort", ["p99", "count"])
def test_given_a_row_then_its_figures_are_those_of_its_column(group_by, sort):
    """GIVEN a view WHEN a metric of one row is asked for THEN it is what the whole column says."""
    view, whole = (make_view(snapshot(MIXED), ViewSpec(group_by, sort)) for _ in range(2))
    for key, column in whole.metrics.items():
        rows = (
            range(len(view)) if len(view) < 2 * PAGE_ROWS else (0, 1, PAGE_ROWS - 1, PAGE_ROWS, len(view) - 1)
        )
        alone = [view.metrics.value(key, row) for row in rows]
        np.testing.assert_array_equal(alone, column[list(rows)])


def test_given_rows_of_one_key_and_of_several_then_both_have_their_quantiles():
    """GIVEN a destination of one process and one of two WHEN sorted by p99 THEN both metrics are right."""
    events = join(
        connect(pid=1, latency_ns=1_000_000, times=3),
        connect(pid=2, latency_ns=9_000_000, times=3),
        connect("10.0.0.2", pid=1, latency_ns=2_000_000),
    )
    view = make_view(snapshot(events), ViewSpec())
    np.testing.assert_allclose(view.metrics["p99"], [9_000, 2_000], rtol=0.01)
    np.testing.assert_allclose(view.metrics["p50"], [1_000, 2_000], rtol=0.01)


def test_given_a_name_that_is_no_figure_then_there_is_none():
    """GIVEN a view WHEN a metric is asked for that does not exist THEN a KeyError names it."""
    with pytest.raises(KeyError, match="daddr"):
        make_view(snapshot(MIXED), ViewSpec()).metrics["daddr"]


@pytest.mark.parametrize("text", ["", "dport=2"])
@pytest.mark.parametrize("window_s", [60, None])
def test_given_everything_that_is_shown_then_its_buckets_are_those_of_the_rows(text, window_s):
    """GIVEN a view, filtered or not, WHEN all of it is looked at THEN its buckets are the rows' together."""
    view = make_view(snapshot(MIXED, window_s=window_s), ViewSpec(where=parse_filter(text)))
    rows = [Selection(view, row).buckets for row in range(len(view))]
    assert (Selection(view).buckets == sum(rows)).all()
    assert Selection(view).buckets.sum() == view.metrics["ok"].sum() > 0


def test_given_syns_that_were_sent_again_then_their_share_is_of_all_syns():
    """GIVEN 100 connects of which 20 sent 26 SYNs again WHEN the share is asked for THEN it is 26 of 126."""
    events = [connect(times=80), connect(times=15, rtx=1), connect(times=4, rtx=2), connect(times=1, rtx=3)]
    view = make_view(snapshot(*events, connect("10.0.0.2", times=5)), ViewSpec(sort="count"))
    assert view.metrics["resent"].tolist() == pytest.approx([26 / 126, 0])
    assert COLUMNS["resent"].text(view, 0) == "20.6"
    specs = [ViewSpec(where=parse_filter(f"resent>{n}%")) for n in (20, 21)]
    assert [len(make_view(view.snapshot, spec)) for spec in specs] == [1, 0]
