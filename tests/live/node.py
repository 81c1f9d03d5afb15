"""A network namespace that does as told: a host, a server, or a wire that delays what passes through it.

Run as `unshare --net python node.py`. It prints `done` when it is ready, and after each line of its input:

- `link NAME ADDRESS…`: bring a link up, with these addresses of a /24 network.
- `listen PORT`: accept and close what connects to any address.
- `connect UID TIMES PORT ADDRESS…`: connect to each address so many times, as this user.
- `wire LEFT RIGHT MS`: pass on each frame between two links after so many milliseconds. The kernel's own way
  to do that (netem) is a module that many kernels lack.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections import deque

import network

ETH_P_ALL, SOL_PACKET = 3, 263
PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 15, 23
MAX_FRAME = 1 << 17


def link(name: str, *addresses: str) -> None:
    for address in addresses:
        subprocess.run(["ip", "addr", "add", f"{address}/24", "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up"], check=True)


def listen(port: str) -> None:
    server = socket.create_server(("0.0.0.0", int(port)), backlog=128)

    def serve() -> None:
        while True:
            server.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()


def connect(uid: str, times: str, port: str, *addresses: str) -> None:
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        return
    os.setresuid(int(uid), int(uid), int(uid))
    for _ in range(int(times)):
        for address in addresses:
            with socket.socket() as client:
                client.connect((address, int(port)))
    os._exit(0)


def wire(left: str, right: str, delay_ms: str) -> None:
    ends = [packets(name) for name in (left, right)]
    for source, target in (ends, ends[::-1]):
        threading.Thread(target=pass_on, args=(source, target, float(delay_ms) / 1e3), daemon=True).start()


def packets(name: str) -> socket.socket:
    """Return a socket of whole frames, with what the kernel has left to do about them (checksums)."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.bind((name, ETH_P_ALL))
    return end


def pass_on(source: socket.socket, target: socket.socket, delay_s: float) -> None:
    waiting: deque[tuple[float, bytes]] = deque()
    while True:
        wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([source], [], [], wait_s)[0]:
            waiting.append((time.monotonic() + delay_s, source.recv(MAX_FRAME)))
        while waiting and waiting[0][0] <= time.monotonic():
            target.send(waiting.popleft()[1])


def main() -> None:
    network.bring_loopback_up()
    print("done", flush=True)
    for line in sys.stdin:
        what, *words = line.split()
        {"link": link, "listen": listen, "connect": connect, "wire": wire}[what](*words)
        print("done", flush=True)


if __name__ == "__main__":
    main()
