"""Accept queues of listeners: how many connections wait in each, and how many may.

`sock_diag(7)` tells both to everybody, but only of the own network namespace. The tables /proc/PID/net/tcp
and tcp6 list the listeners of the namespace of that process first, without their backlog.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

from tcpconntop.core.window.host import Destination, ListenQueue

MAX_LISTENERS = 4096
"""Upper bound of the listeners that are read of one table."""

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST, _NLM_F_DUMP, _NLMSG_DONE = 1, 0x300, 3
_TCP_LISTEN = 10
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48x")
"""struct inet_diag_req_v2: family, protocol, extensions, mask of states; the rest asks for all sockets."""
_FAMILY, _PORTS, _SADDR, _QUEUES = 0, 4, 8, 56
"""Offsets in struct inet_diag_msg: family; ports; source address; accept queue and backlog."""
_MIN_MESSAGE = 72


def own_listeners(now_ns: int) -> dict[Destination, ListenQueue] | None:
    """Return the listeners of the own network namespace; None if the kernel does not tell."""
    listeners: dict[Destination, ListenQueue] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as query:
            query.settimeout(0.2)
            for number, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                _dump(query, number, int(family), listeners, now_ns)
    except (OSError, struct.error):
        return None
    return listeners


def _dump(
    query: socket.socket, number: int, family: int, listeners: dict[Destination, ListenQueue], now_ns: int
) -> None:
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 1 << _TCP_LISTEN)
    flags = _NLM_F_REQUEST | _NLM_F_DUMP
    query.send(_HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, flags, number, 0) + request)
    for _ in range(MAX_LISTENERS):
        answer = query.recv(1 << 16)
        while len(answer) >= _HEADER.size:
            size, kind, _, sequence, _ = _HEADER.unpack_from(answer)
            message, answer = answer[_HEADER.size : size], answer[(size + 3) & ~3 :]
            if sequence != number:
                continue
            if kind == _NLMSG_DONE:
                return
            if kind != _SOCK_DIAG_BY_FAMILY or len(message) < _MIN_MESSAGE:
                raise OSError("the kernel does not list listeners")  # NLMSG_ERROR: no inet_diag
            is_ipv6 = message[_FAMILY] == socket.AF_INET6
            address = (
                message[_SADDR : _SADDR + 16] if is_ipv6 else message[_SADDR : _SADDR + 4].ljust(16, b"\0")
            )
            (port,) = struct.unpack_from("!H", message, _PORTS)
            waiting, backlog = struct.unpack_from("=II", message, _QUEUES)
            _add(listeners, (address, 6 if is_ipv6 else 4, port), ListenQueue(now_ns, waiting, backlog))


def listeners_of(net: Path, now_ns: int) -> dict[Destination, ListenQueue]:
    """Return the listeners in the tables of a folder like /proc/PID/net, without their backlog."""
    listeners: dict[Destination, ListenQueue] = {}
    for name, family in (("tcp", 4), ("tcp6", 6)):
        try:
            with (net / name).open(encoding="latin-1", buffering=4096) as table:
                table.readline()  # the column titles
                for _, line in zip(range(MAX_LISTENERS), table, strict=False):
                    _, local, _, state, queues, *_ = line.split()
                    if int(state, 16) != _TCP_LISTEN:
                        break  # listeners come first
                    address, port = local.split(":")
                    destination = (_address(address), family, int(port, 16))
                    _add(listeners, destination, ListenQueue(now_ns, int(queues.split(":")[1], 16), None))
        except (OSError, ValueError):
            continue
    return listeners


def _add(listeners: dict[Destination, ListenQueue], destination: Destination, queue: ListenQueue) -> None:
    """Keep the fullest of several listeners of one port (SO_REUSEPORT)."""
    other = listeners.get(destination)
    if other is None or (queue.is_full, queue.waiting) > (other.is_full, other.waiting):
        listeners[destination] = queue


def _address(text: str) -> bytes:
    """Return an address of a table as in a record: network byte order, 16 bytes."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return raw.ljust(16, b"\0")
