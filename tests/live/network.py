"""A network namespace for one process: nobody else connects in it, and its settings end with it."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
INTERFACE_FLAGS = struct.Struct("16sh14x")
"""struct ifreq, as far as it is about flags."""

LOCAL_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORTS = range(2_048, 32_768)
"""Below those that Linux gives out by default: a filter by port then keeps out what connects outside."""

PORTS_OF_A_WORKER = 2_048


def enter() -> None:
    """Move this thread, and all that it starts, to a new network namespace with a loopback."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    bring_loopback_up()


@contextmanager
def another() -> Iterator[None]:
    """Have this thread in a new network namespace until the end of the block, with the same local ports."""
    libc, ports = ctypes.CDLL(None, use_errno=True), LOCAL_PORTS.read_text()
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter()
        LOCAL_PORTS.write_text(ports)
        yield
    finally:
        back = libc.setns(before, CLONE_NEWNET)
        os.close(before)
        assert back == 0, os.strerror(ctypes.get_errno())


def bring_loopback_up() -> None:
    """Bring up the loopback of this thread's network namespace, as `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = INTERFACE_FLAGS.pack(b"lo", 0)
        name, flags = INTERFACE_FLAGS.unpack(fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, INTERFACE_FLAGS.pack(name, flags | IFF_UP))


def reserve_ports() -> tuple[socket.socket, range]:
    """Return local ports that no other worker on this machine uses, while the returned socket is open.

    Sessions see the connects of every namespace, and some tests filter by port alone. An abstract name is
    taken for the ports, in this namespace; the kernel frees it with the process. `LOCAL_PORTS` takes them.
    """
    for first in PORTS[::PORTS_OF_A_WORKER]:
        reserved = socket.socket(socket.AF_UNIX)
        try:
            reserved.bind(f"\0tcpconntop-test-ports-{first}")
        except OSError:
            reserved.close()
        else:
            return reserved, range(first, first + PORTS_OF_A_WORKER)
    raise RuntimeError("too many tests run on this machine: all of their ports are in use")


def use_ports(ports: range) -> None:
    """Use these local ports alone in the network namespace of this thread."""
    LOCAL_PORTS.write_text(f"{ports[0]} {ports[-1]}")
