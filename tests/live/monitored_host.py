"""A host of its own for an exporter: a network namespace with known connects.

Run as `unshare --net python monitored_host.py PORT CLOSED_PORT ADDRESS`. It prints `ready`, and reads what to
do: `link` brings the link up, then there are `round N LOST` and `refused N`. After each it prints `done`. A
round is N connects, and LOST more whose first SYN is dropped: they take 1 s and a little.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import network
import workload
from container import dropping

LINK = "host0"


def play_round(server: socket.socket, quick: int, lost: int) -> None:
    """Make the connects of a round; those whose SYN is lost wait meanwhile."""
    address = server.getsockname()
    with ExitStack() as stack:
        with dropping(server):
            waiting = [stack.enter_context(workload.start_connect(address)) for _ in range(lost)]
            assert all(workload.still_connecting(client, 0.02) for client in waiting)
        workload.connect(server, quick)
        for client in waiting:
            assert workload.wait_connect(client, 60) == 0
            server.accept()[0].close()


def refused(port: int, times: int) -> None:
    """Connect to a port without a listener."""
    for _ in range(times):
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


def main(port: int, closed_port: int, address: str) -> None:
    network.bring_loopback_up()
    with socket.create_server(("127.0.0.1", port), backlog=64) as server:
        print("ready", flush=True)
        for line in sys.stdin:
            what, *numbers = line.split()
            if what == "link":
                for command in (f"addr add {address}/30 dev {LINK}", f"link set {LINK} up"):
                    subprocess.run(["ip", *command.split()], check=True)
            elif what == "round":
                play_round(server, *map(int, numbers))
            else:
                refused(closed_port, *map(int, numbers))
            print("done", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
