"""Assertions that compare with a baseline: a verdict that noise could turn is none."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, snapshot_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.assertions import AssertionResult
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.relative import evaluate_relative, is_relative, parse_relative
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot


def whole(n: int, median_ns: int = 300_000, seed: int = 0, failed: int = 0, span_s: float = 60) -> Snapshot:
    events = connect(times=n, latency_ns=1)
    latencies = np.random.default_rng(seed).lognormal(np.log(median_ns), 0.5, n)
    events["begin_ns"] = events["end_ns"] - latencies.astype(np.uint64)
    window = RollingWindow(None)
    window.ingest(join(events, connect(times=failed, outcome=1, error=111)), 1_000 * SECOND_NS)
    return snapshot_of(window, span_s=span_s)


def result(text: str, now: Snapshot, baseline: Snapshot) -> AssertionResult:
    return evaluate_relative(parse_relative(text), now, baseline, parse_filter(""))


def test_a_factor_is_relative_and_anything_else_is_not():
    assert all(map(is_relative, ("p99<1.2x", " fail<=2x ", "rate>0.5x")))
    assert not any(map(is_relative, ("p99<5ms", "p99", "x", "comm=1.2x", "p99=1.2x", "p99<x")))


@pytest.mark.parametrize("text", ["max<2x", "count<2x", "nonsense<2x"])
def test_what_cannot_be_compared_is_refused(text):
    with pytest.raises(FilterError):
        parse_relative(text)


def test_twice_the_latency_fails_and_the_same_one_does_not():
    base = whole(2_000)
    failed = result("p50<1.2x", whole(2_000, 600_000, 1), base)
    assert (failed.verdict, failed.holds) == ("failed", False)
    assert "is 2.0" in failed.reason or "is 1.9" in failed.reason
    same = result("p50<1.2x", whole(2_000, seed=1), base)
    assert (same.verdict, same.holds) == ("ok", True)


@pytest.mark.parametrize("times", [1, 4])
def test_few_connects_prove_neither(times):
    """GIVEN 8 connects each WHEN they are as slow, or four times as slow THEN it cannot be told."""
    told = result("p99<1.2x", whole(8, 300_000 * times, 1), whole(8))
    assert (told.verdict, told.holds, told.count) == ("unknown", False, 8)
    assert "cannot be told, the connects are too few" in told.reason


def test_the_same_traffic_seldom_fails(long):
    """GIVEN 40 pairs of the same traffic (with --long 200) THEN no p50 has doubled or halved."""
    verdicts = [
        result(text, whole(300, seed=2 * n), whole(300, seed=2 * n + 1)).verdict
        for n in range(200 if long else 40)
        for text in ("p50<2x", "p50>0.5x")
    ]
    assert "failed" not in verdicts


def test_failures_are_compared_by_their_share():
    base = whole(9_000, failed=1_000)
    assert result("fail<1.5x", whole(9_000, failed=1_000), base).verdict == "ok"
    assert result("fail<1.5x", whole(6_000, failed=4_000), base).verdict == "failed"
    assert result("fail<1.5x", whole(9, failed=1), base).verdict == "unknown"
    none = whole(900)
    assert result("fail<1.5x", none, none).verdict == "ok"  # nothing failed
    assert result("fail<1.5x", whole(900, failed=1), none).verdict == "unknown"
    assert result("fail<1.5x", whole(600, failed=300), none).verdict == "failed"


def test_rates_are_compared_over_the_time_of_each():
    base = whole(6_000)
    assert result("rate<1.2x", whole(1_000, span_s=10), base).verdict == "ok"
    assert result("rate<1.2x", whole(2_000, span_s=10), base).verdict == "failed"
    assert result("rate<1.2x", whole(12, span_s=0.1), base).verdict == "unknown"


def test_nothing_to_compare_is_no_verdict():
    assert result("p99<1.2x", whole(0), whole(9)).reason == "no connect succeeded"
    assert result("p99<1.2x", whole(9), whole(0)).reason == "no connect succeeded in the baseline"
    assert result("p99<1.2x", whole(9), whole(0)).verdict == "unknown"
