"""Scrape the exporter each second while two processes connect at a steady rate: how long, and what is lost.

    python -m tests.bench.scrape [--seconds N] [--rate N]

Prints a Markdown table. Exits with 1 if a record was lost, if the totals differ from what the load has done,
if the load did not reach its rate, if there are no 100 series, or if a scrape takes more than 50 ms: the
99th percentile under load, where it shares the cores with the load, and once the load has ended. Each second
is scraped twice, as Prometheus asks: for text, and for protobuf. All this runs in a network namespace, and
as a group of tasks of its own (autogroup) with more weight, so that other work of the machine is left out.
"""

from __future__ import annotations

import errno
import math
import os
import re
import resource
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
import urllib.request
import zlib
from pathlib import Path

from tests.bench import steady_load
from tests.bench.loopback import connect_once
from tests.bench.soak import measure
from tests.bench.steady_load import ADDRESSES, CLOSED_PORT, PORTS

FORMATS = {
    "text": "text/plain;version=0.0.4",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
LIMIT_MS, SERIES, SETTLE_S, REST_S, WEIGHT_NICE = 50, 100, 30, 10, -15
BATCH, BATCHES_PER_S = 50, 20
"""Connects at once: at most so many, and so seldom only where the rate is low."""


def scrape(url: str, format_name: str) -> tuple[bytes, float]:
    """Return what the exporter answers, unpacked, and how long that took, in ms."""
    headers = {"Accept": FORMATS[format_name], "Accept-Encoding": "gzip"}
    request = urllib.request.Request(url, headers=headers)
    began_s = time.monotonic()
    with urllib.request.urlopen(request, timeout=10) as answer:
        body = answer.read()
    took_ms = (time.monotonic() - began_s) * 1e3
    return zlib.decompress(body, wbits=31), took_ms


def total(page: bytes, name: str) -> int:
    """Return the sum of the samples of a counter."""
    values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", page.decode(), re.MULTILINE)
    return int(sum(map(float, values)))


def scrape_each_second(url: str, until_s: float) -> dict[str, list[float]]:
    """Scrape every format each second; return how long each took, in ms."""
    took_ms: dict[str, list[float]] = {name: [] for name in FORMATS}
    due_s = time.monotonic() + 1
    while due_s < until_s:
        time.sleep(max(0.0, due_s - time.monotonic()))
        for name, spent in took_ms.items():
            spent.append(scrape(url, name)[1])
        due_s += 1
    return took_ms


def p99(values: list[float]) -> float:
    """Return the smallest value that 99 % of the values do not exceed."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def load(port: int, per_s: float, until_s: float, report: int) -> None:
    """Connect at a steady rate, one in five to a listener; write the number of connects to `report`.

    The others are refused: they take the load a seventh of the time, so that two busy cores reach the rate.
    """
    batch = 5 * max(1, int(min(BATCH, per_s / BATCHES_PER_S)) // 5)
    connects, next_s = 0, time.monotonic()
    with socket.create_server(("0.0.0.0", port), backlog=64) as server, socket.socket() as refused:
        while (now_s := time.monotonic()) < until_s:
            time.sleep(max(0.0, next_s - now_s))
            next_s = max(next_s + batch / per_s, now_s - 1)  # catch up at most one second
            for _ in range(batch // 5):
                address = f"127.9.{connects % 2}.{1 + connects // 2 % ADDRESSES}"
                connect_once(server, (address, port))
                for _ in range(4):
                    assert refused.connect_ex((address, CLOSED_PORT)) == errno.ECONNREFUSED
                connects += 5
    os.write(report, struct.pack("q", connects))


def weigh_more() -> None:
    """Make this process and its children a group whose weight is higher than that of other work.

    The load and the exporter share it, so their weights beside one another stay as they are.
    """
    try:
        os.setsid()
        Path("/proc/self/autogroup").write_text(f"{WEIGHT_NICE}\n")
    except OSError as error:
        print(f"other work of the machine is in the figures: no group of tasks here ({error})")


def main(seconds: float, per_s: float) -> int:
    """Run the load; print the row; return 0 if all held."""
    weigh_more()
    ports = ",".join(map(str, (*PORTS, CLOSED_PORT)))
    command = [sys.executable, "-m", "tcpconntop", "exporter", "--listen", "127.0.0.1:0", "-P", ports]
    exporter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert exporter.stderr is not None
    url = next(line.split()[1] for line in exporter.stderr if line.startswith("listening: "))
    try:
        return _scrape_under_load(url, exporter, seconds, per_s)
    finally:
        exporter.send_signal(signal.SIGTERM)
        exporter.wait()
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        print(f"largest process of the exporter, its loader included: {peak_mb:.0f} MB")


def _scrape_under_load(url: str, exporter: subprocess.Popen[str], seconds: float, per_s: float) -> int:
    began_s = time.monotonic()
    reports = steady_load.start(load, per_s, began_s + seconds)
    under_load = scrape_each_second(url, began_s + seconds)
    connects = steady_load.connects_of(reports)
    spent_s = time.monotonic() - began_s
    page = _last_page(url, connects)
    attempts, counted = total(page, "tcpconntop_attempts_total"), total(page, "tcpconntop_connects_total")
    lost = total(page, "tcpconntop_lost_records_total") + total(page, "tcpconntop_lost_starts_total")
    series = page.count(b"\ntcpconntop_connect_duration_seconds_count{") - 1
    cpu = float(re.findall(rb"^process_cpu_seconds_total (\S+)$", page, re.MULTILINE)[0]) / spent_s
    at_rest = scrape_each_second(url, time.monotonic() + REST_S)
    print("median, 99th percentile and maximum of a scrape, without and with load:")
    print("| connects/s | connects | in series | lost | CPU | memory | text | loaded | protobuf | loaded |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    times = " | ".join(
        f"{statistics.median(ms[name]):.0f}, {p99(ms[name]):.0f}, {max(ms[name]):.0f} ms"
        for name in FORMATS
        for ms in (at_rest, under_load)
    )
    print(
        f"| {connects / spent_s:,.0f} | {connects:,} | {counted:,} | {lost} | {cpu:.0%} "
        f"| {measure(exporter.pid)['rss_kb'] / 1e3:.0f} MB | {times} |"
    )
    held = {
        f"the load made {per_s:,.0f} connects per second": connects >= 0.95 * per_s * seconds,
        "nothing is lost": lost == 0,
        "every connect is counted once": attempts == counted == connects,
        f"{SERIES} destinations have series": series == SERIES,
        f"a scrape takes at most {LIMIT_MS} ms": all(
            p99(ms) <= LIMIT_MS for ms in (*at_rest.values(), *under_load.values())
        ),
    }
    return steady_load.exit_code_of(held)


def _last_page(url: str, connects: int) -> bytes:
    """Return the page in which all connects have ended, or the last one within `SETTLE_S`."""
    until_s = time.monotonic() + SETTLE_S
    while True:
        page = scrape(url, "text")[0]
        if total(page, "tcpconntop_connects_total") >= connects or time.monotonic() > until_s:
            return page
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(steady_load.run("tests.bench.scrape", __doc__, main, seconds=60, per_s=20_000))
