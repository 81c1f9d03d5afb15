"""Replays: their speed, their balance, and filters that a live run leaves to the kernel."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import BEGAN_NS, SECOND_NS, events_of, recording

from tcpconntop.kernel.request import TraceRequest
from tcpconntop.recording.replay import Replay
from tcpconntop.sources.replay_filter import apply_request_filters

# Playing


class FakeTime:
    """A clock that advances only in `sleep`."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0])
def test_a_replay_has_the_speed_that_was_asked_for(whole: bytes, speed: float) -> None:
    """GIVEN a speed WHEN replayed THEN each record comes when it is due, and no read waits long."""
    time = FakeTime()
    source = Replay(recording(whole), speed, clock_s=time, sleep=time.sleep)
    while not source.ended:
        before_s = time.now_s
        events = source.read(0.1)
        assert time.now_s - before_s <= 0.1 + 1e-9
        reached_ns = BEGAN_NS + (time.now_s - 50.0) * speed * SECOND_NS
        assert source.now_ns() == pytest.approx(reached_ns, abs=1000)
        assert (events["end_ns"] <= source.now_ns()).all()
    assert time.now_s - 50.0 == pytest.approx(4 / speed, rel=0.05)


def test_a_replay_balances_at_every_moment(whole: bytes) -> None:
    source, n = Replay(recording(whole), None), 0
    while not source.ended:
        n += len(source.read(0.1))
        ledger = source.ledger()
        assert ledger.attempts - ledger.in_flight == ledger.ended == n


@pytest.mark.parametrize(
    ("request_", "passes"),
    [
        (TraceRequest(pids=(100, 300)), lambda e: np.isin(e["tgid"], (100, 300))),
        (TraceRequest(ports=(8443,)), lambda e: e["dport"] == 8443),
        (TraceRequest(uids=(7,)), lambda e: e["uid"] == 7),
        (TraceRequest(family=6), lambda e: e["family"] == 6),
        (TraceRequest(min_latency_ms=0.5), lambda e: e["end_ns"] - e["begin_ns"] >= 500_000),
    ],
)
def test_filters_of_the_kernel_side_apply_to_recordings(whole: bytes, request_, passes) -> None:
    expected = events_of(recording(whole))
    expected = expected[passes(expected)]
    source = apply_request_filters(Replay(recording(whole), None), request_)
    found = []
    while not source.ended:
        found.append(source.read(3600))
    assert np.array_equal(np.concatenate(found), expected)
    ledger = source.ledger()
    assert (ledger.ended - ledger.below_minimum, ledger.in_flight) == (len(expected), 0)
    assert ledger.completeness is None
