"""Sockets that connect again, in a separate network namespace. Prints errno and local port of each as JSON.

A port of -1 could not be read. Run as `unshare --net python retrying.py`; begins when it reads a line.
`EXPECTED` has how each connect ends.
"""

from __future__ import annotations

import errno
import json
import socket
import struct
import sys
from pathlib import Path

import network
import workload

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
ONLY_PORT, BOUND_PORT = 50039, 50041

NO_PORT, REFUSED = errno.EADDRNOTAVAIL, errno.ECONNREFUSED

EXPECTED = (
    ("fills an accept queue", "ok", 0),
    ("refused", "refused", REFUSED),
    ("disconnected while connecting", "cancelled", 0),
    ("lingers for 0 s", "cancelled", 0),
    ("refused, bound", "refused", REFUSED),
    ("disconnected, then refused", "cancelled", 0),
    ("refused after a disconnect", "refused", REFUSED),
    ("refused at the only port", "refused", REFUSED),
    ("refused at the only port again", "refused", REFUSED),
    ("takes the only port", "ok", 0),
    ("no port, fresh", "error", NO_PORT),
    ("no port, after a refusal", "error", NO_PORT),
    ("no port, after a disconnect", "error", NO_PORT),
    ("refused again, bound", "refused", REFUSED),
)
"""The connects in the order in which they end: name, outcome, errno."""


def begin(client: socket.socket, address: tuple[str, int]) -> None:
    client.setblocking(False)
    assert client.connect_ex(address) == errno.EINPROGRESS
    workload.disconnect(client)
    client.setblocking(True)


def main() -> None:
    network.bring_loopback_up()
    sys.stdin.readline()
    results: list[tuple[int, int]] = []

    def note(error: int, client: socket.socket | None = None, lport: int = 0) -> None:
        results.append((error, workload.port_of(client) if client else lport))

    with (
        workload.listener() as server,
        workload.closed_port() as closed,
        workload.silent_listener() as silent,
        socket.socket() as refused,
        socket.socket() as given_up,
        socket.socket() as lingering,
        socket.socket() as bound,
        socket.socket() as both,
        socket.socket() as holder,
        socket.socket() as fresh,
    ):
        note(0, lport=-1)
        closed_address = ("127.0.0.1", closed)
        note(refused.connect_ex(closed_address), lport=-1)
        begin(given_up, silent.getsockname())
        note(0, lport=-1)
        lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        lingering.setblocking(False)
        lingering.connect_ex(silent.getsockname())
        note(0, lingering)
        lingering.close()
        bound.bind(("127.0.0.1", BOUND_PORT))
        note(bound.connect_ex(closed_address), lport=BOUND_PORT)
        begin(both, silent.getsockname())
        note(0, lport=-1)
        note(both.connect_ex(closed_address), lport=-1)
        PORT_RANGE.write_text(f"{ONLY_PORT} {ONLY_PORT}")
        for _ in range(2):
            note(refused.connect_ex(closed_address), lport=ONLY_PORT)
        note(holder.connect_ex(server.getsockname()), lport=ONLY_PORT)
        note(fresh.connect_ex(server.getsockname()))
        note(refused.connect_ex(server.getsockname()))
        note(given_up.connect_ex(server.getsockname()))
        note(bound.connect_ex(closed_address), lport=BOUND_PORT)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
