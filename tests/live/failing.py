"""Connects that fail inside connect(), in a separate network namespace. Prints the errnos as JSON.

Run as `unshare --net python failing.py PORT`. All connects go to that port; the tuples below have the
addresses and the expected errnos.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

import network

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
"""These fail before SYN_SENT: there is no route."""
NEVER_STARTED_V6 = (("2001:db8::1", errno.ENETUNREACH), ("::ffff:198.51.100.1", errno.ENETUNREACH))
NO_PORT = (("127.0.0.1", 0), ("127.0.0.1", errno.EADDRNOTAVAIL), ("127.0.0.1", errno.EADDRNOTAVAIL))
"""These fail in SYN_SENT: the first connect takes the only free port."""


def connect(targets: tuple[tuple[str, int], ...], port: int) -> list[int]:
    clients = [socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) for address, _ in targets]
    return [client.connect_ex((address, port)) for client, (address, _) in zip(clients, targets, strict=True)]


def main(port: int) -> None:
    network.bring_loopback_up()
    for route in ROUTES:
        subprocess.run(["ip", "route", "add", *route.split()], check=True)
    with socket.create_server(("127.0.0.1", port)):
        errnos = connect(NEVER_STARTED, port)
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
            errnos += connect(NEVER_STARTED_V6, port)
        PORT_RANGE.write_text("50021 50021")
        errnos += connect(NO_PORT, port)
    print(json.dumps(errnos))


if __name__ == "__main__":
    main(int(sys.argv[1]))
