"""Assertions: what holds, what does not, and what nobody can tell."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from records import connect, join, random_records, snapshot

from tcpconntop.core.view.assertions import evaluate, parse_assertion
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.loss_bounds import metric_bounds
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import overall_metrics
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs.check import check_document, result_line
from tcpconntop.outputs.document import dump

MIXED = join(
    connect("10.0.0.1", latency_ns=1_200_000, times=90),
    connect("10.0.0.2", latency_ns=9_000_000, times=9),
    connect("10.0.0.3", outcome=Outcome.REFUSED, error=111, times=1),
)


def line(text: str, *parts: np.ndarray, where: str = "", lost: int = 0) -> str:
    metrics = overall_metrics(snapshot(*parts), parse_filter(where))
    return result_line(evaluate(parse_assertion(text), metrics), lost)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("p50<5ms", "ok p50<5ms: 1.20ms (n=99)"),
        ("p99<5ms", "failed p99<5ms: 8.98ms (n=99)"),
        ("!p99<5ms", "ok !p99<5ms: 8.98ms (n=99)"),
        ("max<=9ms", "ok max<=9ms: 9.00ms (n=99)"),
        ("fail<0.1%", "failed fail<0.1%: 1.0% (n=100)"),
        ("fail<=1%", "ok fail<=1%: 1.0% (n=100)"),
        ("count>=100", "ok count>=100: 100 (n=100)"),
        ("count>100", "failed count>100: 100 (n=100)"),
        ("failed=1", "ok failed=1: 1 (n=100)"),
        ("ok=99", "ok ok=99: 99 (n=100)"),
        ("rtx=0", "ok rtx=0: 0 (n=100)"),
        ("refused<5", "ok refused<5: 1 (n=100)"),
        ("timeout>0", "failed timeout>0: 0 (n=100)"),
    ],
)
def test_an_assertion_is_about_everything_together(text: str, says: str) -> None:
    assert line(text, MIXED) == says


@pytest.mark.parametrize("text", ["p99<5ms", "!p99<5ms", "p99>=0", "mean<1s", "min<1s", "last<1s", "max<1s"])
def test_without_a_latency_nothing_holds_of_it(text: str) -> None:
    """GIVEN failures alone WHEN a latency is asserted, either way round THEN it fails and says why."""
    refused = connect(outcome=Outcome.REFUSED, error=111, times=3)
    assert line(text, refused) == f"failed {text}: no connect succeeded (n=0)"


def test_failures_of_one_outcome_are_counted_without_a_success() -> None:
    refused = connect(outcome=Outcome.REFUSED, error=111, times=3)
    assert line("refused<=3", refused) == "ok refused<=3: 3 (n=3)"


@pytest.mark.parametrize("text", ["fail<1%", "failed=0", "rtx=0", "p99<5ms"])
def test_without_a_connect_nothing_holds_of_any(text: str) -> None:
    assert line(text) == f"failed {text}: no connect ended (n=0)"
    assert line(text, MIXED, where="nobody") == f"failed {text}: no connect ended (n=0)"


@pytest.mark.parametrize(("text", "word"), [("count=0", "ok"), ("count>=10", "failed"), ("ok>0", "failed")])
def test_how_many_there_were_is_known_without_one(text: str, word: str) -> None:
    assert line(text) == f"{word} {text}: 0 (n=0)"


def test_a_filter_chooses_what_is_judged() -> None:
    assert line("p99<5ms", MIXED, where="daddr=10.0.0.1") == "ok p99<5ms: 1.20ms (n=90)"


LOST_OK, LOST_REFUSED = (7, 0, 0, 0, 0, 0), (0, 7, 0, 0, 0, 0)


def judged(text: str, lost: tuple[int, ...] = LOST_OK, where: str = "", **ledger: object) -> str:
    """Return the verdict on `MIXED`, of which records with these outcomes were lost."""
    shown = snapshot(MIXED)
    outcomes = tuple(a + b for a, b in zip((99, 1, 0, 0, 0, 0), lost, strict=True))
    totals = replace(
        Ledger(attempts=sum(outcomes), outcomes=outcomes, lost_records=sum(lost)),
        **ledger,  # type: ignore[arg-type]
    )
    shown = replace(shown, ledger=totals)
    metrics = overall_metrics(shown, parse_filter(where))
    bounds = metric_bounds(shown, parse_filter(where), metrics)
    return evaluate(parse_assertion(text), metrics, bounds).verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("count<107", "unknown"), ("count<108", "ok"), ("count<100", "failed"), ("count>=100", "ok"),
        ("count>100", "unknown"), ("count>107", "failed"), ("count=103", "unknown"), ("count=99", "failed"),
        ("ok<106", "unknown"), ("ok<=106", "ok"), ("ok>=99", "ok"), ("failed=1", "ok"), ("refused<2", "ok"),
        ("timeout=0", "ok"), ("rate>0", "ok"), ("rate<0.001", "failed"),
        ("fail<=1%", "ok"), ("fail<0.99%", "unknown"), ("fail<0.9%", "failed"),
        ("min>=1.2ms", "unknown"), ("min<=1.2ms", "ok"), ("max<=9ms", "unknown"), ("max>=9ms", "ok"),
        ("mean<1s", "unknown"), ("mean>1.7ms", "ok"), ("last<1s", "unknown"), ("rtx=0", "unknown"),
        ("p50<5ms", "ok"), ("p50>1ms", "ok"), ("p90<5ms", "unknown"), ("p99<5ms", "failed"),
        ("p99>=1ms", "ok"), ("!p90<5ms", "unknown"), ("p99<10s", "unknown"), ("p99<1us", "failed"),
    ],
)  # fmt: skip
def test_a_verdict_that_lost_successes_could_turn_is_unknown(text: str, verdict: str) -> None:
    """GIVEN 100 connects, and 7 lost ones of known outcome WHEN judged THEN no guess is made."""
    assert judged(text) == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("p99<5ms", "failed"), ("ok=99", "ok"), ("max<=9ms", "ok"), ("mean<1s", "ok"), ("last<1s", "ok"),
        ("failed<=1", "unknown"), ("refused<=8", "ok"), ("refused<8", "unknown"), ("fail<=1%", "unknown"),
        ("fail<=8%", "ok"), ("fail>7.5%", "failed"), ("timeout=0", "ok"),
    ],
)  # fmt: skip
def test_lost_failures_turn_no_latency(text: str, verdict: str) -> None:
    assert judged(text, LOST_REFUSED) == verdict


@pytest.mark.parametrize("ledger", [{"lost_starts": 7}, {"unseen": 7}])
@pytest.mark.parametrize(
    ("text", "verdict"), [("timeout=0", "unknown"), ("p90<5ms", "unknown"), ("count<108", "ok")]
)
def test_connects_that_were_not_followed_can_have_any_outcome(
    text: str, verdict: str, ledger: dict[str, int]
) -> None:
    assert judged(text, (0,) * 6, **ledger) == verdict


def test_those_that_were_not_followed_have_the_outcome_that_is_known() -> None:
    known = {"lost_starts": 7, "lost_outcomes": (0, 7, 0, 0, 0, 0)}
    assert judged("timeout=0", (0,) * 6, **known) == "ok"
    assert judged("refused<5", (0,) * 6, **known) == "unknown"
    assert judged("p99<1s", (0,) * 6, **known) == "ok"


def test_a_damaged_recording_does_not_tell_the_outcomes() -> None:
    """GIVEN lost records that the ledger does not count WHEN judged THEN each may have had any outcome."""
    assert judged("timeout=0", (0,) * 6, lost_records=7) == "unknown"


def test_lost_connects_may_all_match_a_filter() -> None:
    assert judged("count=1", where="daddr=10.0.0.3") == "unknown"
    assert judged("p99<1s", where="daddr=10.0.0.3") == "unknown"
    assert judged("p99<1s", LOST_REFUSED, where="daddr=10.0.0.3") == "failed"


def test_unknown_says_between_which_values() -> None:
    shown = snapshot(MIXED)
    shown = replace(shown, ledger=Ledger(attempts=107, outcomes=(106, 1, 0, 0, 0, 0), lost_records=7))
    metrics = overall_metrics(shown, parse_filter(""))
    result = evaluate(parse_assertion("count<107"), metrics, metric_bounds(shown, parse_filter(""), metrics))
    assert (result.holds, result.certain) == (False, False)
    assert result_line(result, 7) == "unknown count<107: 100 (100 to 107) (n=100, 7 lost)"


def test_what_was_lost_stands_beside_it() -> None:
    assert line("count>=1", MIXED, lost=7) == "ok count>=1: 100 (n=100, 7 lost)"


def test_the_whole_is_the_sum_of_its_rows() -> None:
    shown = snapshot(random_records(5000, 300))
    metrics = overall_metrics(shown, parse_filter(""))
    rows = make_view(shown, ViewSpec("process+dest")).metrics
    for name in ("count", "ok", "failed", "rtx", "rate"):
        assert metrics[name] == pytest.approx(rows[name].sum())
    assert metrics["max"] == np.nanmax(rows["max"])
    assert metrics["min"] == np.nanmin(rows["min"])


@pytest.mark.parametrize("text", ["", "nginx", "p98<5ms", "p99", "p99<fast", "p99<5ms count>1", "comm=nginx"])
def test_what_is_no_assertion_is_refused(text: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_assertion(text)
    assert "\n" not in str(refused.value)


def test_the_document_has_the_assertions_beside_the_rows() -> None:
    shown = snapshot(MIXED)
    metrics = overall_metrics(shown, parse_filter(""))
    results = [evaluate(parse_assertion(text), metrics) for text in ("count>=200", "fail<=1%")]
    results.append(evaluate(parse_assertion("p99<1s"), overall_metrics(snapshot(), parse_filter(""))))
    document = json.loads(dump(check_document(make_view(shown, ViewSpec()), results)))
    assert document["assertions"] == [
        {"expr": "count>=200", "verdict": "failed", "holds": False, "value": 100.0, "reason": "100"},
        {"expr": "fail<=1%", "verdict": "ok", "holds": True, "value": 0.01, "reason": "1.0%"},
        {
            "expr": "p99<1s",
            "verdict": "failed",
            "holds": False,
            "value": None,
            "reason": "no connect ended",
        },
    ]
    assert len(document["rows"]) == 3
