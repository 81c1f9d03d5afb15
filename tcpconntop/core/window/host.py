"""What is known of the traced host apart from its connects: local ports, accept queues, its addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcpconntop.core.wire import address_bytes

Destination = tuple[bytes, int, int]
"""Address as in the record (16 bytes), family (4 or 6) and port."""

LOOPBACK_6 = address_bytes("::1")[0]


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


@dataclass(frozen=True)
class HostFacts:
    """Facts about the network namespace of this program at one moment. What could not be read is empty.

    Attributes:
        ports: first and last local port that connects may use (`ip_local_port_range`).
        port_use: how many of them are in use towards a destination, for destinations that use many.
        queues: counts of accept queues, oldest first: the first reading, then one for each change.
        addresses: the host's own addresses as in the record (16 bytes), without those of the loopback.
    """

    ports: tuple[int, int] | None = None
    port_use: Mapping[Destination, int] = field(default_factory=dict)
    queues: tuple[QueueCount, ...] = ()
    addresses: frozenset[bytes] = frozenset()

    @property
    def port_count(self) -> int:
        """How many local ports there are; 0 if that is not known."""
        return self.ports[1] - self.ports[0] + 1 if self.ports else 0

    def is_local(self, address: bytes, family: int) -> bool:
        """True if an address of a record belongs to this host."""
        loopback = address[0] == 127 if family == 4 else address == LOOPBACK_6
        return loopback or address in self.addresses

    def queue_growth(self, since_ns: int) -> QueueCount:
        """Return how much the counts of accept queues grew since a moment; `at_ns` is the last change."""
        if not self.queues:
            return QueueCount(since_ns, 0, 0)
        last = self.queues[-1]
        base = next((past for past in reversed(self.queues) if past.at_ns <= since_ns), self.queues[0])
        return QueueCount(last.at_ns, last.overflows - base.overflows, last.drops - base.drops)
