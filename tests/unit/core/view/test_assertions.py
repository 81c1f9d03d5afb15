"""Assertions: what holds, what does not, and what nobody can tell."""

from __future__ import annotations

import json

import numpy as np
import pytest
from records import connect, join, random_records, snapshot

from tcpconntop.core.view.assertions import evaluate, parse_assertion
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import overall_metrics
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
        ("max<=9ms", "ok max<=9ms: 9ms (n=99)"),
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
        {"expr": "count>=200", "holds": False, "value": 100.0, "reason": "100"},
        {"expr": "fail<=1%", "holds": True, "value": 0.01, "reason": "1.0%"},
        {"expr": "p99<1s", "holds": False, "value": None, "reason": "no connect ended"},
    ]
    assert len(document["rows"]) == 3
