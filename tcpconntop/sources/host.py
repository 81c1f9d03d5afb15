"""Looks at this network namespace now and then: local ports, accept queues, addresses.

Nothing here may fail the trace: what cannot be read is left out. Nothing may take long either: the table
of sockets, the only one that grows, is read only when there are so many of them that ports can run out,
and then so seldom that it takes 2 % of the time.
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
"""Least time between two looks."""

MAX_TIME_SHARE = 0.02
"""Share of the time that reading the table of sockets may take."""

MIN_PORT_SHARE = 0.1
"""Share of the local ports from which on their use towards a destination is told."""

QUEUE_RETENTION_NS = 960_000_000_000
"""How long counts of accept queues are kept: the longest window, and a bit."""

_SIOCGIFCONF, _IFREQ_BYTES, _MOST_ADDRESSES = 0x8912, 40, 1024


class HostWatch:
    """Keeps an eye on this network namespace.

    Args:
        net: where the kernel tells about it.
        settings: where its IPv4 settings are.
    """

    def __init__(
        self, net: Path = Path("/proc/self/net"), settings: Path = Path("/proc/sys/net/ipv4")
    ) -> None:
        self._net, self._settings = net, settings
        self._facts = HostFacts()
        self._look_ns = self._sockets_ns = 0

    def read(self, now_ns: int) -> HostFacts:
        """Give what is known: what the last look told, if that was just now."""
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + READ_INTERVAL_NS
            ports = self._ports()
            use, queues = self._port_use(now_ns, ports), self._queues(now_ns)
            self._facts = HostFacts(ports, use, queues, self._addresses())
        return self._facts

    def _lines(self, path: Path) -> list[list[str]]:
        """Give the words of each line of a file; none where it cannot be read."""
        try:
            return [line.split() for line in path.read_text("ascii").splitlines() if line]
        except (OSError, UnicodeDecodeError):
            return []

    def _ports(self) -> tuple[int, int] | None:
        lines = self._lines(self._settings / "ip_local_port_range")
        return (int(lines[0][0]), int(lines[0][1])) if lines else None

    def _queues(self, now_ns: int) -> tuple[QueueCount, ...]:
        """Read the counts of full accept queues, and keep them when they have changed."""
        lines = [line for line in self._lines(self._net / "netstat") if line and line[0] == "TcpExt:"]
        known = dict(zip(*lines, strict=False)) if len(lines) == 2 else {}
        kept = self._facts.queues
        if not {"ListenOverflows", "ListenDrops"} <= known.keys():
            return kept
        count = QueueCount(now_ns, int(known["ListenOverflows"]), int(known["ListenDrops"]))
        if kept and replace(count, at_ns=kept[-1].at_ns) == kept[-1]:
            return kept
        old = sum(past.at_ns < now_ns - QUEUE_RETENTION_NS for past in kept[:-1])
        return (*kept[:1], *kept[max(old, 1) :], count)

    def _addresses(self) -> frozenset[bytes]:
        own_6 = (bytes.fromhex(line[0]) for line in self._lines(self._net / "if_inet6"))
        return frozenset([*_own_4(), *own_6])

    def _port_use(self, now_ns: int, ports: tuple[int, int] | None) -> Mapping[Destination, int]:
        if ports is None or now_ns < self._sockets_ns:
            return self._facts.port_use
        total = ports[1] - ports[0] + 1
        if self._sockets() < total // 2:
            return {}
        reuse = self._lines(self._settings / "tcp_tw_reuse")
        began_ns = time.monotonic_ns()
        use = count_ports_in_use(
            self._net, ports, round(total * MIN_PORT_SHARE), int(reuse[0][0]) if reuse else 0
        )
        took_ns = time.monotonic_ns() - began_ns
        self._sockets_ns = now_ns + round(took_ns / MAX_TIME_SHARE)
        return use

    def _sockets(self) -> int:
        """Give how many TCP sockets there are, those in TIME_WAIT among them."""
        lines = [line for name in ("sockstat", "sockstat6") for line in self._lines(self._net / name)]
        counts = [
            dict(zip(line[1::2], line[2::2], strict=False)) for line in lines if line[0] in ("TCP:", "TCP6:")
        ]
        return sum(int(count.get(name, 0)) for count in counts for name in ("inuse", "tw"))


def _own_4() -> list[bytes]:
    """Give the IPv4 addresses of the interfaces (netdevice(7)), as in the record."""
    found = array("B", bytes(_IFREQ_BYTES * _MOST_ADDRESSES))
    request = struct.pack("iP", len(found), found.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            answer = fcntl.ioctl(asked, _SIOCGIFCONF, request)
    except OSError:
        return []
    used = struct.unpack_from("i", answer)[0]
    raw = found.tobytes()
    return [raw[at + 20 : at + 24].ljust(16, b"\0") for at in range(0, used, _IFREQ_BYTES)]
