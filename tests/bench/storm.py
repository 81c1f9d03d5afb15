"""The ledger under the highest connect rate that two processes can make.

    python -m tests.bench.storm [SECONDS]

Two processes connect to listeners of their own on the loopback as fast as they can, while `tcpconntop -b`
traces them. Printed are the rate, what was lost, and whether the ledger and the kernel's own count of
connects (ActiveOpens) agree. All of it happens in a network namespace of its own, where nobody else connects.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from tcpconntop.sources.completeness import active_opens

OWN = Path("/proc/self")
PORTS = (7001, 7002)
"""Where each process listens and connects."""

INSIDE = "--inside-a-network-namespace"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def hammer(port: int, until_s: float) -> None:
    """Connect, accept and reset, one after the other."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen(8)
        where = server.getsockname()
        while time.monotonic() < until_s:
            for _ in range(200):
                with socket.socket() as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    with contextlib.suppress(OSError):
                        client.connect(where)
                        server.accept()[0].close()


def main(seconds: float) -> int:
    """Run the storm; the exit code says whether everything was accounted for."""
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
    before, until_s = active_opens(OWN), time.monotonic() + seconds
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
    opens = active_opens(OWN) - before
    for line in tracer.stdout:
        last = line
    document = json.loads(last)
    ended, rows = sum(document["outcomes"].values()), sum(row["count"] for row in document["rows"])
    print(f"{document['attempts'] / seconds:,.0f} connects a second for {seconds:.0f} s")
    in_flight = document["in_flight"]
    print(f"attempts {document['attempts']:,}  ended {ended:,}  in flight {in_flight}  in rows {rows:,}")
    print(f"lost {document['lost']}  ActiveOpens {opens:,}")
    return int(document["lost"] != 0 or not document["attempts"] == ended + in_flight == opens == rows)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.storm", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.exit(main(float(sys.argv[2]) if len(sys.argv) > 2 else 60.0))
