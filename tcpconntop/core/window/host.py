"""What is known of the traced host beside its connects: local ports, accept queues, its own addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcpconntop.core.wire import address_bytes

Destination = tuple[bytes, int, int]
"""Address as in the record (16 bytes), family (4 or 6) and port."""

LOOPBACK_6 = address_bytes("::1")[0]


@dataclass(frozen=True)
class QueueCount:
    """What the kernel has counted of full accept queues up to a moment.

    Attributes:
        at_ns: the moment, on the clock of the records.
        overflows: handshakes that found an accept queue full (`ListenOverflows`).
        drops: SYNs that listeners dropped for whatever reason (`ListenDrops`).
    """

    at_ns: int
    overflows: int
    drops: int


@dataclass(frozen=True)
class HostFacts:
    """One look at the network namespace of the interface. What could not be read is empty.

    Attributes:
        ports: first and last local port that connects may take (`ip_local_port_range`).
        port_use: how many of them are in use towards a destination, for those that use a good part.
        queues: counts of accept queues, oldest first: one for each change, the first as a start.
        addresses: the host's own addresses as in the record (16 bytes), those of the loopback left out.
    """

    ports: tuple[int, int] | None = None
    port_use: Mapping[Destination, int] = field(default_factory=dict)
    queues: tuple[QueueCount, ...] = ()
    addresses: frozenset[bytes] = frozenset()

    @property
    def port_count(self) -> int:
        """How many local ports there are; 0 where that is not known."""
        return self.ports[1] - self.ports[0] + 1 if self.ports else 0

    def is_local(self, address: bytes, family: int) -> bool:
        """Whether an address of a record is this host's own."""
        loopback = address[0] == 127 if family == 4 else address == LOOPBACK_6
        return loopback or address in self.addresses

    def queue_growth(self, since_ns: int) -> QueueCount:
        """Give what came to the counts of accept queues since a moment; `at_ns` is the last change."""
        if not self.queues:
            return QueueCount(since_ns, 0, 0)
        last = self.queues[-1]
        base = next((past for past in reversed(self.queues) if past.at_ns <= since_ns), self.queues[0])
        return QueueCount(last.at_ns, last.overflows - base.overflows, last.drops - base.drops)
