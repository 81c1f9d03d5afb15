"""The live source: records and counters of the kernel side, compared with the kernel's own count."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import replace

from tcpconntop.core.places import Places
from tcpconntop.core.window.host import HostFacts
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.kernel.cgroup_units import UnitResolver
from tcpconntop.kernel.launch import Loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import RUSH_S, open_session, receive_session
from tcpconntop.kernel.start_map import max_in_flight
from tcpconntop.sources.completeness import Completeness
from tcpconntop.sources.host import HostWatch
from tcpconntop.sources.losses import LossNotes
from tcpconntop.sources.place_names import PlaceNames


class Live:
    """A `Source` of this machine's connects. The constructor blocks until the probes are attached.

    Args:
        loader: a started loader; closed by this source when it is no longer needed.
        request: what to trace.
        begun: True if the loader has its job already (`job.send_job`).

    Raises:
        TracerError: tracing cannot start.
    """

    def __init__(self, loader: Loader, request: TraceRequest, *, begun: bool = False) -> None:
        self._session = receive_session(loader) if begun else open_session(loader, request)
        self._units = UnitResolver()
        self._places = PlaceNames()
        self._filtered = request.filters_attempts
        session = self._session
        self._info = SourceInfo(
            socket.gethostname(),
            session.kernel,
            session.probe,
            session.transport,
            "live",
            session.notes,
            session.loader,
        )
        self._completeness = Completeness(session.namespaces, session.counters)
        self._losses = LossNotes(max_in_flight(request.max_in_flight))
        self._host = HostWatch(self._completeness.references)
        self.host()  # the counters of the host are shown as growth from now on

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, with notes on what is not known, or was lost, and why."""
        return replace(self._info, notes=(*self._info.notes, *self._units.notes, *self._losses.notes))

    @property
    def ended(self) -> bool:
        """True once the source is closed: live tracing has no end of its own."""
        return not self._session.fds

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready."""
        # While a name is looked for, that goes on every tenth of a second.
        events = self._session.read_soon(min(timeout_s, RUSH_S) if self._units.is_looking else timeout_s)
        self._units.resolve(events)
        self._completeness.watch()
        self._places.resolve(events)
        self._host.note(events)
        return events

    def units(self) -> Mapping[int, str | None]:
        """Return the systemd units, containers and pods of the records so far, by `cgroup_id`."""
        return self._units.names

    def places(self) -> Places:
        """Return the names of the interfaces and network namespaces of the records so far."""
        return self._places.places

    def ledger(self) -> Ledger:
        """Return the kernel side's totals, compared with the kernel's own count."""
        compared = self._completeness.compare()
        counters = self._session.counters()
        self._losses.update(counters, time.time())
        ledger = Ledger(
            attempts=counters.attempts,
            outcomes=counters.outcomes,
            syn_retransmits=counters.syn_retransmits,
            lost_records=counters.ring_drops,
            lost_starts=counters.start_failures,
            below_minimum=counters.below_minimum,
            lost_outcomes=counters.missed_outcomes,
            skipped=counters.skipped,
            namespaces=compared.namespaces,
        )
        if self._filtered:  # the kernel's count knows no filter
            return ledger
        return replace(
            ledger,
            completeness=compared.share(ledger.in_flight),
            unseen=compared.unseen,
            namespaces_compared=compared.compared,
        )

    def host(self) -> HostFacts:
        """Return facts of the own network namespace, and of those where connects fail or are slow."""
        return self._host.read(self.now_ns())

    player = None
    """None: this is not a recording."""

    def now_ns(self) -> int:
        """Return the monotonic clock, which the kernel side uses too."""
        return time.monotonic_ns()

    def wall_offset_ns(self) -> int:
        """Return Unix time minus the monotonic clock, in nanoseconds."""
        return time.time_ns() - time.monotonic_ns()

    def wake(self) -> None:
        """Make a waiting `read` return now."""
        self._session.wake()

    def close(self) -> None:
        """Detach the probes."""
        self._session.close()
