"""Many network namespaces side by side, with one refused connect in each.

Run as `python namespaces.py COUNT WAY PORT`: with WAY `process`, each namespace has its own process; with
`thread`, only a thread is in it, and its process is not. Prints `made`, and removes all of them when its
input ends.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import network


def stay(made: int, port: int) -> None:
    """Connect in a new namespace, say so on `made`, and keep the namespace until the input ends."""
    network.enter()
    with socket.socket() as client:
        client.connect_ex(("127.0.0.1", port))
    os.write(made, b".")
    os.read(0, 1)
    os._exit(0)


def main(count: int, way: str, port: int) -> None:
    done, made = os.pipe()
    for _ in range(count):
        if way == "thread":
            threading.Thread(target=stay, args=(made, port), daemon=True).start()
        elif os.fork() == 0:
            stay(made, port)
        os.read(done, 1)
    print("made", flush=True)
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
