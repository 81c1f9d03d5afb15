"""A process that is slower to a destination than all others."""

from __future__ import annotations

import numpy as np
import pytest
from explaining import MS, findings, with_local_work, with_lost_syns
from records import connect, join

from tcpconntop.core.analysis.explain import Severity

FAST = [connect(pid=pid, comm=f"api{pid}", latency_ns=(2_200 + pid) * 1_000, times=60) for pid in (1, 2, 3)]


def slow(times: int = 60, latency_ms: float = 58, **more):
    return connect(
        **{"pid": 9, "comm": "batch", "latency_ns": round(latency_ms * MS), "times": times, **more}
    )


def test_a_process_below_the_limit_of_slow():
    """GIVEN one of four processes takes 25 times as long WHEN explained THEN its p50 is beside theirs."""
    (found,) = findings(slow(), *FAST)["slow-process"]
    assert found.title == "10.0.0.1:443 is 26× slower from batch than from 3 other processes"
    assert found.evidence == "p50 57.9ms against 2.21ms"
    assert found.severity is Severity.NOTE
    assert found.affected == 60


def test_a_process_with_connects_beyond_the_limit():
    found = findings(slow(), slow(4, 121), *FAST)
    assert set(found) == {"slow-process"}
    assert found["slow-process"][0].severity is Severity.WARN
    assert "; 4 of its 64 connects took 100ms or more" in found["slow-process"][0].evidence


def test_the_only_other_process_is_named():
    (found,) = findings(slow(netns=5), FAST[0])["slow-process"]
    assert found.title == "10.0.0.1:443 is 26× slower from batch than from api1"
    assert found.evidence.endswith("; it is in network namespace 5, the others are not")


def test_the_address_is_not_to_blame():
    """GIVEN most connects to an address are of the slow process THEN other addresses are not compared."""
    pool = [
        connect(pid=1, comm="api1", daddr=f"10.0.0.{n}", latency_ns=2 * MS, times=60) for n in range(2, 6)
    ]
    found = findings(slow(times=400), *FAST, *pool)
    assert set(found) == {"slow-process"}


@pytest.mark.parametrize(
    "parts",
    [
        (slow(9), *FAST),  # too few
        (join(slow(31), slow(29, 2)), *FAST),  # its p50 may be fast
        (slow(latency_ms=11), *FAST),  # 8.8 ms more
        (slow(latency_ms=58), *(connect(pid=pid, latency_ns=12 * MS, times=60) for pid in (1, 2))),  # 4.8×
        (slow(), slow(pid=8), slow(pid=7), FAST[0]),  # most are slow: it is the destination
        (slow(daddr="10.0.0.9"), *FAST),
        (with_local_work(50 * MS, 58 * MS, pid=9, times=60), *FAST),
        (with_lost_syns(pid=9, times=60), *FAST),
    ],
)
def test_nothing_or_something_else(parts):
    assert "slow-process" not in findings(*parts)


def test_processes_of_one_distribution_are_never_told_apart():
    """GIVEN 60 processes with the same heavy-tailed latency, 10 to 40 connects each THEN none is slow."""
    rng = np.random.default_rng(3)
    parts = []
    for pid in range(1, 61):
        events = connect(pid=pid, comm=f"p{pid}", latency_ns=1, times=int(rng.integers(10, 40)))
        latency_ns = (rng.lognormal(np.log(8 * MS), 1.6, len(events))).astype(np.uint64)
        events["begin_ns"] = events["end_ns"] - latency_ns
        parts.append(events)
    assert "slow-process" not in findings(join(*parts))
