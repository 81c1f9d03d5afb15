"""Rows of a process or unit that was restarted are compared with those of before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from records import connect, snapshot

from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.subrows import subrows_of_row
from tcpconntop.core.view.view import View
from tcpconntop.core.wire import Events

SLOW_NS = 20_000_000


def process(pid: int, comm: str = "checkout", address: str = "10.0.0.1", **values: Any) -> Events:
    """Make 300 connects of a process, which began at the time of its number."""
    events = connect(address, pid=pid, comm=comm, times=300, **values)
    events["process_start_ns"] = pid
    return events


def compared(
    before: list[Events], now: list[Events], group: str, units: dict[int, str] | None = None
) -> View:
    spec = ViewSpec(group, "comm", descending=False)
    base, shown = (replace(snapshot(*events), units=units or {}) for events in (before, now))
    return make_view(shown, spec, make_view(base, spec))


def cells(view: View, *columns: str) -> list[list[str]]:
    return [[COLUMNS[name].text(view, row) for name in columns] for row in range(len(view))]


@pytest.mark.parametrize("group", ["process", "process+dest"])
def test_a_process_of_the_same_name_is_compared_with_the_one_before(group):
    """GIVEN a program that was restarted and got slower THEN its one row says so."""
    view = compared(
        [process(7), process(9, "nginx")], [process(8, latency_ns=SLOW_NS), process(9, "nginx")], group
    )
    found = cells(view, "comm", "pid", "change", "dp50")
    assert found[0][:3] == ["checkout ↻", "8", "worse"]
    assert found[0][3].startswith("×")
    assert found[1:] == [["nginx", "9", "~", "~"]]


def test_another_destination_is_no_restart():
    view = compared([process(7)], [process(8, address="10.0.0.2")], "process+dest")
    assert sorted(cells(view, "comm", "change")) == [["checkout", "gone"], ["checkout", "new"]]


@pytest.mark.parametrize(("before", "now"), [((7, 8), (9,)), ((7,), (8, 9)), ((7, 8), (9, 10))])
def test_of_several_of_one_name_it_is_not_known_which_took_whose_place(before, now):
    view = compared([process(pid) for pid in before], [process(pid) for pid in now], "process")
    changes = ["new"] * len(now) + ["gone"] * len(before)
    assert sorted(cells(view, "comm", "change")) == sorted(["checkout", change] for change in changes)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"unit": 1}, {"unit": 2}),  # the same program in another service
        ({"netns": 4_026_531_840}, {"netns": 4_026_531_900}),  # and in another container
    ],
)
def test_a_program_elsewhere_is_no_restart(before, now):
    """GIVEN the same name in another unit or network namespace THEN the two are not compared."""
    view = compared([process(7, **before)], [process(8, **now)], "process", {1: "a.service", 2: "b.service"})
    assert sorted(cells(view, "comm", "change")) == [["checkout", "gone"], ["checkout", "new"]]


def test_a_process_that_was_there_before_is_no_restart():
    view = compared([process(9)], [process(8)], "process")
    assert sorted(cells(view, "comm", "change")) == [["checkout", "gone"], ["checkout", "new"]]


def test_a_restarted_service_is_compared_though_its_control_group_is_another():
    view = compared([process(7, unit=1)], [process(8, unit=2)], "process", {1: "a.service", 2: "a.service"})
    assert cells(view, "comm", "change") == [["checkout ↻", "~"]]


def test_one_of_several_workers_that_was_restarted_is_compared():
    view = compared([process(7), process(8)], [process(8), process(9)], "process")
    assert sorted(cells(view, "comm", "pid", "change")) == [["checkout", "8", "~"], ["checkout ↻", "9", "~"]]


def test_a_unit_that_was_restarted_has_another_control_group():
    units = {1: "a.service", 2: "a.service", 3: "", 4: ""}
    before, now = ([process(7, unit=first), process(8, unit=first + 2)] for first in (1, 2))
    view = compared(before, [*now[:1], process(8, unit=4)], "unit", units)
    assert sorted(cells(view, "unit", "change")) == [["-", "gone"], ["-", "new"], ["a.service ↻", "~"]]


def test_its_destinations_are_compared_too():
    view = compared([process(7)], [process(8, latency_ns=SLOW_NS)], "process")
    subrows = subrows_of_row(view, 0)
    assert subrows is not None
    assert cells(subrows, "change") == [["worse"]]
