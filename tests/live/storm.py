"""Trace a fixed number of connects at the highest rate. Prints counts and records as JSON.

Run under `unshare --net`: then the kernel's own count of connects has only this storm's connects.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import struct
import sys
import time
from pathlib import Path

import network
import way
import workload

from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.session import open_session

CLIENTS = 2
NO_TIME_WAIT = struct.pack("=ii", 1, 0)


def active_opens() -> int:
    """Return ActiveOpens: the connects in this network namespace that sent a SYN, as the kernel counts."""
    lines = Path("/proc/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


def serve(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


def storm(address: tuple[str, int], refused: tuple[str, int], times: int) -> None:
    """Connect `times` times; every seventh connect goes to a closed port."""
    for number in range(times):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_TIME_WAIT)
            client.connect_ex(refused if number % 7 == 6 else address)


def main(times: int) -> None:
    network.bring_loopback_up()
    loader = spawn_loader()
    with workload.listener(backlog=4096) as server, workload.closed_port() as port:
        address, refused = server.getsockname(), ("127.0.0.1", port)
        request = way.request(ports=(workload.port_of(server), port))
        with open_session(loader, request) as session:
            acceptor = multiprocessing.Process(target=serve, args=(server,), daemon=True)
            acceptor.start()
            clients = [
                multiprocessing.Process(target=storm, args=(address, refused, times)) for _ in range(CLIENTS)
            ]
            opens, records, least_in_flight = active_opens(), 0, 0
            started = time.monotonic()
            for client in clients:
                client.start()
            while any(client.is_alive() for client in clients):
                records += len(session.read(0.05))
                least_in_flight = min(least_in_flight, session.counters().in_flight)
            elapsed_s = time.monotonic() - started
            acceptor.kill()
            records += len(session.read(0))
            counters = session.counters()
            print(
                json.dumps(
                    {
                        "elapsed_s": elapsed_s,
                        "records": records,
                        "attempts": counters.attempts,
                        "outcomes": counters.outcomes,
                        "in_flight": counters.in_flight,
                        "least_in_flight": least_in_flight,
                        "ring_drops": counters.ring_drops,
                        "start_failures": counters.start_failures,
                        "sent": session.namespaces()[Path("/proc/self/ns/net").stat().st_ino].sent,
                        "active_opens": active_opens() - opens,
                        "start_map_empty": workload.is_empty(workload.open_map(session, "tct_start")),
                    }
                )
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
