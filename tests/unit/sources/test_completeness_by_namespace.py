"""Completeness over several network namespaces, with a fake /proc."""

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
    """Processes in namespaces. Each namespace has one snmp file, and each process a hard link to it."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc = root, root / "proc"
        self.sent: dict[int, int | None] = {0: 0}
        self.opens("home", 0)
        self.process("thread-self", "home")
        self.namespaces = Completeness(self.sent.get, self.proc)

    def opens(self, namespace: str, count: int) -> None:
        """Set how many connects the kernel has counted in a namespace."""
        text = f"Ip: Forwarding\nIp: 1\nTcp: RtoMin ActiveOpens\nTcp: 200 {count}\n"
        (self.root / namespace).write_text(text)

    def process(self, pid: int | str, namespace: str, began_s: float = 0) -> None:
        """Add a process; its ns/net link is missing, because without privileges it cannot be read."""
        folder = self.proc / str(pid)
        (folder / "net").mkdir(parents=True)
        os.link(self.root / namespace, folder / "net/snmp")
        ticks = round(began_s * os.sysconf("SC_CLK_TCK"))
        (folder / "stat").write_text(STAT.format(pid=pid, ticks=ticks))


def records(*attempts: tuple[int, int], begin_s: float = 1e9) -> Events:
    """Return records of (namespace, process)."""
    events = np.zeros(len(attempts), EVENT)
    events["netns"], events["tgid"] = zip(*attempts, strict=True)
    events["begin_ns"] = begin_s * SECOND_NS
    return events


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_counts_of_one_namespace_are_compared(machine: Machine) -> None:
    machine.opens("home", 23)
    machine.sent[0] = 22
    assert machine.namespaces.compare() == (22, 23)


def test_a_namespace_is_compared_since_its_reference_process_was_found(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 5
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    machine.sent[70] = 14
    assert machine.namespaces.compare() == (9, 10)


def test_a_reused_pid_is_not_a_reference_process(machine: Machine) -> None:
    """WHEN the process with that PID started after the attempt THEN it is not used."""
    machine.opens("pod", 100)
    machine.process(7, "pod", began_s=2e9)
    machine.sent[70] = 5
    machine.namespaces.find_reference_processes(records((70, 7), begin_s=1e9))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)


def test_the_process_of_a_thread_in_another_namespace_is_not_a_reference_process(machine: Machine) -> None:
    """WHEN the process itself is in the home namespace THEN its count is not used for the other one."""
    machine.process(7, "home")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("home", 10)
    assert machine.namespaces.compare() == (0, 10)


def test_a_process_with_a_link_to_another_namespace_is_not_a_reference_process(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    (machine.proc / "7/ns").mkdir()
    (machine.proc / "7/ns/net").touch()  # its inode number is not 70
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)


def test_the_next_reference_process_replaces_one_that_has_ended(machine: Machine) -> None:
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


def test_a_process_that_moved_to_another_namespace_is_not_used_any_more(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.opens("other", 7_000)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    (machine.proc / "7/net/snmp").unlink()
    os.link(machine.root / "other", machine.proc / "7/net/snmp")
    machine.sent[70] = 10
    assert machine.namespaces.compare() == (0, 0)


def test_a_namespace_with_an_unknown_count_is_not_compared(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    machine.opens("home", 3)
    machine.sent |= {70: None, 0: 3}
    assert machine.namespaces.compare() == (3, 3)


def test_in_another_pid_namespace_there_are_no_reference_processes(tmp_path: Path) -> None:
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/pid").touch()
    machine = Machine(tmp_path)
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.sent[70] = 0
    machine.namespaces.find_reference_processes(records((70, 7)))
    machine.opens("pod", 110)
    assert machine.namespaces.compare() == (0, 0)
