"""Compares the attempts that were traced with the kernel's own count of connects, per network namespace.

Each network namespace has its own count (`ActiveOpens`, RFC 4022). The file /proc/PID/net/snmp, which
everybody may read, shows the count of the namespace of that process. So every traced namespace needs a
reference process in it; records name candidates.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events

INIT_PID_NAMESPACE = 0xEFFFFFFC
"""Inode number of the initial PID namespace (PROC_PID_INIT_INO), to which the PIDs in records belong."""
CANDIDATES_PER_BATCH = 16
"""Upper bound of the candidates that are checked per batch of records."""


@dataclass
class _Namespace:
    """What is known of one network namespace since its counts were first read.

    Attributes:
        process: folder of its reference process in /proc; None while there is none.
        inode: inode number of its snmp file, which is different in each namespace.
        opens_before: the kernel's count at the first reading.
        sent_before: attempts traced up to the first reading.
        opens: connects that the kernel counted from the first reading to the latest one.
        sent: attempts traced in that time.
    """

    process: Path | None
    inode: int
    opens_before: int
    sent_before: int
    opens: int = 0
    sent: int = 0


class Completeness:
    """Counts what was traced and what the kernel counted, in each namespace since its first reading.

    Args:
        sent: takes a namespace's inode number, and returns how many of its attempts sent a SYN since tracing
            began; None if that is unknown.
        proc: mount point of the proc file system.
    """

    def __init__(self, sent: Callable[[int], int | None], proc: Path = Path("/proc")) -> None:
        self._sent = sent
        self._proc = proc
        self._namespaces: dict[int, _Namespace] = {}  # by inode number
        self._same_pid_namespace = inode_number(proc / "self/ns/pid") in (None, INIT_PID_NAMESPACE)
        self._add_reference(inode_number(proc / "thread-self/ns/net") or 0, proc / "thread-self")

    def find_reference_processes(self, events: Events) -> None:
        """Look for reference processes among the processes of records, in namespaces that have none."""
        if not self._same_pid_namespace or not len(events):
            return
        with_reference = [netns for netns, namespace in self._namespaces.items() if namespace.process]
        without = events[np.isin(events["netns"], with_reference, invert=True)]
        for netns in np.unique(without["netns"])[:CANDIDATES_PER_BATCH]:
            last = without[without["netns"] == netns][-1]
            process = self._proc / str(last["tgid"])
            if started_before(process, int(last["begin_ns"])):
                self._add_reference(int(netns), process)

    def compare(self) -> tuple[int, int]:
        """Return the attempts traced and the connects that the kernel counted, where both are known.

        Neither number includes what happened in a namespace before its first reading, or after its last
        reference process ended.
        """
        for netns, namespace in list(self._namespaces.items()):
            # The kernel counts a connect after the probe does, so its count is read first.
            opens = active_opens(namespace.process, namespace.inode) if namespace.process else None
            sent = self._sent(netns)
            if sent is None:
                del self._namespaces[netns]
            elif opens is None:
                namespace.process = None
            else:
                namespace.opens = opens - namespace.opens_before
                namespace.sent = sent - namespace.sent_before
        compared = self._namespaces.values()
        return sum(namespace.sent for namespace in compared), sum(namespace.opens for namespace in compared)

    def references(self) -> dict[int, tuple[Path, int]]:
        """Return a process of each namespace that has one, and the inode number of its snmp file."""
        return {n: (known.process, known.inode) for n, known in self._namespaces.items() if known.process}

    def _add_reference(self, netns: int, process: Path) -> None:
        """Make a process the reference of a namespace, unless it is visibly in another one.

        A thread may be in another namespace than its process. The process then has the snmp file of a
        namespace that is already known.
        """
        file, link = inode_number(process / "net/snmp"), inode_number(process / "ns/net")
        if file is None or (link is not None and link != netns):
            return
        namespace = self._namespaces.get(netns)
        if any(other.inode == file for other in self._namespaces.values() if other is not namespace):
            return
        if namespace is not None and namespace.inode == file:
            namespace.process = process
            return
        opens, sent = active_opens(process, file), self._sent(netns)
        if opens is not None and sent is not None:
            self._namespaces[netns] = _Namespace(process, file, opens, sent)


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


def started_before(process: Path, moment_ns: int) -> bool:
    """Return True if a process started before a time (CLOCK_MONOTONIC): its PID was not reused since."""
    try:
        after_comm = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return False
    since_boot_ns = int(after_comm[19]) * SECOND_NS // os.sysconf("SC_CLK_TCK")  # field 22 of proc(5)
    suspended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return since_boot_ns - suspended_ns <= moment_ns
