"""Completeness over network namespaces, with a proc folder laid out as the kernel lays it out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.sources.completeness import Completeness

STAT = "{pid} (a) b) S" + " 0" * 18 + " {ticks}" + " 0" * 30


class Machine:
    """Processes in namespaces. One namespace has one snmp file, of which every process has a link."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc = root, root / "proc"
        self.sent: dict[int, int | None] = {0: 0}
        self.opens("home", 0)
        self.process("thread-self", "home")
        self.namespaces = Completeness(self.sent.get, self.proc)

    def opens(self, namespace: str, count: int) -> None:
        """The kernel has counted this many connects there."""
        text = f"Ip: Forwarding\nIp: 1\nTcp: RtoMin ActiveOpens\nTcp: 200 {count}\n"
        (self.root / namespace).write_text(text)

    def process(self, pid: int | str, namespace: str, began_s: float = 0) -> None:
        """A process; which namespace it is in is hidden from us, as it is without privileges."""
        folder = self.proc / str(pid)
        (folder / "net").mkdir(parents=True)
        os.link(self.root / namespace, folder / "net/snmp")
        ticks = round(began_s * os.sysconf("SC_CLK_TCK"))
        (folder / "stat").write_text(STAT.format(pid=pid, ticks=ticks))


def records(*attempts: tuple[int, int], begin_s: float = 1e9) -> Events:
    """Records of (namespace, process)."""
    events = np.zeros(len(attempts), EVENT)
    events["netns"], events["tgid"] = zip(*attempts, strict=True)
    events["begin_ns"] = begin_s * SECOND_NS
    return events


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_given_one_namespace_then_its_counts_are_compared(machine: Machine) -> None:
    machine.opens("home", 23)
    machine.sent[0] = 22
    assert machine.namespaces.compare() == (22, 23)


def test_given_a_witness_then_its_namespace_is_compared_from_there_on(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 5
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    machine.sent[70] = 14
    assert machine.namespaces.compare() == (9, 10)


def test_given_a_reused_process_id_then_it_is_no_witness(machine: Machine) -> None:
    """WHEN the process with that id began after the attempt THEN it says nothing of it."""
    machine.opens("pod", 100)
    machine.process(7, "pod", began_s=2e9)
    machine.sent[70] = 5
    machine.namespaces.find_reference_processes(records((70, 7), begin_s=1e9))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)


def test_given_a_thread_in_another_namespace_then_its_process_is_no_witness(machine: Machine) -> None:
    """WHEN the process itself is at home THEN home's count is not taken for the other one's."""
    machine.process(7, "home")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("home", 10)
    assert machine.namespaces.compare() == (0, 10)


def test_given_a_link_that_names_another_namespace_then_the_process_is_no_witness(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    (machine.proc / "7/ns").mkdir()
    (machine.proc / "7/ns/net").touch()  # its inode number is not 70
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)


def test_given_a_witness_that_has_ended_then_the_next_one_goes_on(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.process(8, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    (machine.proc / "7/net/snmp").unlink()
    machine.opens("pod", 110)
    machine.sent[70] = 10
    assert machine.namespaces.compare() == (0, 0)
    machine.namespaces.find_reference_processes(records((70, 8)))
    assert machine.namespaces.compare() == (10, 10)


def test_given_a_witness_that_moved_then_it_is_one_no_more(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.opens("other", 7_000)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    (machine.proc / "7/net/snmp").unlink()
    os.link(machine.root / "other", machine.proc / "7/net/snmp")
    machine.sent[70] = 10
    assert machine.namespaces.compare() == (0, 0)


def test_given_namespaces_that_cannot_be_told_apart_then_neither_is_compared(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    machine.opens("home", 3)
    machine.sent |= {70: None, 0: 3}
    assert machine.namespaces.compare() == (3, 3)


def test_given_process_ids_of_another_namespace_then_nobody_is_a_witness(tmp_path: Path) -> None:
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/pid").touch()
    machine = Machine(tmp_path)
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)
