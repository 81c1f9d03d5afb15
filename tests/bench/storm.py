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
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcpconntop.sources.completeness import active_opens
from tests.bench.loopback import OWN_PORTS, connect_once
from tests.bench.processes import cpu_of
from tests.bench.programs import held_by, opened, spent

TRACER = [sys.executable, "-m", "tcpconntop"]
OWN_PROC = Path("/proc/self")
PORT = OWN_PORTS[3]
"""Each process connects to a listener of its own: on this port, on an address of its own."""

Load = Callable[[str, float], None]
"""Connects to an address, where it listens itself, until a time (`time.monotonic`)."""

INSIDE = "--inside-a-network-namespace"


@dataclass(frozen=True)
class Storm:
    """Results of one storm.

    Attributes:
        document: the last JSON document of `-b`.
        opens: connects as the kernel counted them (ActiveOpens).
        seconds: how long it took.
        cpu_s: CPU time of the tracer.
        bpf_ns: time in the tracer's BPF programs; 0 if the kernel does not measure it (`programs.measured`).
    """

    document: dict[str, Any]
    opens: int
    seconds: float
    cpu_s: float
    bpf_ns: int

    @property
    def ended(self) -> int:
        """The connects with an outcome."""
        return sum(self.document["outcomes"].values())

    @property
    def in_rows(self) -> int:
        """The connects that are counted in a row."""
        return sum(row["count"] for row in self.document["rows"])

    @property
    def is_complete(self) -> bool:
        """True if every connect was counted exactly once."""
        attempts, in_flight = self.document["attempts"], self.document["in_flight"]
        is_balanced = attempts == self.ended + in_flight == self.opens == self.in_rows
        return is_balanced and self.document["lost"] == 0


def hammer(address: str, until_s: float, cpus: Collection[int] = ()) -> None:
    """Connect one after the other, on these CPUs; each connection is accepted and then reset."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    with socket.socket() as server:
        server.bind((address, PORT))
        server.listen(8)
        while time.monotonic() < until_s:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    connect_once(server, (address, PORT))


def run_storm(seconds: float, loads: Sequence[Load], *options: str) -> Storm:
    """Trace a storm of this network namespace.

    Args:
        seconds: how long it takes.
        loads: what connects, each in a process of its own.
        options: more options of `tcpconntop -b`.
    """
    command = [*TRACER, "-b", "--json", "-w", "all", "-P", str(PORT), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stdout is not None
        assert tracer.stderr is not None
        next(line for line in tracer.stderr if line.startswith("tracing:"))
        with opened(held_by(tracer.pid)) as programs:
            opens, cpu_s, bpf_ns = active_opens(OWN_PROC), sum(cpu_of(tracer.pid)), spent(programs)[0]
            began_s, children = time.monotonic(), []
            for number, load in enumerate(loads):
                if not (child := os.fork()):
                    load(f"127.1.{number // 250}.{1 + number % 250}", began_s + seconds)
                    os._exit(0)
                children.append(child)
            while time.monotonic() < began_s + seconds:
                tracer.stdout.readline()
            for child in children:
                os.waitpid(child, 0)
            took_s = time.monotonic() - began_s
            bpf_ns = spent(programs)[0] - bpf_ns
        cpu_s = sum(cpu_of(tracer.pid)) - cpu_s
        opens = active_opens(OWN_PROC) - opens
        tracer.send_signal(signal.SIGINT)
        return Storm(json.loads(tracer.stdout.readlines()[-1]), opens, took_s, cpu_s, bpf_ns)


def main(seconds: float) -> int:
    """Run the storm; return 0 if every connect was counted exactly once, else 1."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    storm = run_storm(seconds, [hammer, hammer])
    document = storm.document
    print(f"tracing: {document['probe']}/{document['transport']}")
    print(f"{document['attempts'] / storm.seconds:,.0f} connects per second for {storm.seconds:.0f} s")
    print(
        f"attempts {document['attempts']:,}  ended {storm.ended:,}  in flight {document['in_flight']}  "
        f"in rows {storm.in_rows:,}"
    )
    print(f"lost {document['lost']}  ActiveOpens {storm.opens:,}")
    return int(not storm.is_complete)


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", "tests.bench.storm", INSIDE, *sys.argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    sys.exit(main(float(sys.argv[2]) if len(sys.argv) > 2 else 60.0))
