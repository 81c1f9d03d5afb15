"""Completeness over several network namespaces, with a fake /proc and a fake table of the kernel side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tcpconntop.core.types import SECOND_NS
from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.kernel.session import Counters
from tcpconntop.sources.completeness import MAX_READINGS, Comparison, Completeness

STAT = "{pid} (a) b) S" + " 0" * 18 + " {ticks}" + " 0" * 30


class Machine:
    """Processes in namespaces. Each namespace has one snmp file, and each process a hard link to it."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc = root, root / "proc"
        self.table: dict[int, NamespaceCounts] = {}
        self.unplaced = 0
        self.now_s = 1_000_000.0
        self.opens("home", 0)
        self.process("thread-self", "home")
        self.namespaces = Completeness(self._counts, self._totals, self.proc, self._now_ns)

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

    def move(self, pid: int, namespace: str) -> None:
        (self.proc / f"{pid}/net/snmp").unlink()
        os.link(self.root / namespace, self.proc / f"{pid}/net/snmp")

    def connect(self, netns: int, pid: int, sent: int, *, lost: int = 0, generation: int = 1) -> None:
        """Count `sent` attempts in all for a namespace, the last one of a process and now."""
        self.now_s += 1
        slots = ((netns, generation),)
        self.table[netns] = NamespaceCounts(slots, sent, lost, pid, self._now_ns())

    def compare(self) -> tuple[int, int]:
        """Return how many connects were seen, and how many the kernel counted."""
        self.now_s += 1
        found = self.namespaces.compare()
        return found.opens - found.unseen, found.opens

    def pod(
        self, *, pid: int = 7, netns: int = 70, name: str = "pod", sent: int = 5, opens: int = 100
    ) -> None:
        """Add a process in a namespace of its own that the comparison knows and trusts."""
        self.opens(name, opens)
        self.process(pid, name)
        self.connect(netns, pid, sent - 1)
        self.namespaces.compare()
        self.opens(name, opens)
        self.connect(netns, pid, sent - 1)
        self.namespaces.compare()
        assert self.namespaces.compare().opens == 0

    def _counts(self, since_ns: int) -> Mapping[int, NamespaceCounts]:
        return dict(self.table)

    def _totals(self) -> Counters:
        ended = sum(counts.sent for counts in self.table.values())
        return Counters(ended, (ended,), 0, 0, 0, 0, 0, netns_unplaced=self.unplaced)

    def _now_ns(self) -> int:
        return int(self.now_s * SECOND_NS)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_counts_of_one_namespace_are_compared(machine: Machine) -> None:
    machine.opens("home", 23)
    machine.connect(0, 1, 22)
    assert machine.compare() == (22, 23)
    assert machine.namespaces.compare() == Comparison(23, 1, 0, 0, 1, 1)


def test_lost_records_are_not_seen(machine: Machine) -> None:
    machine.opens("home", 276_200)
    machine.connect(0, 1, 276_200, lost=136_399)
    share = machine.namespaces.compare().share(0)
    assert share == pytest.approx(0.5061586, rel=1e-6)


def test_what_the_kernel_did_not_count_is_not_hidden(machine: Machine) -> None:
    """GIVEN attempts that the kernel did not count THEN completeness is known only if they are in flight."""
    machine.opens("home", 23)
    machine.connect(0, 1, 26)
    compared = machine.namespaces.compare()
    assert (compared.excess, compared.share(3), compared.share(2)) == (3, 1.0, None)


def test_an_excess_in_one_namespace_does_not_make_up_for_another(machine: Machine) -> None:
    machine.pod(sent=5, opens=100)
    machine.opens("pod", 110)
    machine.connect(70, 7, 4 + 7)
    machine.opens("home", 10)
    machine.connect(0, 1, 13)
    assert machine.compare() == (17, 20)


def test_a_namespace_is_compared_since_its_reference_process_was_found(machine: Machine) -> None:
    machine.pod(sent=5)
    machine.opens("pod", 110)
    machine.connect(70, 7, 4 + 9)
    assert machine.compare() == (9, 10)
    assert machine.namespaces.compare()[-2:] == (2, 2)


def test_a_namespace_is_not_compared_before_its_file_is_trusted(machine: Machine) -> None:
    """GIVEN one attempt alone WHEN its process may have moved since THEN nothing is compared."""
    machine.opens("pod", 100)
    machine.process(7, "pod")
    machine.connect(70, 7, 5)
    assert machine.compare() == (0, 0)
    machine.opens("pod", 110)
    assert machine.compare() == (0, 0)
    assert machine.namespaces.compare()[-2:] == (2, 1)


def test_a_process_that_connected_and_moved_is_not_a_reference_process(machine: Machine) -> None:
    """GIVEN a process that connected, then moved WHEN it connects there THEN the file is the new one's."""
    machine.opens("pod", 100)
    machine.opens("other", 7_000)
    machine.process(7, "other")  # it is there by now
    machine.connect(70, 7, 5)
    machine.compare()
    machine.opens("other", 7_100)
    machine.connect(71, 7, 1)
    machine.compare()
    machine.opens("other", 7_200)
    machine.connect(71, 7, 101)
    machine.compare()
    assert machine.compare() == (100, 100)
    assert machine.namespaces.compare()[-2:] == (3, 2)


def test_a_reused_pid_is_not_a_reference_process(machine: Machine) -> None:
    """WHEN the process with that PID started after the attempt THEN it is not used."""
    machine.opens("pod", 100)
    machine.process(7, "pod", began_s=2e9)
    for sent in (5, 6):
        machine.connect(70, 7, sent)
        assert machine.compare() == (0, 0)
    assert machine.namespaces.compare()[-2:] == (2, 1)


def test_the_process_of_a_thread_in_another_namespace_is_not_a_reference_process(machine: Machine) -> None:
    """WHEN the kernel side names no process that is itself in the namespace THEN there is none."""
    machine.process(7, "home")
    machine.connect(70, 0, 5)
    machine.opens("home", 10)
    assert machine.compare() == (0, 10)


def test_a_process_with_a_link_to_another_namespace_is_not_a_reference_process(machine: Machine) -> None:
    machine.opens("pod", 100)
    machine.process(7, "pod")
    (machine.proc / "7/ns").mkdir()
    (machine.proc / "7/ns/net").touch()  # its inode number is not 70
    for sent in (5, 6):
        machine.connect(70, 7, sent)
        assert machine.compare() == (0, 0)


def test_the_next_reference_process_replaces_one_that_has_ended(machine: Machine) -> None:
    machine.pod(sent=1)
    machine.process(8, "pod")
    (machine.proc / "7/net/snmp").unlink()
    machine.opens("pod", 110)
    machine.connect(70, 8, 10)
    assert machine.compare() == (0, 0)
    assert machine.compare() == (10, 10)


def test_a_process_that_moved_to_another_namespace_is_not_used_any_more(machine: Machine) -> None:
    machine.pod(sent=1)
    machine.opens("other", 7_000)
    machine.move(7, "other")
    machine.connect(70, 7, 10)
    machine.opens("pod", 110)
    assert machine.compare() == (0, 0)


def test_counts_of_a_slot_that_another_namespace_took_over_stay(machine: Machine) -> None:
    """GIVEN a namespace that lost its slot WHEN it has one again THEN it is compared from then on."""
    machine.pod(sent=1)
    machine.opens("pod", 110)
    machine.connect(70, 7, 10)
    assert machine.compare() == (10, 10)
    del machine.table[70]
    assert machine.compare() == (10, 10)
    machine.connect(70, 7, 3, generation=3)
    machine.opens("pod", 113)
    assert machine.compare() == (13, 13)
    machine.connect(70, 7, 2, generation=5)
    machine.opens("pod", 120)
    assert machine.compare() == (13, 13)  # it is not known since when this slot counts
    machine.connect(70, 7, 7, generation=5)
    machine.opens("pod", 125)
    assert machine.compare() == (18, 18)


def test_a_namespace_without_a_slot_is_not_compared_while_attempts_find_none(machine: Machine) -> None:
    machine.opens("home", 10)
    machine.unplaced = 10
    assert machine.compare() == (0, 0)
    machine.opens("home", 14)
    assert machine.compare() == (0, 4)  # none of these can have been traced


def test_another_namespace_with_the_same_number_adds_to_the_former_one(machine: Machine) -> None:
    machine.pod(sent=1)
    machine.opens("pod", 110)
    machine.connect(70, 7, 10)
    assert machine.compare() == (10, 10)
    (machine.proc / "7/net/snmp").unlink()
    machine.compare()
    machine.opens("second", 50)
    machine.process(9, "second")
    for sent in (11, 12):
        machine.connect(70, 9, sent)
        machine.compare()
    machine.opens("second", 55)
    machine.connect(70, 9, 16)
    machine.compare()
    assert machine.compare() == (15, 15)


def test_when_all_namespaces_have_gone_the_rest_is_still_known(machine: Machine) -> None:
    """GIVEN 320 namespaces side by side WHEN all have ended THEN completeness is a number, as before."""
    for pid in range(1_000, 1_320):
        machine.opens(f"pod{pid}", 0)
        machine.process(pid, f"pod{pid}")
        machine.connect(pid, pid, 1)
    for _ in range(320 // MAX_READINGS + 2):
        machine.compare()
    for pid in range(1_000, 1_320):
        (machine.proc / f"{pid}/net/snmp").unlink()
    machine.opens("home", 8)
    machine.connect(0, 1, 7)
    for _ in range(320 // MAX_READINGS + 2):
        compared = machine.namespaces.compare()
    assert compared.share(0) == 7 / 8
    assert compared[-2:] == (321, 1)


def test_in_another_pid_namespace_there_are_no_reference_processes(tmp_path: Path) -> None:
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    (tmp_path / "proc/self/ns/pid").touch()
    machine = Machine(tmp_path)
    machine.opens("pod", 100)
    machine.process(7, "pod")
    for sent in (5, 6, 7):
        machine.connect(70, 7, sent)
        assert machine.compare() == (0, 0)
