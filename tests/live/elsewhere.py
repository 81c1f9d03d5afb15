"""A process that connects on request in a separate network namespace.

Run as `unshare --net python elsewhere.py`. Each line of its input is a number of connects, or what to do with
connects of TCP Fast Open: `defer`, then `send` or `close`. It prints `made` when that is done.
"""

from __future__ import annotations

import socket
import sys

import network
import workload

DEFERRED = 5


def main() -> None:
    network.bring_loopback_up()
    clients: list[socket.socket] = []
    with workload.listener() as server, workload.fast_open_listener() as patient:
        print("ready", flush=True)
        for line in sys.stdin:
            if line == "defer\n":
                clients = [workload.fast_open(patient) for _ in range(DEFERRED)]
            elif line.strip().isdecimal():
                workload.connect(server, int(line))
            else:
                for client in clients:
                    if line == "send\n":
                        client.send(b"!")
                    client.close()
            print("made", flush=True)


if __name__ == "__main__":
    main()
