"""Modes at timeouts of SYNs: named only where the records of all connects there say the same."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, join, snapshot_of

from tcpconntop.core.analysis.rto_modes import MODES_US, RtoMode, rto_modes
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

END_NS = 1_000 * SECOND_NS
WIRE_NS = 20_000_000


def lossy(wait_s: float, rtx: int, times: int = 1, **more):
    """Return connects whose SYN was sent again, the last time after `wait_s`, and answered soon."""
    events = connect(latency_ns=round(wait_s * 1e9) + WIRE_NS, rtx=rtx, times=times, end_ns=END_NS, **more)
    events["syn_ns"] = events["begin_ns"]
    events["last_rtx_ns"] = events["end_ns"] - np.uint64(WIRE_NS)
    events["srtt_us"] = WIRE_NS // 1000
    return events


def modes_of(*records, row: int | None = None) -> list[RtoMode]:
    window = RollingWindow(60)
    window.ingest(join(connect(end_ns=END_NS, times=50), *records), END_NS)
    view = make_view(snapshot_of(window, END_NS), ViewSpec("dest", "daddr", descending=False))
    return rto_modes(Selection(view, row))


def test_given_no_slow_connect_then_there_is_no_mode():
    assert modes_of() == []
    assert modes_of(connect(latency_ns=500_000_000, times=9)) == []


@pytest.mark.parametrize(("wait_s", "rtx"), [(1, 1), (3, 2), (7, 3)])
def test_given_connects_that_lost_as_many_syns_then_the_mode_says_how_many(wait_s, rtx):
    assert modes_of(lossy(wait_s, rtx, 4)) == [RtoMode(wait_s * 1_000_000, rtx)]


def test_given_three_modes_then_each_has_its_own():
    found = modes_of(lossy(1, 1, 9), lossy(3, 2, 3), lossy(7, 3))
    assert found == [RtoMode(us, n) for n, us in enumerate(MODES_US, start=1)]


def test_given_a_kernel_with_equal_timeouts_then_three_seconds_are_three_syns():
    assert modes_of(lossy(3, 3, 2)) == [RtoMode(3_000_000, 3)]


@pytest.mark.parametrize(
    "other",
    [
        connect(latency_ns=SECOND_NS + WIRE_NS, end_ns=END_NS),  # a slow answer, nothing was sent again
        lossy(1, 2),  # of another number of SYNs
    ],
)
def test_given_connects_of_several_kinds_then_only_the_time_is_named(other):
    assert modes_of(lossy(1, 1, 5), other) == [RtoMode(1_000_000, None)]


def test_given_an_answer_to_the_first_syn_then_nothing_was_lost():
    late = lossy(1, 1)
    late["srtt_us"] = (SECOND_NS + WIRE_NS) // 1000
    assert modes_of(late) == [RtoMode(1_000_000, None)]


def test_given_records_that_were_not_kept_then_only_the_time_is_named(monkeypatch):
    monkeypatch.setattr("tcpconntop.core.window.recent.PER_PROCESS", 1)
    monkeypatch.setattr("tcpconntop.core.window.recent.MAX_NOTABLE", 2)
    monkeypatch.setattr("tcpconntop.core.window.recent.MAX_PENDING", 1)
    assert modes_of(lossy(1, 1, 5)) == [RtoMode(1_000_000, None)]


def test_given_a_row_then_what_others_lost_does_not_count():
    other = lossy(1, 1, 3, daddr="10.0.0.2")
    assert modes_of(other, row=0) == []
    assert modes_of(other, connect(latency_ns=SECOND_NS + WIRE_NS, end_ns=END_NS), row=1) == [
        RtoMode(1_000_000, 1)
    ]


def test_given_a_failed_connect_of_a_second_then_it_is_no_mode():
    assert modes_of(lossy(1, 1, outcome=Outcome.REFUSED)) == []
