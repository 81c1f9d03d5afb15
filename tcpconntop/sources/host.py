"""Keeps the facts of the network namespaces in which connects fail or are slow.

Reading must never fail or slow down the trace: few namespaces, rarely, and for at most 2 % of the time, but
once a minute at least: older facts explain nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.wire import Events, Outcome
from tcpconntop.sources.completeness import inode_number
from tcpconntop.sources.netns_facts import NetnsReader

READ_INTERVAL_NS = 2_000_000_000
"""Least time between two readings."""

MAX_TIME_SHARE = 0.02
"""Share of the time that may be spent on reading."""

MAX_PAUSE_NS = 60 * SECOND_NS
"""Longest time between two readings, however long one takes."""

MAX_READ = 16
"""Namespaces that are read, those with the latest trouble; and new ones whose counters are read at once."""

MAX_KNOWN = 256
"""Namespaces whose counters of accept queues are kept to compare later ones with."""

References = Mapping[int, tuple[Path, int]]
"""Folder of a process of a namespace, and the inode number of its snmp file, by the namespace's number."""


class HostWatch:
    """Reads facts by network namespace, at most every `READ_INTERVAL_NS`.

    Args:
        references: returns a process of each namespace that has one.
        settings: folder of the kernel's IPv4 settings, which are those of the own namespace.
        own: number of the own namespace; by default that of this thread.
    """

    def __init__(
        self,
        references: Callable[[], References],
        settings: Path = Path("/proc/sys/net/ipv4"),
        own: int | None = None,
    ) -> None:
        self._references, self._settings = references, settings
        self._own = own if own is not None else inode_number(Path("/proc/thread-self/ns/net")) or 0
        self._readers: dict[int, tuple[NetnsReader, int]] = {}  # with the inode number of the snmp file
        self._troubled: dict[int, None] = {self._own: None}  # ordered: the latest trouble last
        self._facts: HostFacts = {}
        self._next_read_ns = self._next_sockets_ns = 0

    def note(self, events: Events) -> None:
        """Note the namespaces of connects that failed, or whose SYN was sent again."""
        troubled = (events["outcome"] != Outcome.OK) | (events["syn_retransmits"] > 0)
        if not troubled.any():
            return
        for netns in np.unique(events["netns"][troubled])[:MAX_READ].tolist():
            self._troubled.pop(netns, None)
            self._troubled[netns] = None
        while len(self._troubled) > MAX_READ:
            del self._troubled[next(iter(self._troubled))]

    def read(self, now_ns: int) -> HostFacts:
        """Return the facts by namespace: `READ_INTERVAL_NS` old at most or, if reading is slow, a minute."""
        if now_ns >= self._next_read_ns:
            began_ns = time.monotonic_ns()
            self._read(now_ns, self._references())
            took_ns = time.monotonic_ns() - began_ns
            self._next_read_ns = now_ns + max(READ_INTERVAL_NS, pause_ns(took_ns))
            if now_ns >= self._next_sockets_ns:
                self._read_port_use(now_ns)
            self._facts = {n: self._readers[n][0].facts for n in self._troubled if n in self._readers}
        return self._facts

    def _read(self, now_ns: int, references: References) -> None:
        new = [netns for netns in references if netns not in self._readers]
        for netns in {*new[:MAX_READ], *self._troubled} & references.keys():
            process, inode = references[netns]
            reader = self._reader(netns, process, inode)
            before = reader.facts
            (reader.read if netns in self._troubled else reader.read_queues)(now_ns)
            if inode_number(process / "net/snmp") != inode:  # the process is gone, or in another namespace
                reader.facts = before
        while len(self._readers) > MAX_KNOWN:
            del self._readers[next(iter(self._readers))]

    def _read_port_use(self, now_ns: int) -> None:
        """Read the tables of sockets, which take the longest: 2 µs a socket."""
        began_ns = time.monotonic_ns()
        for netns in self._troubled:
            if netns in self._readers:
                reader, inode = self._readers[netns]
                before = reader.facts
                reader.read_port_use()
                if inode_number(reader.net / "snmp") != inode:
                    reader.facts = before
        self._next_sockets_ns = now_ns + pause_ns(time.monotonic_ns() - began_ns)

    def _reader(self, netns: int, process: Path, inode: int) -> NetnsReader:
        """Return the reader of a namespace; a new one if its number was given to another namespace."""
        reader, known = self._readers.get(netns, (None, inode))
        settings = self._settings if netns == self._own else None
        if reader is None or known != inode:
            reader = NetnsReader(process / "net", settings)
        reader.net = process / "net"
        self._readers[netns] = reader, inode
        return reader


def pause_ns(took_ns: int) -> int:
    """Return how long not to read after a reading that took so long, in nanoseconds."""
    return min(round(took_ns / MAX_TIME_SHARE), MAX_PAUSE_NS)
