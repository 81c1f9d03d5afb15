"""A process in a network namespace of its own, whose connects have trouble that its namespace alone has.

Run as `unshare --net python container.py TROUBLE PORT`. It prints `ready`, and for each line of its input it
goes on and prints `done`: first a refused connect, then the trouble.
"""

from __future__ import annotations

import ctypes
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import network
import workload

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27


def counter(name: str) -> int:
    """Return a TCP counter of this thread's network namespace."""
    lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index(name)])


def poll(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def no_local_port(port: int) -> None:
    """Leave one local port, use it, and connect three more times."""
    with ExitStack() as stack:
        stack.enter_context(socket.create_server(("127.0.0.1", port)))
        network.LOCAL_PORTS.write_text("50039 50039")
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        for _ in range(3):
            stack.enter_context(socket.socket()).connect_ex(("127.0.0.1", port))


@contextmanager
def dropping(server: socket.socket) -> Iterator[None]:
    """Drop what comes for a listener, as a firewall does: no accept queue overflows."""
    drop_all = ctypes.create_string_buffer(b"\x06" + bytes(7))  # struct sock_filter: return 0
    program = (ctypes.c_ulong * 2)(1, ctypes.addressof(drop_all))  # struct sock_fprog
    server.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
    try:
        yield
    finally:
        server.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def dropped_syns(port: int) -> None:
    """Lose the first SYN of a connect to a listener whose queue has room."""
    before = counter("TCPSynRetrans")
    with socket.create_server(("127.0.0.1", port), backlog=100) as server:
        with dropping(server):
            client = workload.start_connect(("127.0.0.1", port))
            poll(lambda: counter("TCPSynRetrans") > before)
        assert workload.wait_connect(client, 60) == 0
        client.close()


@contextmanager
def full_queue(port: int) -> Iterator[int]:
    """Overflow the accept queue of a port, and wait until a SYN was sent again; make room at the end."""
    overflows, resent = counter("ListenOverflows"), counter("TCPSynRetrans")
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", port), backlog=0))
        address = server.getsockname()
        clients = [stack.enter_context(workload.start_connect(address)) for _ in range(3)]
        poll(lambda: counter("ListenOverflows") > overflows and counter("TCPSynRetrans") > resent)
        yield workload.port_of(server)
        server.listen(100)
        assert [workload.wait_connect(client, 60) for client in clients] == [0, 0, 0]


def overflow(port: int) -> None:
    with full_queue(port):
        pass


TROUBLES = {"no port": no_local_port, "dropped SYNs": dropped_syns, "full queue": overflow}


def main() -> None:
    network.bring_loopback_up()
    print("ready", flush=True)
    trouble, port = sys.argv[1], int(sys.argv[2])
    for step in (lambda: socket.socket().connect_ex(("127.0.0.1", 1)), lambda: TROUBLES[trouble](port)):
        sys.stdin.readline()
        step()
        print("done", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
