"""What changed since the baseline: chance is never called a change, and what is more than chance is named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from records import connect, join, snapshot, snapshot_of

from tcpconntop.core.counts import SparseCounts
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.baseline import change_text
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.noise import binomial_cdf, more_often_by_chance
from tcpconntop.core.view.noise_of_rows import (
    log_at_least_by_chance,
    log_choose,
    log_factorial,
    log_more_often_by_chance,
)
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

REFUSED = {"outcome": Outcome.REFUSED, "error": 111}
SORTED = ViewSpec(sort="change")
CHANGED = ("change", "dcount", "dfail", "dp50", "dp90", "dp99")


def traffic(seed: int, rows: int = 40, times: int = 100, median_us: float = 300.0) -> list:
    """Return connects of one distribution to many destinations, of each a random number."""
    random = np.random.default_rng(seed)
    parts = []
    for row, count in enumerate(random.poisson(times, rows)):
        events = connect(f"10.0.{row >> 8}.{row & 255}", times=int(count))
        events["begin_ns"] = events["end_ns"] - random.lognormal(np.log(median_us * 1e3), 0.7, count).astype(
            int
        )
        failed = random.random(count) < 0.03
        events["outcome"], events["error"] = np.where(failed, 1, 0), np.where(failed, 111, 0)
        parts.append(events)
    return parts


def changes(before: list, now: list) -> dict[str, list[str]]:
    """Return the text of the columns of changes by destination."""
    view = make_view(taken(now), SORTED, make_view(taken(before), SORTED))
    return {
        str(view.keys[row]["daddr"].tobytes()[3]): [text(view, row, name) for name in CHANGED]
        for row in range(len(view))
    }


def taken(parts: list) -> Snapshot:
    return replace(snapshot(join(*parts)), span_s=60.0)


def text(view, row, name):
    from tcpconntop.core.view.columns import COLUMNS

    return COLUMNS[name].text(view, row)


def test_given_the_same_traffic_then_a_change_is_seldom_named():
    """GIVEN 8 pairs of samples of one kind WHEN compared THEN at most one has any change at all."""
    named = 0
    for seed in range(8):
        view = make_view(taken(traffic(seed + 100)), SORTED, make_view(taken(traffic(seed)), SORTED))
        named += bool((view.metrics["change"] >= 1).any() or (view.metrics["dcount"] != 1).any())
    assert named <= 1


def test_given_a_destination_that_is_thirty_times_slower_then_it_comes_first_and_is_named():
    before, now = traffic(1), traffic(2)
    now[17] = traffic(3, rows=18, median_us=9_000)[17]
    found = changes(before, now)
    name, (verdict, rate, fail, p50, *_) = next(iter(found.items()))
    assert (name, verdict, rate, fail) == ("17", "worse", "~", "~")
    assert 25 < float(p50.removeprefix("×")) < 36
    assert [texts[0] for texts in found.values()].count("~") == len(found) - 1


def test_given_a_tail_that_grows_then_p99_is_named_and_p50_is_not():
    slow = connect(times=30, latency_ns=200_000_000)
    before, now = traffic(1, rows=2, times=1_000), traffic(2, rows=2, times=1_000)
    slow["daddr"] = now[1]["daddr"][0]
    verdict, _, _, p50, _, p99 = changes(before, [*now, slow])["1"]
    assert (verdict, p50) == ("worse", "~")
    assert p99.startswith("×")


def test_given_rows_that_begin_and_end_then_they_are_new_and_gone_and_the_failing_come_first():
    before = [connect("10.0.0.1", times=50), connect("10.0.0.2", times=50), connect("10.0.0.9", times=50)]
    now = [
        connect("10.0.0.1", times=50, **REFUSED),
        connect("10.0.0.3", times=50),
        connect("10.0.0.9", times=50),
    ]
    found = changes(before, now)
    assert list(found) == ["1", "3", "2", "9"]
    assert [texts[0] for texts in found.values()] == ["worse", "new", "gone", "~"]
    assert found["1"][2] == "+100.0"
    assert found["3"][1:] == ["new"] * 5
    assert found["2"][1:] == ["gone", "-", "-", "-", "-"]


def test_given_only_another_rate_then_the_row_says_more_or_less():
    """GIVEN thrice as many connects, and a third, THEN neither row is called unchanged."""
    before = [connect("10.0.0.1", times=100), connect("10.0.0.2", times=300)]
    found = changes(before, [connect("10.0.0.1", times=300), connect("10.0.0.2", times=100)])
    assert {row: texts[:2] for row, texts in found.items()} == {"1": ["more", "×3.0"], "2": ["less", "-67%"]}
    assert list(found) == ["1", "2"]


@pytest.mark.parametrize("times", [1, 3, 5])
def test_given_too_few_connects_then_nothing_is_named(times):
    """GIVEN a handful of connects WHEN they are slower, new, gone or fail THEN chance explains it."""
    before = [
        connect("10.0.0.1", times=times),
        connect("10.0.0.2", times=times),
        connect("10.0.0.3", times=times),
    ]
    now = [
        connect("10.0.0.1", times=times, latency_ns=90_000_000),
        connect("10.0.0.3", times=times, **REFUSED),
        connect("10.0.0.4", times=times),
    ]
    found = changes(before, now)
    assert {texts[0] for texts in found.values()} == {"~"}
    assert found["1"] == ["~"] * 6


def test_given_few_connects_that_are_all_slower_then_p50_tells_and_p99_cannot():
    before, now = [connect(times=40)], [connect(times=40, latency_ns=9_000_000)]
    assert changes(before, now)["1"] == ["worse", "~", "~", "×36", "~", "~"]


def test_given_some_syns_that_are_lost_then_p90_tells_where_p50_and_p99_cannot():
    before = [connect(times=70)]
    now = [connect(times=50), connect(times=15, latency_ns=1_030_000_000, rtx=1)]
    verdict, *_, p50, p90, p99 = changes(before, now)["1"]
    assert (verdict, p50, p99) == ("worse", "~", "~")
    assert p90 == "×4,110"


def test_given_connects_that_are_missing_then_they_may_have_been_anything():
    """GIVEN a change WHEN as many connects are missing as would undo it THEN it is none."""
    before, now = taken([connect(times=40)]), taken([connect(times=40, **REFUSED)])
    lossy = replace(before, ledger=replace(before.ledger, lost_records=400))
    for baseline, expected in ((before, "worse"), (lossy, "~")):
        view = make_view(now, SORTED, make_view(baseline, SORTED))
        assert text(view, 0, "change") == expected


def test_given_better_rows_then_they_are_better_and_not_worse():
    before = [connect("10.0.0.1", times=50, latency_ns=9_000_000), connect("10.0.0.2", times=50, **REFUSED)]
    now = [connect("10.0.0.1", times=50), connect("10.0.0.2", times=50)]
    found = changes(before, now)
    assert [found[row][0] for row in "12"] == ["better", "better"]
    assert (found["1"][3], found["2"][2]) == ("-97%", "-100.0")


def test_given_the_row_of_folded_keys_then_nothing_is_said_of_it():
    window = RollingWindow(60, max_keys=40)
    window.ingest(join(*traffic(1, rows=60)), 1_000 * SECOND_NS)
    busy = snapshot_of(window)
    view = make_view(busy, SORTED, make_view(busy, SORTED))
    (other,) = np.flatnonzero(view.keys["special"])
    assert [text(view, other, name) for name in CHANGED] == ["-"] * 6


def test_given_tails_then_the_bound_is_no_less_and_not_much_more():
    random = np.random.default_rng(1)
    n, base_n = random.integers(1, 400, (2, 300))
    k, base_k = (random.random((2, 300)) * (np.stack((n, base_n)) + 1)).astype(int)
    bound = np.exp(log_more_often_by_chance(k, n, base_k, base_n))
    exact = np.array([more_often_by_chance(*map(int, one)) for one in zip(k, n, base_k, base_n, strict=True)])
    assert (bound >= exact * (1 - 1e-6)).all()
    rare = exact < 1e-3
    assert (bound[rare] <= 2 * exact[rare]).all()
    bound = np.exp(log_at_least_by_chance(k, n, 0.3))
    exact = np.array([1 - binomial_cdf(int(a) - 1, int(b), 0.3) for a, b in zip(k, n, strict=True)])
    assert (bound >= exact * (1 - 1e-6) - 1e-12).all()


def test_given_factorials_then_choosing_is_what_counting_gives():
    assert np.exp(log_choose(np.array([5, 20]), np.array([2, 10]))) == pytest.approx([10, 184756])
    large = [65_535, 65_536, 10**9]
    assert log_factorial(np.array(large)) == pytest.approx([math.lgamma(n + 1) for n in large], rel=1e-12)


def test_given_counts_then_those_above_a_cell_are_counted_by_row():
    counts = SparseCounts.from_pairs(np.array([0, 0, 0, 2, 2]), np.array([3, 3, 9, 1, 5]))
    above, on = counts.counts_above(np.array([[3, 9], [0, 1], [5, 0]]))
    assert (above.tolist(), on.tolist()) == ([[1, 0], [0, 0], [0, 2]], [[3, 1], [0, 0], [1, 2]])


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (0.4, "~"),
        (1.3, "better"),
        (2.9, "less"),
        (3.0, "more"),
        (4.2, "gone"),
        (5.0, "new"),
        (12.0, "worse"),
        (1_500.0, "worse"),
        (np.nan, "-"),
    ],
)
def test_given_a_verdict_then_it_is_a_word(verdict, said):
    assert change_text(verdict) == said
