"""Check the ledger at the highest connect rate that two processes reach.

    python -m tests.bench.storm [SECONDS]

Two processes connect as fast as they can, each to its own listener on the loopback, while `tcpconntop -b`
traces them. Prints the connect rate, the lost records, and the totals of the ledger and of the kernel's own
count of connects (ActiveOpens). Everything runs in a separate network namespace, without other traffic.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tcpconntop.sources.completeness import active_opens
from tests.bench.loopback import connect_once

OWN_PROC = Path("/proc/self")
PORTS = (7001, 7002)
"""The ports: each process connects to its own listener on one of them."""

INSIDE = "--inside-a-network-namespace"


def hammer(port: int, until_s: float) -> None:
    """Connect until `until_s`, one connect after the other; each connection is accepted and then reset."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen(8)
        address = server.getsockname()
        while time.monotonic() < until_s:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    connect_once(server, address)


def main(seconds: float) -> int:
    """Run the storm; return 0 if every connect was counted exactly once, else 1."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    ports = ",".join(map(str, PORTS))
    tracer = subprocess.Popen(
        [sys.executable, "-m", "tcpconntop", "-b", "--json", "-w", "all", "-P", ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stdout is not None
    assert tracer.stderr is not None
    print(next(line for line in tracer.stderr if line.startswith("tracing:")), end="")
    opens_before, until_s = active_opens(OWN_PROC), time.monotonic() + seconds
    children = []
    for port in PORTS:
        if not (child := os.fork()):
            hammer(port, until_s)
            os._exit(0)
        children.append(child)
    last = ""
    while time.monotonic() < until_s:
        last = tracer.stdout.readline()
    for child in children:
        os.waitpid(child, 0)
    tracer.send_signal(signal.SIGINT)
    opens = active_opens(OWN_PROC) - opens_before
    for line in tracer.stdout:
        last = line
    document = json.loads(last)
    ended, rows = sum(document["outcomes"].values()), sum(row["count"] for row in document["rows"])
    print(f"{document['attempts'] / seconds:,.0f} connects per second for {seconds:.0f} s")
    in_flight = document["in_flight"]
    print(f"attempts {document['attempts']:,}  ended {ended:,}  in flight {in_flight}  in rows {rows:,}")
    print(f"lost {document['lost']}  ActiveOpens {opens:,}")
    return int(document["lost"] != 0 or not document["attempts"] == ended + in_flight == opens == rows)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.storm", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.exit(main(float(sys.argv[2]) if len(sys.argv) > 2 else 60.0))
