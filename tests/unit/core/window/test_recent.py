"""The last connects of each process."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from records import connect, join, random_records

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.recent import (
    MAX_NOTABLE,
    MAX_PENDING,
    MAX_RECORDS,
    PER_PROCESS,
    RecentLog,
    last_of_each,
)
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

NAMES = some.lists(some.integers(0, 5) | some.integers(2**20, 2**20 + 3), max_size=60)


def chosen_by_hand(names: list[int], each: int, at_most: int) -> list[int]:
    ages, seen = {}, {}
    for place in reversed(range(len(names))):
        ages[place] = seen[names[place]] = seen.get(names[place], -1) + 1
    young = sorted((age, -place) for place, age in ages.items() if age < each)
    return sorted(-place for _, place in young[:at_most])


@given(NAMES, some.integers(1, 9), some.integers(1, 20))
def test_given_names_then_the_last_of_each_are_chosen_and_the_oldest_of_each_are_dropped(
    names, each, at_most
):
    places = last_of_each(np.array(names, np.uint32), each, at_most)
    assert places.tolist() == chosen_by_hand(names, each, at_most)


def test_given_a_quiet_process_when_another_is_busy_then_its_connects_stay():
    window = RollingWindow(60)
    window.ingest(connect(pid=7, times=3, dport=5432), 1_000 * SECOND_NS)
    for second in range(1, 40):
        window.ingest(connect(pid=8, times=5_000), (1_000 + second) * SECOND_NS)
    recent = window.state().recent
    assert recent.of_process(7)["dport"].tolist() == [5432] * 3
    assert len(recent.of_process(8)) == PER_PROCESS
    assert len(recent.of_process(9)) == 0


def test_given_failures_and_lost_syns_when_others_are_busy_then_the_last_of_them_stay():
    log, refused = RecentLog(), connect(pid=8, times=MAX_NOTABLE + 9, outcome=Outcome.REFUSED)
    refused["lport"] = np.arange(len(refused)) % 60_000
    resent = connect(pid=8, times=3)
    resent["syn_retransmits"] = 1
    for events in (
        refused,
        resent,
        connect(pid=8, times=MAX_PENDING + 1),
        connect(pid=8, times=MAX_PENDING + 1),
    ):
        log.add(events)
    records = log.state().records
    telling = records[(records["outcome"] != Outcome.OK) | (records["syn_retransmits"] > 0)]
    assert len(telling) == MAX_NOTABLE
    assert telling["lport"][0] == 12
    assert telling["syn_retransmits"][-3:].tolist() == [1, 1, 1]
    assert len(records) == MAX_NOTABLE + PER_PROCESS


def test_given_a_process_then_its_connects_come_newest_first_and_as_they_were():
    window, told = RollingWindow(60), []
    for step in range(9):
        told.append(random_records(1_500, 10, step, (1_000 + step) * SECOND_NS))
        window.ingest(told[-1], (1_000 + step) * SECOND_NS)
        if step == 4:
            window.state()
    for pid in range(1, 6):
        own = join(*told)
        own = own[own["tgid"] == pid]
        assert (window.state().recent.of_process(pid) == own[-PER_PROCESS:][::-1]).all()
        assert (window.state().recent.of_process(pid, 3) == own[-3:][::-1]).all()


def test_given_more_processes_than_there_is_room_for_then_the_bound_holds_and_the_newest_stay():
    log, events = RecentLog(), connect(times=MAX_RECORDS + 500)
    events["tgid"] = np.arange(len(events))
    log.add(events)
    recent = log.state()
    assert recent.records["tgid"].tolist() == list(range(500, MAX_RECORDS + 500))


def test_given_many_busy_processes_then_each_loses_its_oldest():
    log, events = RecentLog(), connect(times=2 * MAX_PENDING)
    events["tgid"], events["lport"] = np.arange(len(events)) % 1_024, np.arange(len(events)) // 1_024
    for at in range(0, len(events), 5_000):
        log.add(events[at : at + 5_000])
    recent = log.state()
    assert len(recent) == MAX_RECORDS
    assert recent.of_process(5)["lport"].tolist() == list(range(63, 63 - MAX_RECORDS // 1_024, -1))


def test_given_a_state_when_more_is_added_then_it_does_not_change_and_is_read_only():
    log = RecentLog()
    assert len(log.state()) == 0
    log.add(connect(pid=5))
    before = log.state()
    log.add(connect(pid=5, times=90))
    assert len(before.of_process(5)) == 1
    assert len(log.state().of_process(5)) == PER_PROCESS
    with pytest.raises(ValueError, match="read-only"):
        before.records["tgid"] = 1


@pytest.mark.parametrize("each", [300, 3_000, MAX_PENDING + 1])
def test_given_more_failures_than_are_kept_then_it_is_known_from_when_on_all_are(each):
    log, told = RecentLog(), []
    for at in range(3):
        events = connect(times=each, outcome=Outcome.REFUSED, error=111)
        events["end_ns"] = 1 + np.arange(at * each, (at + 1) * each)
        told.append(events)
        log.add(events)
        log.add(connect(pid=8, times=5))
    recent, told = log.state(), join(*told)
    assert (recent.complete_since_ns > 0) == (len(told) > MAX_NOTABLE)
    kept = recent.records[recent.records["end_ns"] > recent.complete_since_ns]
    assert (kept[kept["tgid"] != 8] == told[told["end_ns"] > recent.complete_since_ns]).all()
