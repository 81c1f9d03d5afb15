"""A source of the connects of several hosts, each of which sends a stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.hosts import MAX_HOSTS, distinct_names
from tcpconntop.core.places import Places
from tcpconntop.core.window.ledger import Ledger, sum_of_ledgers
from tcpconntop.core.window.snapshot import STREAM, SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.feed import Connection, Feed
from tcpconntop.recording.one_of_hosts import HostRead
from tcpconntop.recording.played import PlayedNames

Target = tuple[str, Callable[[], Connection], bool]
"""Name, what connects to it, and whether it is connected to again."""


class Fleet:
    """A `Source` of the connects of several hosts.

    Each host is read by a thread of its own, so a slow one holds up nobody. What has come is returned at
    once; the clock is ours, as Unix time.

    Args:
        targets: the hosts.
        say: called with a line for the user when the state of a host has changed.

    Attributes:
        names: the names of the hosts, which differ.
        last_reads: what the last `read` has taken.

    Raises:
        FatalError: there are too many.
    """

    def __init__(self, targets: Sequence[Target], say: Callable[[str], object] = lambda _: None) -> None:
        if len(targets) > MAX_HOSTS:
            raise FatalError(f"at most {MAX_HOSTS} hosts can be shown together")
        self.names = distinct_names([name for name, _, _ in targets])
        self._began_ns, self._began_s = time.time_ns(), time.monotonic_ns()
        self._info = SourceInfo(f"{len(targets)} hosts" if len(targets) > 1 else "1 host", "", "", "", STREAM)
        self._names_so_far = PlayedNames()
        self.last_reads: list[HostRead] = []
        self._news = threading.Event()
        self._closed = False
        self._feeds = [
            Feed(number, name, connect, again=again, arrived=self._news.set, say=say)
            for number, (name, (_, connect, again)) in enumerate(zip(self.names, targets, strict=True), 1)
        ]
        for feed in self._feeds:
            feed.start()

    @property
    def info(self) -> SourceInfo:
        """What is known of each host."""
        hosts = tuple(feed.host() for feed in self._feeds)
        return replace(self._info, notes=self._names_so_far.notes, hosts=hosts)

    @property
    def ended(self) -> bool:
        """True if no host is connected to again, and everything was read."""
        return self._closed or all(feed.ended for feed in self._feeds)

    def read(self, timeout_s: float) -> Events:
        """Return what has come from all hosts; wait for it at most `timeout_s`."""
        reads = self._take()
        if not reads and timeout_s > 0 and not self.ended:
            self._news.wait(timeout_s)
            self._news.clear()
            reads = self._take()
        for read in reads:
            self._names_so_far.take(read)
        self.last_reads = reads
        parts = [read.events for read in sorted(reads, key=lambda read: read.now_ns) if len(read.events)]
        return np.concatenate(parts) if parts else np.empty(0, EVENT)

    def _take(self) -> list[HostRead]:
        return [read for feed in self._feeds for read in feed.take()]

    player = None
    """None: streams can only be played forward."""

    def wake(self) -> None:
        """Make a waiting `read` return now."""
        self._news.set()

    def ledger(self) -> Ledger:
        """Return the totals of all hosts."""
        return sum_of_ledgers([feed.ledger() for feed in self._feeds])

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups of the records so far."""
        return self._names_so_far.units()

    def places(self) -> Places:
        """Return the names of places, and of the hosts."""
        places = self._names_so_far.places
        return Places(places.interfaces, places.namespaces, self.names, places.inodes)

    def host(self) -> None:
        """Return None: facts of other hosts are not sent."""

    def now_ns(self) -> int:
        """Return our Unix time, which never goes back."""
        return self._began_ns + time.monotonic_ns() - self._began_s

    def wall_offset_ns(self) -> int:
        """Return 0: the clock is Unix time."""
        return 0

    def close(self) -> None:
        """Stop. Idempotent."""
        self._closed = True
        for feed in self._feeds:
            feed.request_end()
        for feed in self._feeds:
            feed.close()
