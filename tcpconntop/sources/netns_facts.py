"""Reads facts of one network namespace: local ports in use, accept queues, own addresses.

The tables in /proc/PID/net are those of the namespace of that process, for everybody. Settings in
/proc/sys/net are always those of the namespace of the reader, so the range of local ports of another
namespace is not known. What cannot be read is left out.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tcpconntop.core.window.host import Destination, ListenQueue, NetnsFacts, QueueCount
from tcpconntop.sources.listeners import listeners_of, own_listeners
from tcpconntop.sources.sockets import count_ports_in_use

MIN_PORT_SHARE = 0.1
"""Destinations that use a smaller share of the local ports are left out."""

ALL_PORTS = (1, 65_535)
"""The local ports that are counted where the range is not known."""

MIN_PORTS_USED = 100
"""Destinations that use fewer local ports are left out where the range is not known."""

QUEUE_RETENTION_NS = 960_000_000_000
"""How long counts of accept queues are kept: a minute longer than the longest window (15 minutes)."""

MAX_TRIE_BYTES = 1 << 20
"""Longer tables of IPv4 routes are not read: then only the loopback is known to be local."""

_SIOCGIFCONF, _IFREQ_BYTES, _MAX_ADDRESSES = 0x8912, 40, 1024


class NetnsReader:
    """Reads the facts of one network namespace.

    Args:
        net: folder of the kernel's network tables, such as /proc/PID/net.
        settings: folder of the kernel's IPv4 settings of that namespace; None for another one's.
    """

    def __init__(self, net: Path, settings: Path | None) -> None:
        self.net, self._settings = net, settings
        self.facts = NetnsFacts(own=settings is not None)

    def read_queues(self, now_ns: int) -> None:
        """Read the counts of accept queues alone: what later counts are compared with."""
        self.facts = replace(self.facts, queues=self._queues(now_ns))

    def read(self, now_ns: int) -> None:
        """Read everything but the ports in use."""
        self.facts = replace(
            self.facts,
            ports=self._ports(),
            reserved=self._reserved(),
            queues=self._queues(now_ns),
            listeners=self._listeners(now_ns),
            addresses=self._addresses(),
        )

    def read_port_use(self) -> None:
        """Read how many local ports are in use, if there are so many sockets that they may run out."""
        count, total = self._socket_count(), self.facts.port_count
        ports = self.facts.ports or ALL_PORTS
        least = round(total * MIN_PORT_SHARE) if total else MIN_PORTS_USED
        use: Mapping[Destination, int] = {}
        if count >= (total // 2 if total else MIN_PORTS_USED):
            reuse = self._setting("tcp_tw_reuse")
            use = count_ports_in_use(self.net, ports, least, int(reuse[0]) if reuse else 0)
        self.facts = replace(self.facts, port_use=use)

    def _lines(self, path: Path) -> list[list[str]]:
        """Return the words of each line of a file; nothing if it cannot be read."""
        try:
            return [line.split() for line in path.read_text("ascii").splitlines() if line]
        except (OSError, UnicodeDecodeError):
            return []

    def _setting(self, name: str) -> list[str]:
        lines = self._lines(self._settings / name) if self._settings else []
        return lines[0] if lines else []

    def _ports(self) -> tuple[int, int] | None:
        words = self._setting("ip_local_port_range")
        return (int(words[0]), int(words[1])) if words else None

    def _reserved(self) -> int:
        """Return how many of the local ports are reserved: a list such as `8080,9000-9100`."""
        ports, words = self._ports(), self._setting("ip_local_reserved_ports")
        if not ports or not words:
            return 0
        spans = [part.partition("-")[::2] for part in words[0].split(",")]
        first_last = [(int(first), int(last or first)) for first, last in spans]
        return sum(max(0, min(last, ports[1]) - max(first, ports[0]) + 1) for first, last in first_last)

    def _queues(self, now_ns: int) -> tuple[QueueCount, ...]:
        """Return the counts of full accept queues, with the current one appended if it is new."""
        lines = [line for line in self._lines(self.net / "netstat") if line and line[0] == "TcpExt:"]
        counters = dict(zip(*lines, strict=False)) if len(lines) == 2 else {}
        kept = self.facts.queues
        if not {"ListenOverflows", "ListenDrops"} <= counters.keys():
            return kept
        count = QueueCount(now_ns, int(counters["ListenOverflows"]), int(counters["ListenDrops"]))
        if kept and replace(count, at_ns=kept[-1].at_ns) == kept[-1]:
            return kept
        n_old = sum(older.at_ns < now_ns - QUEUE_RETENTION_NS for older in kept[:-1])
        # The first count stays: it is the base of the growth since tracing began.
        return (*kept[:1], *kept[max(n_old, 1) :], count)

    def _listeners(self, now_ns: int) -> Mapping[Destination, ListenQueue]:
        """Return the listeners now, and those that were full before as they were then."""
        now = own_listeners(now_ns) if self.facts.own else None
        if now is None:
            now = listeners_of(self.net, now_ns)
        oldest_ns = now_ns - QUEUE_RETENTION_NS
        for destination, queue in self.facts.listeners.items():
            full = queue.is_full and queue.at_ns >= oldest_ns
            if full and not (destination in now and now[destination].is_full):
                now[destination] = queue
        return now

    def _addresses(self) -> frozenset[bytes]:
        ipv6 = (bytes.fromhex(line[0]) for line in self._lines(self.net / "if_inet6"))
        ipv4 = _own_ipv4_addresses() if self.facts.own else self._local_routes()
        return frozenset([*ipv4, *ipv6])

    def _local_routes(self) -> list[bytes]:
        """Return the IPv4 addresses that are local by the table of routes, 16 bytes each.

        |-- 10.0.0.7
           /32 host LOCAL
        """
        addresses, leaf = [], ""
        try:
            with (self.net / "fib_trie").open(encoding="ascii") as trie:
                text = trie.read(MAX_TRIE_BYTES)
        except (OSError, UnicodeDecodeError):
            return []
        for line in text.splitlines() if len(text) < MAX_TRIE_BYTES else ():
            words = line.split()
            if words[:1] == ["|--"]:
                leaf = words[1]
            elif words == ["/32", "host", "LOCAL"]:
                addresses.append(socket.inet_aton(leaf).ljust(16, b"\0"))
        return addresses

    def _socket_count(self) -> int:
        """Return the number of TCP sockets, including those in TIME_WAIT."""
        lines = [line for name in ("sockstat", "sockstat6") for line in self._lines(self.net / name)]
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
