"""Connects that fail inside the call, in a network namespace of its own. Prints the errnos as JSON.

Run as `unshare --net python failing.py PORT`: what fails, and why, is in `EXPECTED`, all of it to that port.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
ROUTES = ("unreachable 192.0.2.11", "prohibit 192.0.2.13", "blackhole 192.0.2.17")

NEVER_STARTED = (
    ("198.51.100.1", errno.ENETUNREACH),
    ("198.51.100.1", errno.ENETUNREACH),
    ("192.0.2.11", errno.EHOSTUNREACH),
    ("192.0.2.13", errno.EACCES),
    ("192.0.2.17", errno.EINVAL),
    ("224.0.0.1", errno.ENETUNREACH),
)
"""Before SYN_SENT: for want of a route."""
NEVER_STARTED_V6 = (("2001:db8::1", errno.ENETUNREACH), ("::ffff:198.51.100.1", errno.ENETUNREACH))
NO_PORT = (("127.0.0.1", 0), ("127.0.0.1", errno.EADDRNOTAVAIL), ("127.0.0.1", errno.EADDRNOTAVAIL))
"""In SYN_SENT: the first connect takes the only port that there is."""


def connect(to: tuple[tuple[str, int], ...], port: int) -> list[int]:
    clients = [socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) for address, _ in to]
    return [client.connect_ex((address, port)) for client, (address, _) in zip(clients, to, strict=True)]


def main(port: int) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for route in ROUTES:
        subprocess.run(["ip", "route", "add", *route.split()], check=True)
    with socket.create_server(("127.0.0.1", port)):
        told = connect(NEVER_STARTED, port)
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
            told += connect(NEVER_STARTED_V6, port)
        PORT_RANGE.write_text("50021 50021")
        told += connect(NO_PORT, port)
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
