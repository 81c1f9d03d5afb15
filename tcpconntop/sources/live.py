"""This machine's connects, as they end: the kernel's records, its counters, and its own count beside them."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.kernel.cgroup_units import UnitResolver
from tcpconntop.kernel.launch import Loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session
from tcpconntop.sources.completeness import Completeness
from tcpconntop.sources.host import HostWatch


class Live:
    """A `Source` of real connects. Making one blocks until the probes are attached.

    Args:
        loader: a started loader; whether it goes or stays is no more the caller's concern.
        request: what to trace.
        label: what the dashboard calls the data.

    Raises:
        TracerError: tracing cannot start.
    """

    def __init__(self, loader: Loader, request: TraceRequest) -> None:
        self._session = open_session(loader, request)
        self._units = UnitResolver()
        self._host = HostWatch()
        self._filtered = request.filters_attempts
        session = self._session
        self.info = SourceInfo(
            socket.gethostname(), session.kernel, session.probe, session.transport, "live", session.notes
        )
        self._namespaces = Completeness(session.sent_attempts)
        self.host()  # what grows from now on is told

    @property
    def ended(self) -> bool:
        """Whether it was closed; connects never end by themselves."""
        return not self._session.fds

    def read(self, timeout_s: float) -> Events:
        """Give the records that are ready."""
        events = self._session.read(timeout_s)
        self._units.resolve(events)
        self._namespaces.find_reference_processes(events)
        return events

    def units(self) -> Mapping[int, str | None]:
        """Give the systemd units, containers and pods of the records so far, by `cgroup_id`."""
        return self._units.names

    def ledger(self) -> Ledger:
        """Give the kernel side's totals, held against the kernel's own count."""
        seen, opens = self._namespaces.compare()
        counters = self._session.counters()
        return Ledger(
            attempts=counters.attempts,
            outcomes=counters.outcomes,
            syn_retransmits=counters.syn_retransmits,
            lost_records=counters.ring_drops,
            lost_starts=counters.start_failures,
            below_minimum=counters.below_minimum,
            completeness=None if self._filtered or opens <= 0 else min(seen / opens, 1.0),
        )

    def host(self) -> HostFacts:
        """Give what is known of this network namespace."""
        return self._host.read(self.now_ns())

    player = None
    """It is no recording."""

    def now_ns(self) -> int:
        """Give the monotonic clock, which is the kernel side's."""
        return time.monotonic_ns()

    def wall_offset_ns(self) -> int:
        """Give what to add to the monotonic clock for Unix time."""
        return time.time_ns() - time.monotonic_ns()

    def close(self) -> None:
        """Detach the probes."""
        self._session.close()
