"""A known list of connects, in a network namespace of its own: `KNOWN` says which, and how each of them ends.

Run as `unshare --net python known.py`. Says `ready`, waits for a line, connects, and prints errnos as JSON.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

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
"""What, how often, of which family as it is reported, its outcome and its errno."""


def connect(address: tuple[str, int]) -> int:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as client:
        return client.connect_ex(address)


def cancel(address: tuple[str, int]) -> int:
    workload.start_connect(address).close()
    return 0


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    has_v6 = Path("/proc/net/if_inet6").exists()
    with (
        workload.listener() as server,
        workload.listener("::" if has_v6 else "127.0.0.1") as dual,
        workload.silent_listener() as silent,
        workload.closed_port() as closed,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        told = {"v4": [connect(server.getsockname()) for _ in range(23)]}
        if has_v6:
            told["v6"] = [connect(("::1", workload.port_of(dual))) for _ in range(7)]
            told["v4-mapped"] = [connect(("::ffff:127.0.0.1", workload.port_of(dual))) for _ in range(3)]
        told["refused"] = [connect(("127.0.0.1", closed)) for _ in range(5)]
        told["no route"] = [connect(("198.51.100.1", 80)) for _ in range(2)]
        told["cancelled"] = [cancel(silent.getsockname()) for _ in range(3)]
        PORT_RANGE.write_text(f"{closed} {closed}")  # which is taken
        told["no port"] = [connect(server.getsockname()) for _ in range(2)]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
