"""Run the dashboard for a long time under load: nothing grows, and every connect is counted.

    python -m tests.bench.soak [--seconds N] [--rate N]

Prints one row of a Markdown table. Exits with 1 if memory grew by more than 5 %, if descriptors or threads
grew, if a record was lost, or if the totals differ from what the load has done. Everything runs in a network
namespace of its own, the dashboard in a pseudo-terminal.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import sys
import time
from pathlib import Path

from tests.bench import steady_load
from tests.bench.folders import new_folder
from tests.bench.loopback import connect_once
from tests.bench.steady_load import ADDRESSES, CLOSED_PORT, PORTS
from tests.bench.terminal import Terminal

STEP_S, SETTLE_S, LIMIT = 0.05, 3, 1.05


def load(port: int, per_s: float, until_s: float, report: int) -> None:
    """Connect at a steady rate, one in 50 to a closed port; write the number of connects to `report`."""
    connects, began_s = 0, time.monotonic()
    with socket.socket() as server:
        server.bind(("0.0.0.0", port))
        server.listen(64)
        while (now_s := time.monotonic()) < until_s:
            while connects < (now_s - began_s) * per_s:
                refused = connects % 50 == 0
                address = f"127.9.{connects % 2}.{1 + connects // 2 % ADDRESSES}"
                with contextlib.suppress(ConnectionRefusedError):
                    connect_once(server, (address, CLOSED_PORT if refused else port))
                connects += 1
            time.sleep(STEP_S)
    os.write(report, struct.pack("q", connects))


def measure(process: int) -> dict[str, int]:
    """Return the resident memory in kB, descriptors and threads of a process."""
    status = Path(f"/proc/{process}/status").read_text("utf-8", "replace")
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    assert resident
    return {
        "rss_kb": int(resident[1]),
        "descriptors": len(list(Path(f"/proc/{process}/fd").iterdir())),
        "threads": len(list(Path(f"/proc/{process}/task").iterdir())),
    }


def typical(samples: list[dict[str, int]]) -> dict[str, int]:
    """Return the most memory of some samples, and the fewest descriptors and threads.

    A file that is read at the moment of a sample is no leak: what leaks is there in all of them.
    """
    most = max(sample["rss_kb"] for sample in samples)
    return {"rss_kb": most} | {
        key: min(sample[key] for sample in samples) for key in ("descriptors", "threads")
    }


def exported(terminal: Terminal, folder: Path) -> dict[str, object]:
    """Export what the dashboard shows; return the JSON document."""
    terminal.press(b"e")
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        terminal.watch(0.5)
        for file in folder.rglob("*.json"):
            with contextlib.suppress(json.JSONDecodeError):  # not written yet
                document: dict[str, object] = json.loads(file.read_text("utf-8"))
                return document
    raise SystemExit("the dashboard has exported nothing")


def main(seconds: float, per_s: float) -> int:
    """Soak; print the row; return 0 if all held."""
    with new_folder() as folder:
        ports = ",".join(map(str, (*PORTS, CLOSED_PORT)))
        with Terminal([sys.executable, "-m", "tcpconntop", "-w", "all", "-P", ports], 160, 50) as terminal:
            return _soak(terminal, seconds, per_s, folder)


def _soak(terminal: Terminal, seconds: float, per_s: float, folder: Path) -> int:
    terminal.watch_for(b"live", 60)
    began_s = time.monotonic()
    reports = steady_load.start(load, per_s, began_s + seconds)
    # Memory grows while history is filled: 15 minutes, or what a shorter run has of it.
    warm_s = min(1000.0, seconds / 3)
    samples: list[dict[str, int]] = []
    cpu_ms = terminal.cpu_ms()[1]
    while (elapsed_s := time.monotonic() - began_s) < seconds:
        terminal.watch(min(2.0, seconds - elapsed_s))
        if elapsed_s >= warm_s:
            samples.append(measure(terminal.pid))
    cpu = (terminal.cpu_ms()[1] - cpu_ms) / 1e3 / seconds
    connects = steady_load.connects_of(reports)
    terminal.watch(SETTLE_S)
    document = exported(terminal, folder)
    quarter = max(1, len(samples) // 4)
    first, last = (typical(part) for part in (samples[:quarter], samples[-quarter:]))
    print("| seconds | connects | counted | lost | memory | descriptors | threads | CPU |")
    print("|---:|---:|---:|---:|---|---|---|---:|")
    print(
        f"| {seconds:.0f} | {connects:,} | {document['attempts']:,} | {document['lost']} "
        f"| {first['rss_kb'] / 1e3:.1f} → {last['rss_kb'] / 1e3:.1f} MB "
        f"| {first['descriptors']} → {last['descriptors']} | {first['threads']} → {last['threads']} "
        f"| {cpu:.1%} |"
    )
    held = {
        "memory is flat within 5 %": last["rss_kb"] <= first["rss_kb"] * LIMIT,
        "descriptors are flat": last["descriptors"] <= first["descriptors"],
        "threads are flat": last["threads"] <= first["threads"],
        "no record is lost": document["lost"] == 0,
        "every connect is counted once": document["attempts"] == connects,
    }
    return steady_load.exit_code_of(held)


if __name__ == "__main__":
    sys.exit(steady_load.run("tests.bench.soak", __doc__, main, seconds=3600, per_s=2000))
