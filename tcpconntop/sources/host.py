"""Reads facts of this network namespace at intervals: local ports in use, accept queues, own addresses.

Reading must never fail or slow down the trace. What cannot be read is left out. The socket table, the only
input that grows, is read only if so many sockets exist that ports may run out, and so rarely that it takes 2
% of the time.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import time
from array import array
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tcpconntop.core.window.host import Destination, HostFacts, QueueCount
from tcpconntop.sources.sockets import count_ports_in_use

READ_INTERVAL_NS = 2_000_000_000
"""Least time between two readings."""

MAX_TIME_SHARE = 0.02
"""Share of the time that may be spent on reading the socket table."""

MIN_PORT_SHARE = 0.1
"""Destinations that use a smaller share of the local ports are left out."""

QUEUE_RETENTION_NS = 960_000_000_000
"""How long counts of accept queues are kept: a minute longer than the longest window (15 minutes)."""

_SIOCGIFCONF, _IFREQ_BYTES, _MAX_ADDRESSES = 0x8912, 40, 1024


class HostWatch:
    """Reads the facts of this network namespace, at most every `READ_INTERVAL_NS`.

    Args:
        net: folder of the kernel's network tables.
        settings: folder of the kernel's IPv4 settings.
    """

    def __init__(
        self, net: Path = Path("/proc/self/net"), settings: Path = Path("/proc/sys/net/ipv4")
    ) -> None:
        self._net, self._settings = net, settings
        self._facts = HostFacts()
        self._next_read_ns = self._next_sockets_ns = 0

    def read(self, now_ns: int) -> HostFacts:
        """Return the facts, not older than `READ_INTERVAL_NS`."""
        if now_ns >= self._next_read_ns:
            self._next_read_ns = now_ns + READ_INTERVAL_NS
            ports = self._ports()
            use, queues = self._port_use(now_ns, ports), self._queues(now_ns)
            self._facts = HostFacts(ports, use, queues, self._addresses())
        return self._facts

    def _lines(self, path: Path) -> list[list[str]]:
        """Return the words of each line of a file; nothing if it cannot be read."""
        try:
            return [line.split() for line in path.read_text("ascii").splitlines() if line]
        except (OSError, UnicodeDecodeError):
            return []

    def _ports(self) -> tuple[int, int] | None:
        lines = self._lines(self._settings / "ip_local_port_range")
        return (int(lines[0][0]), int(lines[0][1])) if lines else None

    def _queues(self, now_ns: int) -> tuple[QueueCount, ...]:
        """Return the counts of full accept queues, with the current one appended if it is new."""
        lines = [line for line in self._lines(self._net / "netstat") if line and line[0] == "TcpExt:"]
        counters = dict(zip(*lines, strict=False)) if len(lines) == 2 else {}
        kept = self._facts.queues
        if not {"ListenOverflows", "ListenDrops"} <= counters.keys():
            return kept
        count = QueueCount(now_ns, int(counters["ListenOverflows"]), int(counters["ListenDrops"]))
        if kept and replace(count, at_ns=kept[-1].at_ns) == kept[-1]:
            return kept
        n_old = sum(older.at_ns < now_ns - QUEUE_RETENTION_NS for older in kept[:-1])
        # The first count stays: it is the base of the growth since tracing began.
        return (*kept[:1], *kept[max(n_old, 1) :], count)

    def _addresses(self) -> frozenset[bytes]:
        ipv6 = (bytes.fromhex(line[0]) for line in self._lines(self._net / "if_inet6"))
        return frozenset([*_own_ipv4_addresses(), *ipv6])

    def _port_use(self, now_ns: int, ports: tuple[int, int] | None) -> Mapping[Destination, int]:
        """Return how many local ports are in use, by destination."""
        if ports is None or now_ns < self._next_sockets_ns:
            return self._facts.port_use
        total = ports[1] - ports[0] + 1
        if self._socket_count() < total // 2:
            return {}
        reuse = self._lines(self._settings / "tcp_tw_reuse")
        began_ns = time.monotonic_ns()
        use = count_ports_in_use(
            self._net, ports, round(total * MIN_PORT_SHARE), int(reuse[0][0]) if reuse else 0
        )
        took_ns = time.monotonic_ns() - began_ns
        self._next_sockets_ns = now_ns + round(took_ns / MAX_TIME_SHARE)
        return use

    def _socket_count(self) -> int:
        """Return the number of TCP sockets, including those in TIME_WAIT."""
        lines = [line for name in ("sockstat", "sockstat6") for line in self._lines(self._net / name)]
        counts = [
            dict(zip(line[1::2], line[2::2], strict=False)) for line in lines if line[0] in ("TCP:", "TCP6:")
        ]
        return sum(int(count.get(name, 0)) for count in counts for name in ("inuse", "tw"))


def _own_ipv4_addresses() -> list[bytes]:
    """Return the IPv4 addresses of the interfaces (netdevice(7)), 16 bytes each, as in a record."""
    buffer = array("B", bytes(_IFREQ_BYTES * _MAX_ADDRESSES))
    request = struct.pack("iP", len(buffer), buffer.buffer_info()[0])  # struct ifconf
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
            answer = fcntl.ioctl(query, _SIOCGIFCONF, request)
    except OSError:
        return []
    used_bytes = struct.unpack_from("i", answer)[0]
    raw = buffer.tobytes()
    return [raw[start + 20 : start + 24].ljust(16, b"\0") for start in range(0, used_bytes, _IFREQ_BYTES)]
