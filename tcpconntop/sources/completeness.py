"""What was seen against the kernel's own count of connects, one network namespace after the other.

The kernel counts in each namespace for itself (`ActiveOpens`, RFC 4022), and shows the count of the one that
a process is in as /proc/PID/net/snmp, to everybody. So some process of each namespace that has attempts is
its witness; records name candidates.
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
"""Its inode number on every kernel (PROC_PID_INIT_INO). Records have the process ids of this namespace."""
CANDIDATES_PER_BATCH = 16
"""How many candidates are looked at for one batch of records."""


@dataclass
class _Namespace:
    """A namespace from the moment on at which its counts were first read.

    Attributes:
        process: its witness's folder in /proc; None while there is none.
        file: what tells its snmp file from those of other namespaces: the inode number.
        opens: connects that the kernel has counted since that moment, up to the last reading.
        sent: attempts that were seen since then.
    """

    process: Path | None
    file: int
    opens_before: int
    sent_before: int
    opens: int = 0
    sent: int = 0


class Completeness:
    """Compares, from the moment on at which a namespace is first met.

    Args:
        sent: gives how many attempts of a namespace (by inode number) got a SYN sent since tracing began;
            None where that cannot be told.
        proc: where the proc file system is.
    """

    def __init__(self, sent: Callable[[int], int | None], proc: Path = Path("/proc")) -> None:
        self._sent = sent
        self._proc = proc
        self._known: dict[int, _Namespace] = {}
        self._pids_agree = inode(proc / "self/ns/pid") in (None, INIT_PID_NAMESPACE)
        self._meet(inode(proc / "thread-self/ns/net") or 0, proc / "thread-self")

    def find_reference_processes(self, events: Events) -> None:
        """Look for witnesses among the processes of records, for namespaces that have none."""
        if not self._pids_agree or not len(events):
            return
        watched = [netns for netns, known in self._known.items() if known.process]
        unknown = events[np.isin(events["netns"], watched, invert=True)]
        for netns in np.unique(unknown["netns"])[:CANDIDATES_PER_BATCH]:
            last = unknown[unknown["netns"] == netns][-1]
            process = self._proc / str(last["tgid"])
            if started_before(process, int(last["begin_ns"])):
                self._meet(int(netns), process)

    def compare(self) -> tuple[int, int]:
        """Give how many attempts were seen and how many the kernel counted, where both are known.

        What happened in a namespace before it was met, or after its last witness had ended, is in neither.
        """
        for netns, known in list(self._known.items()):
            # The kernel counts a connect after the probe does: so its count is read first.
            opens = active_opens(known.process, known.file) if known.process else None
            sent = self._sent(netns)
            if sent is None:
                del self._known[netns]
            elif opens is None:
                known.process = None
            else:
                known.opens, known.sent = opens - known.opens_before, sent - known.sent_before
        told = self._known.values()
        return sum(known.sent for known in told), sum(known.opens for known in told)

    def _meet(self, netns: int, process: Path) -> None:
        """Take a process for the witness of a namespace, if nothing speaks against it.

        A thread may be in another namespace than its process; the process's is then one that others have.
        """
        file, link = inode(process / "net/snmp"), inode(process / "ns/net")
        if file is None or (link is not None and link != netns):
            return
        known = self._known.get(netns)
        if any(other.file == file for other in self._known.values() if other is not known):
            return
        if known is not None and known.file == file:
            known.process = process
            return
        opens, sent = active_opens(process, file), self._sent(netns)
        if opens is not None and sent is not None:
            self._known[netns] = _Namespace(process, file, opens, sent)


def active_opens(process: Path, file: int | None = None) -> int | None:
    """Read how many connects the kernel has counted in the namespace of a process.

    None when the process is gone, or its snmp file is not the one with inode number `file`.
    """
    try:
        with (process / "net/snmp").open(encoding="ascii") as snmp:
            if file not in (None, os.fstat(snmp.fileno()).st_ino):
                return None
            names, values = (line.split() for line in snmp if line.startswith("Tcp:"))
    except (OSError, ValueError):
        return None
    return int(values[names.index("ActiveOpens")])


def inode(path: Path) -> int | None:
    """Give the inode number behind a path; None when there is none, or we may not see it."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def started_before(process: Path, moment_ns: int) -> bool:
    """Whether a process had begun by a moment (CLOCK_MONOTONIC), so that its id was not reused since."""
    try:
        after_comm = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return False
    began_ns = int(after_comm[19]) * SECOND_NS // os.sysconf("SC_CLK_TCK")  # field 22, since boot
    suspended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return began_ns - suspended_ns <= moment_ns
