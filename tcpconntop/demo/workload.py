"""A small workload on the loopback: connects that succeed, and the common ways to fail.

`python -m tcpconntop.demo.workload` runs until its standard input is closed. The dashboard shows:

- processes that connect to several addresses of 127.0.0.0/8 and to ::1;
- a port with no listener;
- a listener that loses SYNs from time to time, so that connects take 1 s, 2 s or 3 s;
- a client with a timeout of 800 ms, and a listener that no SYN reaches.

A listener loses SYNs while its minimum TTL is 255: Linux sends packets with a TTL of 64.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import random
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

BACKLOG = 128
OUTAGES_S = (0.7, 0.7, 1.6)
"""Lengths of the times in which SYNs are lost, in a cycle; more than 1 s loses the second SYN too."""

OUTAGE_EVERY_S = 5.0
CLIENT_TIMEOUT_S = 0.8

_PR_SET_NAME, _PR_SET_PDEATHSIG = 15, 1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: no connection is left in TIME_WAIT
_IP_MINTTL = 21


@dataclass(frozen=True)
class Client:
    """A process that connects.

    Attributes:
        comm: its name.
        targets: listeners by name; each connect takes one at random.
        rate_hz: mean number of connects per second, at random times.
        timeout_s: time after which it closes the socket if it is not connected; None to wait.
    """

    comm: str
    targets: tuple[str, ...]
    rate_hz: float
    timeout_s: float | None = None


LISTENERS = {
    "web": ("127.2.3.4", 8443),
    "web6": ("::1", 8443),
    "database": ("127.7.0.12", 5432),
    "replica": ("127.7.0.13", 5432),
    "cache": ("127.7.9.20", 6379),
    "lossy": ("127.20.0.5", 8080),
    "silent": ("127.66.0.9", 8081),
}
CLOSED = ("127.9.1.7", 9100)

CLIENTS = (
    Client("nginx", ("web", "web6"), 30),
    Client("nginx", ("web", "web6"), 26),
    Client("checkout", ("database", "replica", "cache"), 24),
    Client("report-worker", ("replica",), 5),
    Client("search-api", ("lossy",), 8),
    Client("prometheus", ("closed",), 2),
    Client("impatient", ("silent",), 1.5, CLIENT_TIMEOUT_S),
)


def run(_arguments: Sequence[str] = ()) -> None:
    """Listen, start the clients, and serve until standard input is closed."""
    _end_with_parent()
    servers = {name: _listen(*where) for name, where in LISTENERS.items()}
    addresses = {name: server.getsockname()[:2] for name, server in servers.items()}
    with _refusing_port() as closed:
        addresses["closed"] = closed
        for seed, client in enumerate(CLIENTS):
            if os.fork() == 0:
                _end_with_parent()
                _rename(client.comm)
                asyncio.run(_connect_forever(client, addresses, random.Random(seed)))  # noqa: S311  # random times need no cryptographic generator
        asyncio.run(_serve(servers))


def _listen(address: str, port: int) -> socket.socket:
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((address, port))
    except OSError:
        server.bind((address, 0))  # another process has that port
    server.listen(BACKLOG)
    server.setblocking(False)
    return server


@contextlib.contextmanager
def _refusing_port() -> Iterator[tuple[str, int]]:
    """A bound port without a listener: it answers with a reset, and no other process can listen on it."""
    with socket.socket() as holder:
        try:
            holder.bind(CLOSED)
        except OSError:
            holder.bind((CLOSED[0], 0))
        yield holder.getsockname()


async def _serve(servers: dict[str, socket.socket]) -> None:
    loop = asyncio.get_running_loop()
    stdin_closed = asyncio.Event()

    def read_stdin() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            stdin_closed.set()

    loop.add_reader(sys.stdin.fileno(), read_stdin)
    with _losing_syns(servers["silent"]):
        tasks = [loop.create_task(_accept(server)) for server in servers.values()]
        tasks.append(loop.create_task(_lose_in_outages(servers["lossy"])))
        await stdin_closed.wait()
    for task in tasks:
        task.cancel()


async def _accept(server: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while True:
        connection, _ = await loop.sock_accept(server)
        connection.close()


async def _lose_in_outages(server: socket.socket) -> None:
    for outage_s in itertools.cycle(OUTAGES_S):
        await asyncio.sleep(OUTAGE_EVERY_S)
        with _losing_syns(server):
            await asyncio.sleep(outage_s)


@contextlib.contextmanager
def _losing_syns(server: socket.socket) -> Iterator[None]:
    """Make the kernel drop every packet to an IPv4 listener: none has a TTL of 255 (RFC 5082)."""
    server.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, 255)
    try:
        yield
    finally:
        server.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, 0)


async def _connect_forever(
    client: Client, addresses: dict[str, tuple[str, int]], choose: random.Random
) -> None:
    running: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(choose.expovariate(client.rate_hz))
        address = addresses[choose.choice(client.targets)]
        task = asyncio.create_task(_connect(address, client.timeout_s))
        running.add(task)
        task.add_done_callback(running.discard)


async def _connect(address: tuple[str, int], timeout_s: float | None) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(client, address), timeout_s)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _rename(comm: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NAME, comm.encode(), 0, 0, 0)


if __name__ == "__main__":
    run()
