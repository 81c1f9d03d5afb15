"""What is wrong with a row: by the thresholds of the findings, and never by a few connects."""

from __future__ import annotations

import numpy as np
import pytest
from explaining import with_lost_syns
from records import connect, join, random_records, snapshot

from tcpconntop.core.analysis.explain import explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import EDGES_US
from tcpconntop.core.thresholds import MIN_FAILURES, NOTABLE_SHARE, SLOW_US
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.ordering import sorted_by
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.trouble import Trouble
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.document import view_document

MS = 1_000_000
REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": 110}
CANCELLED = {"outcome": Outcome.CANCELLED}


def trouble_of(*events, group_by="dest"):
    return make_view(snapshot(*events), ViewSpec(group_by)).trouble.tolist()


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([connect(times=50)], Trouble.NONE),
        ([connect(times=3, **REFUSED)], Trouble.DOWN),
        ([connect(times=2, **REFUSED)], Trouble.NONE),
        ([connect(times=2, **TIMEOUT)], Trouble.DOWN),
        ([connect(times=1, **TIMEOUT)], Trouble.NONE),
        ([connect(times=16, **CANCELLED)], Trouble.GIVEN_UP),
        ([connect(times=16, rtx=1, **CANCELLED)], Trouble.DOWN),
        ([connect(times=16, netns=1), connect(times=16, rtx=1, netns=2, **CANCELLED)], Trouble.FAILING),
        ([connect(times=16, netns=1), connect(times=16, netns=2, **CANCELLED)], Trouble.GIVEN_UP),
        ([connect(times=16), connect(times=16, rtx=1, **CANCELLED)], Trouble.GIVEN_UP),
        ([connect(times=57), connect(times=3, **CANCELLED)], Trouble.GIVEN_UP),
        ([connect(times=58), connect(times=3, **CANCELLED)], Trouble.NONE),
        ([connect(times=2, **CANCELLED)], Trouble.NONE),
        ([connect(), connect(times=99, **REFUSED)], Trouble.FAILING),
        ([connect(times=297), connect(times=3, **REFUSED)], Trouble.FAILING),
        ([connect(times=298), connect(times=3, **REFUSED)], Trouble.NONE),
        ([connect(times=9), connect(times=2, **REFUSED)], Trouble.NONE),
        ([connect(times=297), with_lost_syns(times=3)], Trouble.RESENDS),
        ([connect(times=298), with_lost_syns(times=3)], Trouble.NONE),
        ([connect(times=20), with_lost_syns(times=2)], Trouble.NONE),
        ([connect(times=10), connect(times=3, latency_ns=150 * MS)], Trouble.SLOW),
        ([connect(times=10), connect(times=3, latency_ns=90 * MS)], Trouble.NONE),
        ([connect(times=3, latency_ns=150 * MS)], Trouble.NONE),
        ([connect(times=900), connect(times=8, latency_ns=150 * MS)], Trouble.NONE),
    ],
)
def test_given_connects_when_judged_then_few_never_are_and_shares_decide(events, wanted):
    assert trouble_of(*events) == [wanted]


def test_given_a_row_in_trouble_then_the_findings_are_about_it_too():
    """GIVEN each kind of trouble but `slow` WHEN it is explained THEN there is a finding."""
    for events in (
        [connect(times=3, **REFUSED)],
        [connect(times=2, **TIMEOUT)],
        [connect(times=16, rtx=1, **CANCELLED)],
        [connect(times=297), connect(times=3, **REFUSED)],
        [connect(times=297), with_lost_syns(times=3)],
    ):
        view = make_view(snapshot(*events), ViewSpec())
        assert view.trouble[0] > Trouble.SLOW
        assert explain(Selection(view), str)


def test_given_failures_that_fail_shows_then_a_row_is_in_trouble_or_undecided():
    """GIVEN rows of few connects of all outcomes WHEN 1% failed THEN no row has nothing to say of it.

    Three that all failed alike are always enough to judge by.
    """
    numbers = np.random.default_rng(7)
    events = [
        connect(f"10.0.{row}.1", times=int(n), outcome=outcome, rtx=int(numbers.integers(2)))
        for row in range(200)
        for outcome, n in zip(
            Outcome, numbers.integers(-3, 4, len(Outcome)) * (9, 1, 1, 1, 1, 1), strict=True
        )
        if n > 0
    ]
    view = make_view(snapshot(*events), ViewSpec())
    outcomes, share = view.stats["outcomes"], view.metrics["fail"]
    assert ((view.trouble != Trouble.NONE) | view.undecided | (share < NOTABLE_SHARE)).all()
    alike = (outcomes[:, Outcome.OK] == 0) & (outcomes.max(axis=1) >= MIN_FAILURES)
    assert 5 < alike.sum() < np.count_nonzero(share)
    assert view.trouble[alike & (np.count_nonzero(outcomes, axis=1) == 1)].all()
    assert view.undecided.any()


def test_given_connects_given_up_then_rows_and_findings_have_the_same_limit():
    """GIVEN cancelled connects WHEN they are 5% THEN Explain reports them too, and below neither does."""
    for ok, wanted in ((57, ["many-failed"]), (58, [])):
        events = [connect("10.0.1.9", times=ok)]
        events += [connect(f"10.0.1.{n}", latency_ns=n * MS, **CANCELLED) for n in range(1, 4)]
        found = explain(Selection(make_view(snapshot(*events), ViewSpec())), str)
        assert [finding.kind for finding in found] == wanted
        assert trouble_of(*events, group_by="port") == [Trouble.GIVEN_UP if wanted else Trouble.NONE]


def test_given_rows_when_ordered_by_trouble_then_the_worst_come_first():
    events = join(
        connect("10.0.0.1", latency_ns=MS, times=20),
        connect("10.0.0.2", latency_ns=2 * MS, times=20),
        connect("10.0.0.3", times=1, **REFUSED),
        connect("10.0.0.4", latency_ns=150 * MS, times=20),
        with_lost_syns(daddr="10.0.0.5", times=20),
        connect("10.0.0.6", times=20),
        connect("10.0.0.6", times=20, **REFUSED),
        connect("10.0.0.7", times=5, **REFUSED),
        connect("10.0.0.8", times=50, **TIMEOUT),
        connect("10.0.0.9", times=60, **CANCELLED),
    )
    view = make_view(snapshot(events), sorted_by(ViewSpec(), "trouble"))
    order = [COLUMNS["daddr"].text(view, row)[-1] for row in range(len(view))]
    # Two that are down, failing, given up, lost SYNs, slow; one failure is not hidden; then by p99.
    assert order == ["8", "7", "6", "9", "5", "4", "3", "2", "1"]
    texts = [COLUMNS["trouble"].text(view, row) for row in range(len(view))]
    assert texts == ["down", "down", "failing", "given up", "resends", "slow", "?", "-", "-"]
    upside_down = make_view(snapshot(events), sorted_by(ViewSpec(), "trouble").reversed())
    assert upside_down.keys.tolist() == view.keys[::-1].tolist()


def test_given_the_document_of_batch_mode_then_it_says_the_order():
    """GIVEN an order WHEN rows are printed as JSON THEN `sort` names it."""
    for sort in ("trouble", "p99", "dport"):
        view = make_view(snapshot(connect()), ViewSpec(sort=sort))
        assert view_document(view)["sort"] == sort


def test_given_several_keys_in_a_row_then_their_figures_are_added_up():
    events = [connect(pid=pid, **REFUSED) for pid in (1, 2, 3)]
    assert trouble_of(*events) == [Trouble.DOWN]
    assert trouble_of(*events, group_by="process") == [Trouble.NONE] * 3


def test_given_latencies_when_those_from_a_cell_on_are_counted_then_it_is_the_sum_of_the_cells():
    """GIVEN random latencies WHEN counted from any cell on THEN pages and single cells agree."""
    window = snapshot(random_records(20_000, 300)).window
    sparse, n_rows = window.latency_pages.to_sparse(), len(window.keys)
    cells = [0, 1, 15, 16, 17, int(np.searchsorted(EDGES_US, SLOW_US)), *sparse.cells()[::997].tolist()]
    for cell in cells:
        kept = sparse.cells() >= cell
        expected = np.bincount(sparse.rows()[kept], sparse.counts[kept], n_rows)
        np.testing.assert_array_equal(window.latency_pages.counts_from(cell, n_rows), expected)


def test_given_few_connects_that_fail_or_are_slow_then_it_is_not_decided_and_not_denied():
    events = join(
        connect("10.0.0.1", times=40),
        connect("10.0.0.2", latency_ns=200 * MS, times=9),
        connect("10.0.0.3", times=40),
        connect("10.0.0.3", times=2, **REFUSED),
        connect("10.0.0.4", times=4, outcome=Outcome.CANCELLED, latency_ns=0),
        connect("10.0.0.5", times=500),
        connect("10.0.0.5", times=2, **REFUSED),
    )
    view = make_view(snapshot(events), ViewSpec(sort="daddr", descending=False))
    assert view.undecided.tolist() == [False, True, True, False, False]
    assert [COLUMNS["trouble"].text(view, row) for row in range(len(view))] == [
        "-",
        "?",
        "?",
        "given up",
        "-",
    ]
