"""The connect that the loads are made of."""

from __future__ import annotations

import socket
import struct

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 s: no socket stays in TIME-WAIT, so that local ports do not run out."""


def connect_once(server: socket.socket, address: tuple[str, int]) -> None:
    """Connect to a listener of this process; the connection is accepted and then reset."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        client.connect(address)
        server.accept()[0].close()
