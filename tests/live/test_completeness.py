"""Completeness: the traced connects of each network namespace against the kernel's count there."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import workload
from command import tcpconntop
from compared import another_namespace, closed_port, comparison, seen_of, side_by_side
from elsewhere import DEFERRED
from tracer import Tracer

from tcpconntop.kernel import job
from tcpconntop.kernel import session as kernel

Trace = Callable[..., Tracer]
SIDE_BY_SIDE = 500
"""As many as found no slot with a weak hash of their numbers, which lie a fixed distance apart."""
SLOTS, FEW_SLOTS = "#define NETNS_SLOTS 4096", 8
IDLE = "#define NETNS_IDLE_NS 10000000000ULL"


@pytest.fixture
def few_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A function that makes new sessions have slots for eight namespaces, and reuse them at once or never."""

    def prepare(reuse: bool) -> None:
        shutil.copytree(job.bpf_folder(), tmp_path / "bpf")
        for file, old, new in (
            ("event.h", SLOTS, f"#define NETNS_SLOTS {FEW_SLOTS}"),
            ("netns.h", IDLE, "#define NETNS_IDLE_NS 0ULL" if reuse else IDLE),
        ):
            source = (tmp_path / "bpf" / file).read_text()
            assert source.count(old) == 1
            (tmp_path / "bpf" / file).write_text(source.replace(old, new))
        monkeypatch.setattr(job, "bpf_folder", lambda: tmp_path / "bpf")
        monkeypatch.setattr(kernel, "NETNS_SLOTS", FEW_SLOTS)

    return prepare


@pytest.mark.usefixtures("alone")
def test_other_namespaces_are_compared_from_their_first_record_on(trace: Trace) -> None:
    """GIVEN processes in three namespaces WHEN they connect THEN what was seen is what the kernel counted."""
    with another_namespace() as one, another_namespace() as two, workload.listener() as server:
        tracer = trace(pids=(os.getpid(), one.pid, two.pid))
        completeness = comparison(tracer.session)
        assert seen_of(completeness) == (0, 0)
        for place in (one, two):
            place.connect(3)
        tracer.ended(6)
        completeness.watch()
        assert seen_of(completeness) == (0, 0)  # what was before is in neither
        one.connect(23)
        two.connect(7)
        workload.connect(server, 5)
        tracer.ended(41)
        assert seen_of(completeness) == (35, 35)

        one.end()  # and its namespace with it
        two.connect(2)
        tracer.ended(43)
        assert seen_of(completeness) == (37, 37)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("then", "seen"), [("send", (DEFERRED, DEFERRED)), ("close", (0, 0))])
def test_connects_without_a_syn_at_the_first_reading_are_no_gap(
    trace: Trace, then: str, seen: tuple[int, int]
) -> None:
    """GIVEN connects that wait for their first data WHEN they send it, or are closed THEN none is unseen."""
    with another_namespace() as one:
        tracer = trace(pids=(one.pid,))
        completeness = comparison(tracer.session)
        one.tell("defer")
        completeness.watch()
        one.tell(then)
        tracer.ended(DEFERRED)
        assert seen_of(completeness) == seen
        one.connect(23)
        tracer.ended(DEFERRED + 23)
        assert seen_of(completeness) == (seen[0] + 23, seen[1] + 23)


@pytest.mark.usefixtures("alone")
def test_connects_left_out_by_a_filter_count_as_not_seen(trace: Trace) -> None:
    """GIVEN a filter that leaves connects out WHEN they are made THEN the kernel's count shows it."""
    with workload.listener() as server, workload.listener() as other:
        tracer = trace(ports=(workload.port_of(server),))
        completeness = comparison(tracer.session)
        workload.connect(server, 13)
        workload.connect(other, 4)
        tracer.ended(13)
        assert seen_of(completeness) == (13, 17)


@pytest.mark.usefixtures("alone")
def test_many_namespaces_side_by_side_have_a_count_each(trace: Trace) -> None:
    """GIVEN hundreds of namespaces WHEN they have gone THEN the own one was compared all the time."""
    with workload.listener() as server:
        tracer = trace(ports=(workload.port_of(server), closed_port()))
        session, before = tracer.session, tracer.session.namespaces()
        completeness = comparison(session)
        with side_by_side(SIDE_BY_SIDE):
            tracer.ended(SIDE_BY_SIDE)
            known = session.namespaces()
            new = {netns: counts for netns, counts in known.items() if counts != before.get(netns)}
            assert len(new) >= SIDE_BY_SIDE
            assert (
                sum(counts.sent for counts in known.values()) - sum(counts.sent for counts in before.values())
                == SIDE_BY_SIDE
            )
            workload.connect(server, 23)
            tracer.ended(SIDE_BY_SIDE + 23)
            assert seen_of(completeness) == (23, 23)
        workload.connect(server, 7)
        tracer.ended(SIDE_BY_SIDE + 30)
        assert seen_of(completeness) == (30, 30)
        assert completeness.compare().share(0) == 1
    assert tracer.counters().netns_unplaced == 0


def test_a_slot_is_reused_and_counts_anew(own_trace: Trace, few_slots: Callable[[bool], None]) -> None:
    """GIVEN slots for eight WHEN more namespaces connect one after another THEN each count is its own."""
    few_slots(True)
    tracer = own_trace(ports=(closed_port(),))
    completeness = comparison(tracer.session)
    with ExitStack() as namespaces:  # all at once: else the numbers of former ones come back
        for times in range(1, 4):
            namespaces.enter_context(side_by_side(23, "thread"))
            tracer.ended(23 * times)
            table = tracer.session.namespaces()
            assert 1 <= len(table) <= FEW_SLOTS
            assert {counts.sent for counts in table.values()} == {1}
            generations = {generation for counts in table.values() for _, generation in counts.slots}
            assert max(generations) > 1
            assert seen_of(completeness) == (0, 0)
    assert tracer.counters().netns_unplaced == 0


def test_attempts_without_a_slot_are_counted(own_trace: Trace, few_slots: Callable[[bool], None]) -> None:
    """GIVEN slots for eight in use WHEN further namespaces connect THEN they are counted as unplaced."""
    few_slots(False)
    tracer = own_trace(ports=(closed_port(),))
    with side_by_side(23):
        tracer.ended(23)
    table = tracer.session.namespaces()
    assert (len(table), sum(counts.sent for counts in table.values())) == (FEW_SLOTS, FEW_SLOTS)
    assert tracer.counters().netns_unplaced == 23 - FEW_SLOTS


def test_only_a_process_that_is_itself_in_a_namespace_is_named(own_trace: Trace) -> None:
    """GIVEN threads in namespaces of their own WHEN they connect THEN their process is not named."""
    for way in ("thread", "process"):
        tracer = own_trace(ports=(closed_port(),))
        with side_by_side(3, way):
            tracer.ended(3)
            named = {counts.tgid for counts in tracer.session.namespaces().values()}
            in_records = set(tracer.events["tgid"].tolist())
        assert named == ({0} if way == "thread" else in_records)


@pytest.mark.long
def test_it_is_said_how_many_namespaces_are_compared() -> None:
    """GIVEN three namespaces that nothing can be compared in WHEN printed THEN it is said.

    Others connect on this machine, too: the first lines may be of their namespaces alone.
    """
    with tcpconntop("-b", "--json", "-n", "200", "-d", "0.2") as command, side_by_side(3, "thread"):
        assert command.process.stdout is not None
        for line in command.process.stdout:
            document = json.loads(line)
            if 1 <= document["namespaces_compared"] <= document["namespaces"] - 3:
                break
        assert 1 <= document["namespaces_compared"] <= document["namespaces"] - 3
    with tcpconntop("-b", "-n", "200", "-d", "0.2") as command, side_by_side(3, "thread"):
        with workload.listener() as server:
            workload.connect(server, 7)
            assert command.process.stdout is not None
            for line in command.process.stdout:
                found = re.search(r" traced (\S+)% of connects in (\d+) of (\d+) network namespaces", line)
                if found and int(found[2]) <= int(found[3]) - 3:
                    break
        assert found
        assert int(found[2]) <= int(found[3]) - 3
