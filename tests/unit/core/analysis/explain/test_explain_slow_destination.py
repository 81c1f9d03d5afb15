"""Destinations that are slow."""

from __future__ import annotations

import pytest
from explaining import MS, findings, with_local_work, with_lost_syns
from records import connect, join


def test_a_slow_destination_beside_others():
    """GIVEN one slow destination that nothing is comparable to WHEN explained THEN it is named."""
    (found,) = findings(
        connect(latency_ns=150 * MS, times=12), connect(daddr="10.9.0.1", dport=80, times=99)
    )["slow"]
    assert found.title == "10.0.0.1:443 is slow: 12 of 12 connects took 100ms or more"
    assert found.evidence.startswith(
        "all 12 ended at 12:03:10; p50 150ms, p99 150ms; without a SYN that was sent again"
    )
    assert found.evidence.endswith("; by curl")


def test_it_says_which_process_it_is():
    """GIVEN slow connects that are all of one process WHEN explained THEN that process is named."""
    fast = [connect(pid=pid, comm="api", latency_ns=40 * MS, times=60) for pid in (1, 2)]
    slow = connect(pid=3, comm="batch", latency_ns=150 * MS, times=20)
    (found,) = findings(slow, connect(pid=3, comm="batch", latency_ns=60 * MS, times=40), *fast)["slow"]
    assert found.title == "10.0.0.1:443 is slow from batch only: 20 of 60 connects took 100ms or more"
    assert found.evidence.startswith(
        "all 20 ended at 12:03:10; p50 60.0ms, p99 150ms; 2 other processes: p50 at most 40.1ms,"
        " p99 at most 40.1ms; without a SYN"
    )
    assert "api" not in found.evidence


def test_of_processes_of_one_name_it_says_how_many():
    """GIVEN one of three processes of one name is slow WHEN explained THEN its name alone is not blamed."""
    fast = [connect(pid=pid, comm="api", latency_ns=40 * MS, times=60) for pid in (1, 2)]
    (found,) = findings(connect(pid=3, comm="api", latency_ns=150 * MS, times=20), *fast)["slow"]
    assert found.title == (
        "10.0.0.1:443 is slow from 1 of 3 processes only: 20 of 20 connects took 100ms or more"
    )
    assert found.evidence.endswith("; by api")


def test_too_few_connects_of_a_process_tell_nothing():
    """GIVEN a second process with few connects WHEN explained THEN it is not called a fast one."""
    (found,) = findings(connect(pid=3, latency_ns=150 * MS, times=20), connect(pid=4, comm="api", times=5))[
        "slow"
    ]
    assert "only" not in found.title
    assert found.evidence.endswith("; by curl and api")


@pytest.mark.parametrize(
    "events",
    [
        connect(latency_ns=150 * MS, times=9),  # too few
        join(connect(times=900), connect(latency_ns=150 * MS, times=8)),  # too small a share
        connect(latency_ns=90 * MS, times=50),
        with_lost_syns(times=12),  # another finding
        with_local_work(120 * MS, 150 * MS, times=12),
        join(
            *(
                connect(daddr=f"10.0.0.{n}", latency_ns=(150 if n == 1 else 1) * MS, times=30)
                for n in range(1, 5)
            )
        ),
    ],
)
def test_nothing_or_something_else(events):
    assert "slow" not in findings(events)
