"""What is known of the traced host apart from its connects, for each network namespace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tcpconntop.core.wire import address_bytes

Destination = tuple[bytes, int, int]
"""Address as in the record (16 bytes), family (4 or 6) and port."""

LOOPBACK_6 = address_bytes("::1")[0]


def is_loopback(address: bytes, family: int) -> bool:
    """Return True for an address (16 bytes, as in the record) of the loopback."""
    return address[0] == 127 if family == 4 else address == LOOPBACK_6


@dataclass(frozen=True)
class QueueCount:
    """The kernel's counts of full accept queues at one moment.

    Attributes:
        at_ns: the moment, on the clock of the records.
        overflows: handshakes that found an accept queue full (`ListenOverflows`).
        drops: SYNs that listeners dropped for any reason (`ListenDrops`).
    """

    at_ns: int
    overflows: int
    drops: int


class ListenQueue(NamedTuple):
    """The accept queue of a listener, the longest that was seen.

    Attributes:
        at_ns: when it was seen last at this length or longer, on the clock of the records.
        waiting: connections that waited to be accepted.
        backlog: how many may wait; None if that is not known, as in another network namespace.
    """

    at_ns: int
    waiting: int
    backlog: int | None

    @property
    def is_full(self) -> bool:
        """True if it was seen full: the kernel drops handshakes beyond the backlog."""
        return self.backlog is not None and self.waiting > self.backlog


@dataclass(frozen=True)
class NetnsFacts:
    """Facts about one network namespace at one moment. What could not be read is empty.

    Attributes:
        ports: first and last local port that connects may use (`ip_local_port_range`); None if it is not
            known, as in a namespace other than that of this program.
        reserved: how many of `ports` are reserved (`ip_local_reserved_ports`).
        port_use: how many local ports are in use towards a destination, for destinations that use many.
        queues: counts of accept queues, oldest first: the first reading, then one for each change.
        addresses: the namespace's own addresses as in the record (16 bytes), without those of the loopback.
        listeners: listeners with a connection that waits to be accepted, or with a full queue before.
        own: True for the namespace of this program.
    """

    ports: tuple[int, int] | None = None
    port_use: Mapping[Destination, int] = field(default_factory=dict)
    queues: tuple[QueueCount, ...] = ()
    addresses: frozenset[bytes] = frozenset()
    listeners: Mapping[Destination, ListenQueue] = field(default_factory=dict)
    own: bool = True
    reserved: int = 0

    @property
    def port_count(self) -> int:
        """How many local ports there are; 0 if that is not known."""
        return self.ports[1] - self.ports[0] + 1 - self.reserved if self.ports else 0

    def is_local(self, address: bytes, family: int) -> bool:
        """True if an address of a record belongs to this namespace."""
        return is_loopback(address, family) or address in self.addresses

    def until(self, now_ns: int) -> NetnsFacts:
        """Return what was known at an earlier moment: ports are known for the present alone."""
        return replace(
            self,
            ports=None,
            port_use={},
            queues=tuple(reading for reading in self.queues if reading.at_ns <= now_ns),
            listeners={bound: queue for bound, queue in self.listeners.items() if queue.at_ns <= now_ns},
        )

    def queue_growth(self, since_ns: int) -> QueueCount:
        """Return how much the counts of accept queues grew since a moment; `at_ns` is the last change."""
        if not self.queues:
            return QueueCount(since_ns, 0, 0)
        last = self.queues[-1]
        base = next((past for past in reversed(self.queues) if past.at_ns <= since_ns), self.queues[0])
        return QueueCount(last.at_ns, last.overflows - base.overflows, last.drops - base.drops)

    def listen_queue(self, address: bytes, family: int, port: int, since_ns: int) -> ListenQueue | None:
        """Return the accept queue of a destination's listener, if it was seen since a moment."""
        for bound in ((address, family, port), (bytes(16), family, port), (bytes(16), 6, port)):
            queue = self.listeners.get(bound)
            if queue is not None and queue.at_ns >= since_ns:
                return queue
        return None


HostFacts = Mapping[int, NetnsFacts]
"""Facts by the inode number of the network namespace; only of namespaces where connects fail or are slow."""
