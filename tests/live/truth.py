"""The truth about connects, as the process that makes them knows it. Nothing here asks the product.

It comes from the errno, from `getsockname`, from the process's own clock, and from the socket's TCP_INFO.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import container
import workload

PR_SET_NAME = 15
TCP_INFO_TOTAL_RETRANS, TCP_SYN_SENT = 100, 2
Wait = Callable[[], bool]

_libc = ctypes.CDLL(None, use_errno=True)


def rename(name: str) -> None:
    """Name this thread; the first thread's name is that of the process."""
    _libc.prctl(PR_SET_NAME, name.encode())


@dataclass
class Truth:
    """What is true of one connect; `lport` -1 and `age_s` None where it is not known."""

    cause: str
    pid: int
    comm: str
    thread: str
    netns: int
    daddr: str
    dport: int
    scope_id: int
    result: str
    errno: int
    resent: int
    unsent: int
    lport: int
    age_s: float | None
    in_call: bool
    """True if it fails before SYN_SENT: only probes of the call itself see it."""


@dataclass
class Place:
    """A network namespace, and what was made in it."""

    netns: int
    truths: list[Truth] = field(default_factory=list)
    stack: ExitStack = field(default_factory=ExitStack)
    others_are_done: bool = False
    """True once only those situations are left that wait for the others."""

    def note(self, cause: str, address: tuple[Any, ...], result: str, number: int = 0, **more: Any) -> None:
        """Note the truth of a connect of this thread."""
        comm, thread = (Path(f"/proc/{name}/comm").read_text().strip() for name in ("self", "thread-self"))
        known = {"resent": 0, "unsent": 0, "lport": -1, "age_s": None, "in_call": False, **more}
        scope_id = address[3] if len(address) > 3 else 0
        place = (self.netns, address[0], address[1], scope_id)
        self.truths.append(Truth(cause, os.getpid(), comm, thread, *place, result, number, **known))

    def connect(self, cause: str, address: tuple[Any, ...], result: str, **more: Any) -> int:
        """Connect and wait; note that it ended with `result`, and return the errno."""
        with socket.socket(family_of(address)) as client:
            number = client.connect_ex(address)
            lport = -1 if number else workload.port_of(client)
            self.note(cause, address, result, number, lport=lport, **more)
        return number

    def start(self, address: tuple[Any, ...], **options: int) -> socket.socket:
        """Begin a connect that stays in flight."""
        client = socket.socket(family_of(address))
        for name, value in options.items():
            client.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        client.setblocking(False)
        assert client.connect_ex(address) == errno.EINPROGRESS
        return client

    def listen(self, address: tuple[Any, ...], backlog: int = 64) -> socket.socket:
        server = self.stack.enter_context(socket.socket(family_of(address)))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen(backlog)
        return server

    def silent(self, address: tuple[Any, ...]) -> None:
        """Have a listener that never sees a SYN: a filter of its socket drops them."""
        self.stack.enter_context(container.dropping(self.listen(address)))

    def ended(
        self, cause: str, address: tuple[Any, ...], result: str, client: socket.socket, **m: Any
    ) -> None:
        """Note how a connect of `start` ended."""
        number, lport = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), workload.port_of(client)
        resent = resent_of(client)
        if m.pop("all_unsent", False):
            m["unsent"] = resent
        self.note(cause, address, result, number, resent=resent, lport=lport if not number else -1, **m)
        client.close()


def family_of(address: tuple[Any, ...]) -> int:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def resent_of(client: socket.socket) -> int:
    """Return how often the SYN of a socket was sent again, by its own count."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("=I", info, TCP_INFO_TOTAL_RETRANS)[0])


def all_ended(clients: list[socket.socket]) -> Wait:
    """Wait by the state: poll(2) reports an ICMP error that the kernel does not believe, too."""
    return lambda: not any(state_of(client) == TCP_SYN_SENT for client in clients)


def state_of(client: socket.socket) -> int:
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def elapsed(seconds: float) -> Wait:
    end_s = time.monotonic() + seconds
    return lambda: time.monotonic() >= end_s


def address_of(host: str, port: int) -> tuple[Any, ...]:
    return (host, port, 0, socket.if_nametoindex("lo")) if host.startswith("fe80") else (host, port)
