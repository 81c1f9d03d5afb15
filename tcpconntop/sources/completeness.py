"""Compares the attempts that were traced with the kernel's own count of connects, per network namespace.

Each network namespace has its own count (`ActiveOpens`, RFC 4022). The file /proc/PID/net/snmp, which
everybody may read, shows the count of the namespace of that process. So every traced namespace needs a
reference process in it. The kernel side names one: a process that was itself in the namespace when it
connected. It may move to another one before its file is read, so a file is trusted once a process that
connected after the first reading has the same file.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tcpconntop.core.types import SECOND_NS
from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.kernel.process import in_initial_pid_namespace, started_before
from tcpconntop.kernel.session import Counters
from tcpconntop.sources.reading import NOTHING, Base, Growth, Tables

MAX_READINGS = 128
"""Upper bound of the snmp files that are read at once; those of further namespaces take turns."""
_NO_ATTEMPTS = NamespaceCounts((), 0, 0, 0, 0)


class Comparison(NamedTuple):
    """What was compared so far, summed over the network namespaces.

    Attributes:
        opens: connects that the kernel counted.
        unseen: those of `opens` that were not traced; at least, since both counts go on while they are read.
        lost: traced connects whose record was lost.
        excess: attempts that were traced as connects, and that the kernel did not count.
        namespaces: namespaces in which an attempt was traced, and the own one.
        compared: those of `namespaces` whose connects are in these numbers, for some of the time at least.
    """

    opens: int
    unseen: int
    lost: int
    excess: int
    namespaces: int
    compared: int

    def share(self, in_flight: int) -> float | None:
        """Return the share (0 … 1) of the kernel's connects that is in the rows; None if it is not known.

        Attempts in flight are counted before the kernel counts them. A larger excess is an error of one of
        the two counts.
        """
        if self.opens <= 0 or self.excess > in_flight:
            return None
        return max(self.opens - self.unseen - self.lost, 0) / self.opens


@dataclass
class _Namespace:
    """What is known of one network namespace since its counts were first read.

    Attributes:
        process: folder of its reference process in /proc; None while there is none.
        inode: inode number of its snmp file, which is different in each namespace.
        connected_ns: when the process connected whose file was read first, on the monotonic clock.
        read_ns: when that file was first read.
        trusted: True if the file is known to be the one of this namespace.
        slots: its slots in the kernel side's table at the latest reading.
        base: the first reading.
        growth: what has happened from the first reading to the latest one.
        compared: True if there was a second reading.
    """

    process: Path | None
    inode: int
    connected_ns: int
    read_ns: int
    trusted: bool
    slots: tuple[tuple[int, int], ...]
    base: Base
    growth: Growth = NOTHING
    compared: bool = False


class Completeness:
    """Counts what was traced and what the kernel counted, in each namespace since its first reading.

    Args:
        counts: returns the counts of the namespaces with an attempt since a time, by inode number.
        totals: returns the counts of all namespaces together, and of attempts that are in none.
        proc: mount point of the proc file system.
        now_ns: the monotonic clock.
    """

    def __init__(
        self,
        counts: Callable[[int], Mapping[int, NamespaceCounts]],
        totals: Callable[[], Counters],
        proc: Path = Path("/proc"),
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._counts, self._totals = counts, totals
        self._proc, self._now_ns = proc, now_ns
        self._namespaces: dict[int, _Namespace] = {}  # by inode number
        self._traced: set[int] = set()
        self._compared: set[int] = set()
        self._former = NOTHING  # figures of what is not compared any more
        self._watched_ns = 0
        self._same_pid_namespace = in_initial_pid_namespace(proc)
        self._own = inode_number(proc / "thread-self/ns/net") or 0
        self._first_reading(self._own, proc / "thread-self", 0, trusted=True)

    def watch(self) -> None:
        """Look for reference processes of the namespaces in which there were attempts since the last call."""
        now_ns = self._now_ns()
        self._find_references(self._counts(max(self._watched_ns - SECOND_NS, 0)))
        self._watched_ns = now_ns

    def references(self) -> dict[int, tuple[Path, int]]:
        """Return a process of each namespace that has one, and the inode number of its snmp file."""
        return {
            netns: (namespace.process, namespace.inode)
            for netns, namespace in self._namespaces.items()
            if namespace.process and namespace.trusted
        }

    def compare(self) -> Comparison:
        """Read the kernel's counts, and return what was compared so far.

        Nothing is included that happened in a namespace before its first reading, or after its last reference
        process ended.
        """
        chosen = [netns for netns, namespace in self._namespaces.items() if namespace.process][:MAX_READINGS]
        totals_before, before = self._totals(), self._counts(0)
        opens = {netns: self._opens(self._namespaces[netns]) for netns in chosen}
        after, totals_after = self._counts(0), self._totals()
        for netns in chosen:
            namespace = self._namespaces.pop(netns)
            self._namespaces[netns] = namespace  # the last one to be read the next time
            first, second = (table.get(netns, _NO_ATTEMPTS) for table in (before, after))
            if first.slots == second.slots:
                self._update(namespace, opens[netns], Tables(totals_before, first, second, totals_after))
        self._find_references(after)
        return self._sums()

    def _opens(self, namespace: _Namespace) -> int | None:
        return active_opens(namespace.process, namespace.inode) if namespace.process else None

    def _update(self, namespace: _Namespace, opens: int | None, tables: Tables) -> None:
        """Compare one namespace; `opens` is the kernel's count, None if it cannot be read any more."""
        if opens is None:
            namespace.process = None
            return
        slots, unplaced = tables.after.slots, tables.totals_after.netns_unplaced
        same_slots = set(namespace.slots) <= set(slots)
        all_counted = namespace.slots or unplaced == namespace.base.tables.totals_after.netns_unplaced
        namespace.slots = slots
        if not (same_slots and all_counted):  # its counts began anew
            self._fold(namespace)
            namespace.base = Base.begin(opens, tables)
            return
        namespace.growth = namespace.base.growth(opens, tables)
        namespace.compared = True

    def _find_references(self, counts: Mapping[int, NamespaceCounts]) -> None:
        """Use the processes that the kernel side names as references, in namespaces that need one."""
        self._traced.update(counts)
        if not self._same_pid_namespace:
            return
        checked = 0
        for netns, counted in counts.items():
            namespace = self._namespaces.get(netns)
            known = namespace is not None and namespace.process is not None
            if namespace is not None and known and namespace.trusted:
                continue
            newer = namespace is None or counted.reference_ns > namespace.read_ns
            if not counted.tgid or not (newer or not known) or checked >= MAX_READINGS:
                continue
            checked += 1
            process = self._proc / str(counted.tgid)
            if started_before(process, counted.reference_ns):
                self._use_reference(netns, process, counted.reference_ns, newer)

    def _use_reference(self, netns: int, process: Path, connected_ns: int, newer: bool) -> None:
        """Read the file of a process of a namespace; `newer`: it connected after the first reading."""
        file, link = inode_number(process / "net/snmp"), inode_number(process / "ns/net")
        namespace = self._namespaces.get(netns)
        if file is None or (link is not None and link != netns):
            return
        for other_netns, other in list(self._namespaces.items()):
            if other is not namespace and other.inode == file:
                if other.trusted or other.connected_ns > connected_ns:
                    return
                del self._namespaces[other_netns]  # its process had moved here
        if namespace is not None and namespace.inode == file:
            namespace.process = process
            namespace.trusted |= newer
            return
        if namespace is not None:  # another namespace with the same number, or a process that had moved
            self._fold(namespace)
            del self._namespaces[netns]
        self._first_reading(netns, process, connected_ns, trusted=link is not None)

    def _first_reading(self, netns: int, process: Path, connected_ns: int, trusted: bool) -> None:
        file = inode_number(process / "net/snmp")
        totals_before, first = self._totals(), self._counts(0).get(netns, _NO_ATTEMPTS)
        opens = active_opens(process, file) if file is not None else None
        second, totals_after = self._counts(0).get(netns, _NO_ATTEMPTS), self._totals()
        if file is None or opens is None or first.slots != second.slots:
            return
        base = Base.begin(opens, Tables(totals_before, first, second, totals_after))
        read_ns = self._now_ns()
        self._namespaces[netns] = _Namespace(
            process, file, connected_ns, read_ns, trusted, second.slots, base
        )

    def _fold(self, namespace: _Namespace) -> None:
        """Keep the figures of a namespace, and let them begin anew."""
        if namespace.trusted:
            self._former = Growth(*map(sum, zip(self._former, namespace.growth, strict=True)))
        namespace.growth = NOTHING

    def _sums(self) -> Comparison:
        trusted = {netns: one for netns, one in self._namespaces.items() if one.trusted}
        self._compared.update(netns for netns, one in trusted.items() if one.compared)
        figures = [self._former, *(one.growth for one in trusted.values())]
        opens, unseen, lost, excess = (sum(numbers) for numbers in zip(*figures, strict=True))
        traced = self._traced | self._compared
        return Comparison(opens, unseen, lost, excess, len(traced), len(self._compared))


def active_opens(process: Path, inode: int | None = None) -> int | None:
    """Return how many connects the kernel has counted in the network namespace of a process.

    None if the process is gone, or if its snmp file does not have the inode number `inode`.
    """
    try:
        with (process / "net/snmp").open(encoding="ascii") as snmp:
            if inode not in (None, os.fstat(snmp.fileno()).st_ino):
                return None
            names, values = (line.split() for line in snmp if line.startswith("Tcp:"))
    except (OSError, ValueError):
        return None
    return int(values[names.index("ActiveOpens")])


def inode_number(path: Path) -> int | None:
    """Return the inode number of a path (links are followed); None if it cannot be read."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
