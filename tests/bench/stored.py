"""Measure what a Prometheus server stores for one host: series, samples, and bytes for each sample.

    python -m tests.bench.stored [--hosts N]

A real server scrapes the pages of a real collector, which counts 15 s of synthetic records before each of
240 scrapes: an hour of a host with 100 destinations and 2,000 connects a second, in a minute. Then the server
writes a block, whose files are measured. Prints a Markdown table: once as text with classic histograms, once
as protobuf with native ones. With `--hosts`, so many hosts are scraped every 5 s, and the
memory and the CPU time of the server are printed. Needs `prometheus`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.requests import Request
from tcpconntop.exporter.responses import Pages, Response
from tcpconntop.exporter.server import MetricsServer
from tests.bench.load import Load
from tests.bench.processes import cpu_of
from tests.bench.soak import measure

DESTINATIONS, PER_S, STEP_S, SCRAPES = 100, 2_000, 15, 240
INTERVAL_MS = 250
"""Prometheus aligns the times of scrapes only if they are at least 200 ms apart."""

HOSTS_INTERVAL_MS, HOSTS_SCRAPES = 5_000, 12
PROMETHEUS_PORT = 19_090
WAYS = {"classic": (), "native": ("--enable-feature=native-histograms",)}


class Steps(Load):
    """Delivers the records of 15 s with each read, without waiting."""

    def __init__(self) -> None:
        super().__init__(DESTINATIONS, PER_S * STEP_S * 20)

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next 15 s."""
        self._steps += 1
        events = self._pool[self._steps % len(self._pool)].copy()
        latency = self._random.lognormal(np.log(3e5), 0.5, len(events)).astype(np.uint64)
        events["begin_ns"] = events["end_ns"] - latency
        self._outcomes += np.bincount(events["outcome"], minlength=len(self._outcomes))
        return events

    def now_ns(self) -> int:
        """Return the time at the end of the last step, in ns."""
        return self._steps * STEP_S * SECOND_NS


class Host:
    """Serves one snapshot for each scrape.

    Attributes:
        scrapes: how many there were.
    """

    def __init__(self) -> None:
        self.scrapes = 0
        self._collector = Collector(Steps(), "dest", DESTINATIONS)
        self._lock = threading.Lock()
        self._pages = Pages(lambda: self._collector.latest)

    def respond(self, request: Request) -> Response:
        """Return the page after another 15 s."""
        with self._lock:
            self.scrapes += 1
            self._collector.publish()
            return self._pages.respond(request)


@contextmanager
def prometheus(
    folder: Path, targets: list[str], interval_ms: int, way: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a server scrape these targets until the end of the block."""
    job = {"job_name": "tcpconntop", "static_configs": [{"targets": targets}]}
    every = {"scrape_interval": f"{interval_ms}ms", "scrape_timeout": f"{interval_ms}ms"}
    (folder / "prometheus.yml").write_text(json.dumps({"global": every, "scrape_configs": [job]}))
    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
        "--web.enable-admin-api",
        *WAYS[way],
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            yield server
        finally:
            server.kill()


def wait_for_scrapes(host: Host, scrapes: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the host was scraped so many times."""
    while host.scrapes < scrapes:
        if server.poll() is not None:
            raise SystemExit("prometheus has ended: is its port in use?")
        time.sleep(0.1)


def measure_block(host: Host, folder: Path, port: int, way: str) -> str:
    """Return the row of what a server stores for one host."""
    api = f"http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/admin/tsdb/snapshot"
    with prometheus(folder, [f"127.0.0.1:{port}"], INTERVAL_MS, way) as server:
        wait_for_scrapes(host, SCRAPES, server)
        with urllib.request.urlopen(urllib.request.Request(api, method="POST"), timeout=60) as answer:
            name = json.load(answer)["data"]["name"]
    (block,) = (folder / "data" / "snapshots" / name).iterdir()
    stats = json.loads((block / "meta.json").read_text())["stats"]
    chunks, index = size_of(block / "chunks"), (block / "index").stat().st_size
    n_samples, n_series = stats["numSamples"], stats["numSeries"]
    return (
        f"| {way} | {n_series:,} | {n_samples / host.scrapes:,.0f} | {chunks / host.scrapes:,.0f} "
        f"| {chunks / n_samples:.2f} | {index / n_series:.0f} |"
    )


def measure_server(host: Host, folder: Path, port: int, way: str, hosts: int) -> str:
    """Return the row of what the server takes with several hosts: other addresses of the same one."""
    targets = [f"127.0.{n // 250}.{1 + n % 250}:{port}" for n in range(hosts)]
    with prometheus(folder, targets, HOSTS_INTERVAL_MS, way) as server:
        wait_for_scrapes(host, HOSTS_SCRAPES * hosts, server)
        cpu_s, rss_bytes = sum(cpu_of(server.pid)), measure(server.pid)["rss_kb"] * 1024
    return f"| {way} | {hosts} | {rss_bytes / 1e6:,.0f} MB | {cpu_s / host.scrapes * 1e3:.1f} ms |"


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main(hosts: int | None) -> None:
    """Measure both ways, and print the table."""
    if hosts:
        print("| histograms | hosts | memory | CPU a scrape |\n|---|---:|---:|---:|")
    else:
        print(
            "| histograms | series | samples a scrape | bytes a scrape | a sample | index, bytes a series |"
        )
        print("|---|---:|---:|---:|---:|---:|")
    for way in WAYS:
        host = Host()
        with MetricsServer("", 0) as server, tempfile.TemporaryDirectory() as name:
            server.start(host.respond)
            if hosts:
                print(measure_server(host, Path(name), server.port, way, hosts))
            else:
                print(measure_block(host, Path(name), server.port, way))


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        sys.exit("not run: prometheus is not installed (apt-get install prometheus)")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, help="how many hosts the server scrapes")
    main(parser.parse_args().hosts)
