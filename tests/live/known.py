"""A known list of connects in a separate network namespace: `KNOWN` has each one with its outcome.

Run as `unshare --net python known.py`. Prints `ready`, waits for a line, connects, and prints the errnos as
JSON.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from pathlib import Path

import network
import workload

from tcpconntop.core.wire import Outcome

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

KNOWN = (
    ("v4", 23, 4, Outcome.OK, 0),
    ("v6", 7, 6, Outcome.OK, 0),
    ("v4-mapped", 3, 4, Outcome.OK, 0),
    ("refused", 5, 4, Outcome.REFUSED, errno.ECONNREFUSED),
    ("no route", 2, 4, Outcome.UNREACHABLE, errno.ENETUNREACH),
    ("cancelled", 3, 4, Outcome.CANCELLED, 0),
    ("no port", 2, 4, Outcome.ERROR, errno.EADDRNOTAVAIL),
)
"""Name, count, address family as reported, outcome, errno."""


def connect(address: tuple[str, int]) -> int:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as client:
        return client.connect_ex(address)


def cancel(address: tuple[str, int]) -> int:
    workload.start_connect(address).close()
    return 0


def main() -> None:
    network.bring_loopback_up()
    has_v6 = Path("/proc/net/if_inet6").exists()
    with (
        workload.listener() as server,
        workload.listener("::" if has_v6 else "127.0.0.1") as dual,
        workload.silent_listener() as silent,
        workload.closed_port() as closed,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        errnos = {"v4": [connect(server.getsockname()) for _ in range(23)]}
        if has_v6:
            errnos["v6"] = [connect(("::1", workload.port_of(dual))) for _ in range(7)]
            errnos["v4-mapped"] = [connect(("::ffff:127.0.0.1", workload.port_of(dual))) for _ in range(3)]
        errnos["refused"] = [connect(("127.0.0.1", closed)) for _ in range(5)]
        errnos["no route"] = [connect(("198.51.100.1", 80)) for _ in range(2)]
        errnos["cancelled"] = [cancel(silent.getsockname()) for _ in range(3)]
        PORT_RANGE.write_text(f"{closed} {closed}")  # the only port is already in use
        errnos["no port"] = [connect(server.getsockname()) for _ in range(2)]
    print(json.dumps(errnos))


if __name__ == "__main__":
    main()
