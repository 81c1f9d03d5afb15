"""Record 20,000 real connects per second; compare what was traced live with the replay.

    python -m tests.bench.recorded_storm [SECONDS [RATE [PROCESSES]]]

PROCESSES processes connect on the loopback, in a separate network namespace, with RATE connects per second in
total, while `tcpconntop -b --record` traces them and writes every connect to a file. Prints the reached rate,
the lost records, whether the last document of the replay equals the live one, and the cost of writing: the
CPU time per connect, less that of a shorter run without `--record`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcpconntop.sources.completeness import active_opens
from tests.bench.loopback import connect_once
from tests.bench.machine import machine
from tests.bench.processes import cpu_of
from tests.bench.storm import INSIDE, OWN_PROC

TRACER = [sys.executable, "-m", "tcpconntop"]
BATCH = 50
"""Connects between two checks of the clock."""

FIRST_PORT = 7001
"""Port of the first process's listener; the other processes use the ports after it."""


@dataclass(frozen=True)
class Run:
    """Results of one storm.

    Attributes:
        document: the last JSON document of `-b`.
        opens: connects as the kernel counted them (ActiveOpens).
        seconds: how long it took.
        cpu_s: CPU time of the tracer.
    """

    document: dict[str, Any]
    opens: int
    seconds: float
    cpu_s: float


def pace(port: int, rate_hz: float, until_s: float) -> None:
    """Connect at a rate until `until_s`, or as fast as possible if the rate is too high."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
        server.listen(8)
        address, next_s = server.getsockname(), time.monotonic()
        while (now_s := time.monotonic()) < until_s:
            time.sleep(max(0.0, next_s - now_s))
            next_s = max(next_s + BATCH / rate_hz, now_s - 1)  # catch up at most one second
            for _ in range(BATCH):
                with contextlib.suppress(OSError):
                    connect_once(server, address)


def storm(seconds: float, rate_hz: float, processes: int, *options: str) -> Run:
    """Trace a storm with `options` added to `tcpconntop -b`; return its results."""
    ports = range(FIRST_PORT, FIRST_PORT + processes)
    command = [*TRACER, "-b", "--json", "-w", "all", "-P", ",".join(map(str, ports)), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stdout is not None
        assert tracer.stderr is not None
        next(line for line in tracer.stderr if line.startswith("tracing:"))
        opens, cpu_s, began_s = active_opens(OWN_PROC), sum(cpu_of(tracer.pid)), time.monotonic()
        children = []
        for port in ports:
            if not (child := os.fork()):
                pace(port, rate_hz / processes, began_s + seconds)
                os._exit(0)
            children.append(child)
        while time.monotonic() < began_s + seconds:
            tracer.stdout.readline()
        for child in children:
            os.waitpid(child, 0)
        took_s = time.monotonic() - began_s
        cpu_s = sum(cpu_of(tracer.pid)) - cpu_s
        opens = active_opens(OWN_PROC) - opens
        tracer.send_signal(signal.SIGINT)
        return Run(json.loads(tracer.stdout.readlines()[-1]), opens, took_s, cpu_s)


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without what differs in a replay.

    That is the time, the name of the source, the rates, and the next steps: a replay may be on another host.
    """
    rows = [without_rate(row) for row in document["rows"]]
    findings = [
        {
            **{name: value for name, value in finding.items() if name != "next_step"},
            "scope": {**finding["scope"], "rows": [without_rate(row) for row in finding["scope"]["rows"]]},
        }
        for finding in document["findings"]
    ]
    return {**document, "ts": None, "source": None, "rows": rows, "findings": findings}


def without_rate(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "rate_hz"}


def main(seconds: float, rate_hz: float, processes: int) -> int:
    """Record, replay and compare; return 0 if nothing is missing or different, else 1."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        run = storm(seconds, rate_hz, processes, "--record", str(path))
        replay = [*TRACER, "replay", str(path), "-b", "--json", "-w", "all"]
        done = subprocess.run(replay, check=True, capture_output=True, text=True)
        n_bytes = path.stat().st_size
    unrecorded = storm(min(seconds, 20), rate_hz, processes)
    live, replayed = run.document, json.loads(done.stdout.splitlines()[-1])
    ended, row = sum(live["outcomes"].values()), live["rows"][0]
    print(
        f"{machine()}\n{ended / run.seconds:,.0f} connects per second for {run.seconds:.0f} s, all recorded"
    )
    print(f"ActiveOpens {run.opens:,}  ended {ended:,}  in flight {live['in_flight']}  lost {live['lost']}")
    print(f"{row['daddr']}:{row['dport']}  p50 {row['p50_us']} p99 {row['p99_us']} max {row['max_us']} µs")
    live["notes"] = replayed["notes"] = None  # a recording tells with which filters it was made
    same = comparable(live) == comparable(replayed)
    print(f"replay: {'the same ledger and percentiles' if same else 'DIFFERENT'}")
    shares = [one.cpu_s / one.document["attempts"] * rate_hz for one in (run, unrecorded)]
    print(
        f"tracer at {rate_hz:,.0f} per second: {shares[0]:.1%} of a core, {shares[1]:.1%} without recording"
    )
    print(f"writing: {shares[0] - shares[1]:.1%} of a core, {n_bytes / ended:.1f} bytes per connect")
    return int(not same or live["lost"] != 0 or not run.opens == ended == live["attempts"])


if __name__ == "__main__":
    if INSIDE not in sys.argv:
        command = [
            "unshare",
            "--net",
            sys.executable,
            "-m",
            "tests.bench.recorded_storm",
            INSIDE,
            *sys.argv[1:],
        ]
        sys.exit(subprocess.run(command, check=False).returncode)
    arguments = dict(zip(("seconds", "rate_hz", "processes"), map(float, sys.argv[2:]), strict=False))
    settings = {"seconds": 60.0, "rate_hz": 20_000.0, "processes": 2.0} | arguments
    sys.exit(main(settings["seconds"], settings["rate_hz"], int(settings["processes"])))
