"""Known connects. Counts are prime, so that a result that is wrong by a factor is visible."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tcpconntop.kernel.session import Session

_libc = ctypes.CDLL(None, use_errno=True)

SO_RCVBUFFORCE = 33
ETH_P_IPV6 = 0x86DD
BPF_MAP_UPDATE_ELEM = 2
BPF_MAP_GET_NEXT_KEY, BPF_MAP_GET_FD_BY_ID = 4, 14
_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}


TCP_FASTOPEN, TCP_FASTOPEN_CONNECT = 23, 30
_FASTOPEN = Path("/proc/sys/net/ipv4/tcp_fastopen")


@contextmanager
def fast_open_listener() -> Iterator[socket.socket]:
    """A listener whose cookie this host has: a connect to it waits for the first data."""
    before = _FASTOPEN.read_text()
    _FASTOPEN.write_text("3")
    try:
        with listener() as server:
            server.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 5)
            with fast_open(server) as first:
                first.send(b"?")
                server.accept()[0].close()
            yield server
    finally:
        _FASTOPEN.write_text(before)


def fast_open(server: socket.socket) -> socket.socket:
    """Connect with TCP Fast Open; return the client, whose SYN leaves with the first data."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    client.connect(server.getsockname())
    return client


@contextmanager
def listener(host: str = "127.0.0.1", backlog: int = 128) -> Iterator[socket.socket]:
    """A listener. Skips the test if it asks for IPv6 and the kernel has none."""
    with socket_v6() if ":" in host else socket.socket() as server:
        server.bind((host, 0))
        server.listen(backlog)
        yield server


def socket_v6() -> socket.socket:
    try:
        return socket.socket(socket.AF_INET6)
    except OSError as error:
        import pytest

        pytest.skip(f"no IPv6 here ({error.strerror})")


@contextmanager
def closed_port() -> Iterator[int]:
    """A port without a listener, which no other process can get in the meantime."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield port_of(holder)


@contextmanager
def silent_listener(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A listener that leaves SYNs unanswered, because its accept queue is full."""
    with listener(host, backlog=0) as server, socket.socket(server.family) as filler:
        filler.connect(server.getsockname())
        yield server


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def connect(server: socket.socket, times: int) -> list[int]:
    """Connect and close, one after the other. Return the local ports."""
    ports = []
    for _ in range(times):
        with socket.socket(server.family) as client:
            client.connect(server.getsockname())
            ports.append(port_of(client))
            server.accept()[0].close()
    return ports


def start_connect(address: tuple[str, int], **options: int) -> socket.socket:
    """Begin a connect without waiting for it. `options` are TCP socket options by name."""
    client = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    for name, value in options.items():
        client.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    client.setblocking(False)
    client.connect_ex(address)
    return client


def wait_connect(client: socket.socket, timeout_s: float) -> int:
    """Wait for the end of a connect. Return its errno, 0 for success."""
    assert select.select([], [client], [], timeout_s)[1], "still connecting"
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def still_connecting(client: socket.socket, after_s: float) -> bool:
    """True if a connect has not ended after this time."""
    return not select.select([], [client], [], after_s)[1]


def disconnect(client: socket.socket) -> None:
    """connect(AF_UNSPEC): the socket can connect again."""
    address = struct.pack("=H14x", socket.AF_UNSPEC)
    assert _libc.connect(client.fileno(), address, len(address)) == 0, os.strerror(ctypes.get_errno())


def sniffer() -> socket.socket:
    """A raw socket that receives all TCP over IPv4 from now on."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    raw.setblocking(False)
    return raw


def syns(raw: socket.socket, lport: int, dport: int) -> list[bytes]:
    """Return the SYNs between two ports that a sniffer has received so far, as IP packets."""
    packets, ports = [], struct.pack("!HH", lport, dport)
    while True:
        try:
            packet = raw.recv(256)
        except BlockingIOError:
            return packets
        if packet[20:24] == ports:
            packets.append(packet)


def unreachable(client: socket.socket, syn: bytes, code: int) -> None:
    """Answer a SYN like a router that cannot deliver it: ICMP destination unreachable, `code`."""
    header = struct.pack("!BBHI", 3, code, 0, 0) + syn[:28]
    words = struct.unpack(f"!{len(header) // 2}H", header)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    with closing(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)) as raw:
        raw.sendto(header[:2] + struct.pack("!H", checksum) + header[4:], (client.getsockname()[0], 0))


def sniffer_v6() -> socket.socket:
    """A packet socket that receives all IPv6 on the loopback from now on, as IP packets."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
    packets.bind(("lo", ETH_P_IPV6))
    packets.setblocking(False)
    return packets


def syn_v6(packets: socket.socket, lport: int, dport: int) -> bytes:
    """Return the first SYN between two ports that a sniffer has received."""
    while True:
        packet = packets.recv(256)
        if packet[6] == socket.IPPROTO_TCP and packet[40:44] == struct.pack("!HH", lport, dport):
            return packet


def unreachable_v6(syn: bytes, code: int) -> None:
    """Answer a SYN with ICMPv6 destination unreachable; the kernel fills in the checksum."""
    with closing(socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)) as raw:
        raw.sendto(struct.pack("!BBHI", 1, code, 0, 0) + syn, ("::1", 0))


def is_empty(map_fd: int) -> bool:
    """True if a BPF hash map with keys of 8 bytes has no entry."""
    key = ctypes.create_string_buffer(8)
    attributes = ctypes.create_string_buffer(struct.pack("=IIQQ", map_fd, 0, 0, ctypes.addressof(key)), 32)
    result = _libc.syscall(_BPF_SYSCALL[os.uname().machine], BPF_MAP_GET_NEXT_KEY, attributes, 32)
    return bool(result < 0)


def update_map(map_fd: int, value_bytes: int) -> str:
    """Write zeros into the first entry of an array; return the name of the errno, 0 for success."""
    key, value = ctypes.create_string_buffer(4), ctypes.create_string_buffer(value_bytes)
    addresses = ctypes.addressof(key), ctypes.addressof(value)
    attributes = ctypes.create_string_buffer(struct.pack("=IIQQQ", map_fd, 0, *addresses, 0), 32)
    result = _libc.syscall(_BPF_SYSCALL[os.uname().machine], BPF_MAP_UPDATE_ELEM, attributes, 32)
    return errno.errorcode[ctypes.get_errno()] if result < 0 else "0"


@cache
def open_map(session: Session, name: str) -> int:
    """Return a descriptor of a map that the session itself does not get; tests have the privileges."""
    for link, descriptor in session.fds.items():
        described = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        if not link.startswith("link:") or "prog_id:" not in described:
            continue
        program = bpftool("prog", "show", "id", described.partition("prog_id:")[2].split()[0])
        for number in program["map_ids"]:
            if bpftool("map", "show", "id", str(number))["name"] == name:
                attributes = ctypes.create_string_buffer(struct.pack("=I", number), 32)
                opened = _libc.syscall(_BPF_SYSCALL[os.uname().machine], BPF_MAP_GET_FD_BY_ID, attributes, 32)
                assert opened >= 0, os.strerror(ctypes.get_errno())
                return int(opened)
    raise AssertionError(f"no program uses {name}")


def bpftool(*arguments: str) -> Any:
    return json.loads(subprocess.run(["bpftool", "-j", *arguments], capture_output=True, check=True).stdout)


def nothing_left(session: Session) -> bool:
    """True if the maps hold no attempt and no call."""
    return all(is_empty(open_map(session, name)) for name in ("tct_start", "tct_calls"))
