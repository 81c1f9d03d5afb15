"""The parts of a latency: each way in which a connect can wait, and what must not be said about it."""

from __future__ import annotations

import numpy as np
import pytest

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.wire import EVENT, Events, Outcome

MS = 1_000_000
BEGIN = 1_000 * MS
NAN = float("nan")


def event(latency_ms: float, outcome: Outcome = Outcome.OK, **fields: float) -> Events:
    """Return a record; `syn` and `last` are in ms after the begin, `srtt` in ms."""
    events = np.zeros(1, EVENT)
    events["begin_ns"], events["end_ns"] = BEGIN, BEGIN + int(latency_ms * MS)
    events["outcome"], events["srtt_us"] = outcome, int(fields.get("srtt", 0) * 1000)
    for name, column in (("syn", "syn_ns"), ("last", "last_rtx_ns")):
        if name in fields:
            events[column] = BEGIN + int(fields[name] * MS)
    events["syn_retransmits"] = fields.get("rtx", int("last" in fields))
    events["syn_unsent"] = fields.get("unsent", 0)
    return events


def parts(events: Events) -> tuple[float, float, float]:
    """Return local, rto and wire in ms."""
    of = anatomy(events)
    return tuple(round(float(part[0]) / 1000, 3) for part in (of.local, of.rto, of.wire))  # type: ignore[return-value]


def verdict(events: Events) -> str:
    of = anatomy(events)
    return "lost" if of.lost[0] else "slow" if of.slow[0] else "not known"


@pytest.mark.parametrize(
    ("events", "expected", "said"),
    [
        (event(31, syn=1), (1, 0, 30), "not known"),
        (event(31), (NAN, 0, NAN), "not known"),
        (event(1_031, syn=1, last=1_001, srtt=30), (1, 1000, 30), "lost"),
        (event(1_031, last=1_001, srtt=30), (NAN, 1001, 30), "lost"),
        (event(1_001.2, last=1_001, srtt=1), (NAN, 1001, 0.2), "lost"),
        (event(1_500, syn=1, last=1_011, srtt=1_499), (1, 0, 1_499), "slow"),
        (event(1_500, last=1_011, srtt=1_500), (NAN, 0, 1_500), "slow"),
        (event(4_000, last=3_061, rtx=3, srtt=4_000), (NAN, 0, 4_000), "slow"),
        (event(3_500, last=3_011, rtx=2, srtt=2_489), (NAN, 1_011, 2_489), "lost"),
        (event(1_030, last=1_000, srtt=1_030), (NAN, NAN, NAN), "not known"),
        (event(1_500, last=1_011), (NAN, NAN, NAN), "not known"),
        (event(1_031, last=1_001), (NAN, 1_001, 30), "lost"),
    ],
    ids=[
        "answered", "answered, first SYN not seen", "lost", "lost, first SYN not seen",
        "the kernel's clock is coarser than the answer", "slow", "slow, first SYN not seen",
        "slow, several SYNs", "the second of three", "slow, or the peer answered again",
        "no time stamps, late", "no time stamps, prompt",
    ],
)  # fmt: skip
def test_which_syn_was_answered(events: Events, expected: tuple[float, float, float], said: str) -> None:
    assert parts(events) == pytest.approx(expected, nan_ok=True)
    assert verdict(events) == said


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CANCELLED, Outcome.ERROR])
@pytest.mark.parametrize("retransmitted", [{}, {"last": 3_001, "rtx": 2}])
def test_what_nobody_answered_has_no_network_time(outcome: Outcome, retransmitted: dict[str, float]) -> None:
    """GIVEN no answer WHEN the connect ends THEN only a time-out waited to the end."""
    waited = 6_999 if outcome is Outcome.TIMEOUT else retransmitted.get("last", 1) - 1
    assert parts(event(7_000, outcome, syn=1, **retransmitted)) == pytest.approx(
        (1, waited, NAN), nan_ok=True
    )


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNREACHABLE])
def test_answers_without_a_time_stamp(outcome: Outcome) -> None:
    assert parts(event(5, outcome, syn=1)) == (1, 0, 4)
    prompt = event(1_012, outcome, last=1_011)
    assert parts(prompt) == pytest.approx((NAN, 1_011, 1), nan_ok=True)
    assert parts(event(1_500, outcome, last=1_011)) == pytest.approx((NAN, NAN, NAN), nan_ok=True)
    assert verdict(prompt) == "not known"


def test_a_firewall_of_this_machine_is_not_the_network() -> None:
    """GIVEN SYNs that were never sent WHEN the connect fails after one THEN it has no network time."""
    dropped = event(1_010, Outcome.UNREACHABLE, last=1_009, unsent=1)
    assert parts(dropped) == pytest.approx((NAN, 1_009, NAN), nan_ok=True)


def test_an_answer_before_the_last_syn_gives_no_negative_time() -> None:
    of = anatomy(event(1_000, syn=1, last=1_005))
    assert float(of.wire[0]) == 0
    assert float(of.local[0] + of.rto[0] + of.wire[0]) == pytest.approx(1_000_000)
