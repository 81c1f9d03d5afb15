"""Many network namespaces side by side, with one refused connect in each.

Run as `python namespaces.py COUNT WAY`: with WAY `process`, each namespace has a process of its own; with
`thread`, only a thread is in it, and its process is not. Prints `made`, and removes all of them when its
input ends.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

import network

CLOSED = ("127.0.0.1", 61)


def stay(made: int) -> None:
    """Connect in a new namespace, say so on `made`, and keep the namespace until the input ends."""
    network.enter()
    with socket.socket() as client:
        client.connect_ex(CLOSED)
    os.write(made, b".")
    os.read(0, 1)
    os._exit(0)


def main(count: int, way: str) -> None:
    done, made = os.pipe()
    for _ in range(count):
        if way == "thread":
            threading.Thread(target=stay, args=(made,), daemon=True).start()
        elif os.fork() == 0:
            stay(made)
        os.read(done, 1)
    print("made", flush=True)
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
