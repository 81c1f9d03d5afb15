"""Folders like /proc/PID/net, with tables in the kernel's format, for the tests of what is read there."""

from __future__ import annotations

import sys
from pathlib import Path

from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.wire import address_bytes
from tcpconntop.sources.completeness import inode_number
from tcpconntop.sources.host import HostWatch

PORTS = (40_000, 40_009)
RANGE = range(40_000, 40_010)
SECOND = 1_000_000_000
OWN, OTHER = 77, 88


def words(address: bytes) -> str:
    """Return an address as /proc/net/tcp has it: 32-bit words in the byte order of this machine."""
    parts = [address[at : at + 4] for at in range(0, len(address), 4)]
    return b"".join(part[::-1] if sys.byteorder == "little" else part for part in parts).hex().upper()


def line(number: int, saddr: str, lport: int, daddr: str, dport: int, state: int = 1, size: int = 4) -> str:
    ends = [
        f"{words(_sized(address, size))}:{port:04X}" for address, port in ((saddr, lport), (daddr, dport))
    ]
    text = f"{number:4d}: {ends[0]} {ends[1]} {state:02X} 00000000:00000000 02:000A 00000000     0        0 1"
    return f"{text:<149}\n" if size == 4 else f"{text}\n"


def _sized(address: str, size: int) -> bytes:
    raw, family = address_bytes(address)
    if size == 16 and family == 4:
        return b"\0" * 10 + b"\xff\xff" + raw[:4]
    return raw[:size]


class Proc:
    """A folder like /proc/PID with tables, and one like /proc/sys/net/ipv4."""

    def __init__(self, path: Path) -> None:
        self.process, self.net, self.settings = path, path / "net", path / "ipv4"
        self.net.mkdir(parents=True)
        (self.net / "snmp").touch()
        self.settings.mkdir()
        (self.settings / "ip_local_port_range").write_text(f"{PORTS[0]}\t{PORTS[1]}\n")
        self.queues(7, 9)
        self.sockets([])

    def queues(self, overflows: int, drops: int) -> None:
        (self.net / "netstat").write_text(
            f"TcpExt: SyncookiesSent ListenOverflows ListenDrops X\nTcpExt: 1 {overflows} {drops} 4\n"
            "IpExt: InNoRoutes\nIpExt: 3\n"
        )

    def sockets(self, lines: list[str], lines_6: list[str] | None = None, tw: int = 0) -> None:
        for name, table in (("tcp", lines), ("tcp6", lines_6 or [])):
            (self.net / name).write_text("  sl  local_address …\n" + "".join(table))
        (self.net / "sockstat").write_text(
            f"sockets: used 9\nTCP: inuse {len(lines)} orphan 0 tw {tw} alloc 1 mem 1\nUDP: inuse 0 mem 0\n"
        )
        (self.net / "sockstat6").write_text(f"TCP6: inuse {len(lines_6 or [])}\n")

    def reference(self) -> tuple[Path, int]:
        return self.process, inode_number(self.net / "snmp")

    def watch(self, own: int = OWN) -> Watch:
        return Watch(self, own)


class Watch(HostWatch):
    """A watch of namespaces; `OWN` is that of the program unless it is told otherwise."""

    def __init__(self, proc: Proc, own: int) -> None:
        self.known = {OWN: proc.reference()}
        super().__init__(lambda: self.known, proc.settings, own)

    def of_own(self, now_ns: int) -> NetnsFacts:
        return self.read(now_ns)[OWN]


def destination(address: str, port: int) -> tuple[bytes, int, int]:
    return (*address_bytes(address), port)
