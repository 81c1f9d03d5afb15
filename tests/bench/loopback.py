"""The connect that the loads are made of, and its ports."""

from __future__ import annotations

import os
import socket
import struct

_FIRST_PORT = 10_000 + os.getpid() % 5_000 * 4
OWN_PORTS = range(_FIRST_PORT, _FIRST_PORT + 4)
"""Ports of this benchmark alone: a tracer sees the connects of other network namespaces, too."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 s: no socket stays in TIME-WAIT, so that local ports do not run out."""


def connect_once(server: socket.socket, address: tuple[str, int]) -> None:
    """Connect to a listener of this process; the connection is accepted and then reset."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.connect(address)
        server.accept()[0].close()
