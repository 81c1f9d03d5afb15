"""Connects that come as counts: windows hold whole time spans, and what no count tells stays unknown."""

from __future__ import annotations

import math

import numpy as np
import pytest
from records import SOURCE_INFO

from tcpconntop.core.counts import SparseCounts, bucket_of
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.counted import CountedConnects, merge_counted
from tcpconntop.core.window.history import second_after, second_before, snapshot_at
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import N_OUTCOMES, Outcome

BEGAN_S = 12_600  # a multiple of every step


def counted(second, seconds, *ports, ok=1, failed=0):
    """Return a span in which each port had so many connects of 1 ms."""
    n = len(ports)
    keys = np.zeros(n, KEY)
    keys["dport"], keys["family"] = ports, 4
    outcomes = np.zeros((n, N_OUTCOMES), np.int64)
    outcomes[:, Outcome.OK], outcomes[:, Outcome.REFUSED] = ok, failed
    cell = int(bucket_of(np.array([1_000_000], np.uint64))[0])
    latency = SparseCounts.from_pairs(np.repeat(np.arange(n), ok), np.full(n * ok, cell))
    zeros = np.zeros(n, np.int64)
    return CountedConnects(
        second, seconds, keys, outcomes, zeros, outcomes[:, 0] * 10**6, latency, SparseCounts()
    )


def snapshot(window, step_s, began_s=BEGAN_S):
    now_ns = window._second * SECOND_NS + SECOND_NS - 1
    return Snapshot(
        SOURCE_INFO,
        Ledger(),
        window.state(),
        window.window_s,
        window.span_s(began_s * SECOND_NS, now_ns),
        now_ns,
        0,
        began_ns=began_s * SECOND_NS,
        step_s=step_s,
    )


LENGTH_S = 1_260


@pytest.mark.parametrize(
    "step_s", [15, 60, *(pytest.param(s, marks=pytest.mark.long) for s in (7, 20, 30, 90, 180))]
)
@pytest.mark.parametrize(
    "window_s", [300, None, *(pytest.param(s, marks=pytest.mark.long) for s in (10, 60, 900))]
)
def test_given_spans_when_a_window_is_summed_up_then_it_holds_whole_ones(step_s, window_s):
    """The window says how long it is, and another window of the same spans is the same."""
    window, again = RollingWindow(window_s, step_s=step_s), RollingWindow(60, step_s=step_s)
    for second in range(BEGAN_S, BEGAN_S + LENGTH_S, step_s):
        for one in (window, again):
            one.ingest_counted(counted(second, step_s, 443, ok=step_s))  # one a second
    seen = snapshot(window, step_s)
    count = int(seen.window.stats["outcomes"].sum())
    assert count == round(seen.span_s)
    assert count == seen.window.latency.counts.sum()
    assert count % step_s == 0
    wanted = LENGTH_S if window_s is None else max(window_s, step_s)
    longest_slice = 30 if window_s in (300, 900) else 1
    assert wanted - step_s - longest_slice < count < wanted + step_s + longest_slice
    again.set_window(window_s)
    assert np.array_equal(again.state().stats, seen.window.stats)


@pytest.mark.parametrize("step_s", [15, *(pytest.param(s, marks=pytest.mark.long) for s in (2, 20, 60))])
def test_given_spans_when_one_looks_back_then_moments_are_the_ends_of_spans(step_s):
    window = RollingWindow(60, step_s=step_s)
    for second in range(BEGAN_S, BEGAN_S + 1_200, step_s):
        window.ingest_counted(counted(second, step_s, 443, ok=step_s))
    now = snapshot(window, step_s)
    second, steps = now.second, 0
    while (before := second_before(now, second)) is not None:
        assert (before + 1) % step_s == 0
        assert second_after(now, before) == second
        second, steps = before, steps + 1
        past = snapshot_at(now, second, 60)
        inside = {part.second for part in past.window.slices}
        if BEGAN_S + 1_200 - second < 800:
            assert int(past.window.stats["outcomes"].sum()) == round(past.span_s), (second, inside)
    assert steps > 9


def test_given_counts_when_they_are_shown_then_single_latencies_are_not_known():
    window = RollingWindow(60, step_s=15)
    window.ingest_counted(counted(BEGAN_S, 15, 443, 80, ok=3, failed=1))
    view = make_view(snapshot(window, 15), ViewSpec("port"))
    assert {name: view.metrics[name].tolist() for name in ("count", "ok", "refused")} == {
        "count": [4, 4],
        "ok": [3, 3],
        "refused": [1, 1],
    }
    for name in ("min", "max", "last"):
        assert np.isnan(view.metrics[name]).all()
    assert view.metrics["mean"].tolist() == [1000, 1000]
    assert view.metrics["p99"].tolist() == pytest.approx([1000, 1000], rel=0.01)


def test_given_spans_of_several_hosts_when_merged_then_a_key_may_be_there_twice():
    parts = [counted(BEGAN_S, 15, 443, 80, ok=2), counted(BEGAN_S, 15, 443, ok=5, failed=1)]
    merged = merge_counted(parts, BEGAN_S, 15)
    window = RollingWindow(60, step_s=15)
    window.ingest_counted(merged)
    state = window.state()
    counts = dict(
        zip(state.keys["dport"].tolist(), state.stats["outcomes"].sum(axis=1).tolist(), strict=True)
    )
    assert counts == {0: 0, 443: 8, 80: 2}
    assert state.latency.counts.sum() == 9


def test_given_more_keys_than_rows_then_the_rest_is_counted_as_other():
    window = RollingWindow(60, max_keys=3, step_s=15)
    for n in range(4):
        window.ingest_counted(counted(BEGAN_S + 15 * n, 15, *range(1, 9), ok=2))
    state = window.state()
    assert len(state.keys) <= 4
    assert int(state.stats["outcomes"].sum()) == 4 * 8 * 2
    assert not math.isnan(float(state.stats["sum_ns"][0]))
