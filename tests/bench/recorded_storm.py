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
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.loopback import connect_once
from tests.bench.machine import machine
from tests.bench.storm import INSIDE, PORT, TRACER, Storm, run_storm

BATCH = 50
"""Connects between two checks of the clock."""


def pace(rate_hz: float, address: str, until_s: float) -> None:
    """Connect at a rate until `until_s`, or as fast as possible if the rate is too high."""
    with socket.socket() as server:
        server.bind((address, PORT))
        server.listen(8)
        next_s = time.monotonic()
        while (now_s := time.monotonic()) < until_s:
            time.sleep(max(0.0, next_s - now_s))
            next_s = max(next_s + BATCH / rate_hz, now_s - 1)  # catch up at most one second
            for _ in range(BATCH):
                with contextlib.suppress(OSError):
                    connect_once(server, (address, PORT))


def storm(seconds: float, rate_hz: float, processes: int, *options: str) -> Storm:
    """Trace a storm with `options` added to `tcpconntop -b`; return its results."""
    return run_storm(seconds, [partial(pace, rate_hz / processes)] * processes, *options)


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
    window = without_rate(document["window"]) | {"from": None, "to": None}
    return {**document, "ts": None, "source": None, "window": window, "rows": rows, "findings": findings}


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
    ended, row = run.ended, live["rows"][0]
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
