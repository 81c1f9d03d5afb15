"""`fleet URL` over a real Prometheus that scrapes three hosts: what it shows is what was recorded on them."""

from __future__ import annotations

import json
import signal
import subprocess
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import test_prometheus
import workload
from command import DEADLINE_S, TCPCONNTOP, UNPRIVILEGED, lines_until, tcpconntop
from prometheus import Prometheus, poll
from test_prometheus import QUICK, Host, play, recorded_latencies_s, refuse

from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S, NATIVE_SCHEMA
from tcpconntop.prometheus.queries import HISTOGRAM

pytestmark = [pytest.mark.compiles, pytest.mark.long]

hosts = test_prometheus.hosts
ROUNDS, REFUSED = 9, 11
NATIVE = ("--enable-feature=native-histograms",)
NATIVE_WIDTH = 2 ** (2**-NATIVE_SCHEMA) - 1

Document = dict[str, Any]


class Fleet:
    """`fleet URL -b --json`, without privileges: a document each second."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def until(self, is_it: Callable[[Document], bool]) -> Document:
        """Return the first document from here on that is wanted."""
        assert self.process.stdout is not None
        said = lines_until(self.process.stdout, lambda line: is_it(json.loads(line)))
        document: Document = json.loads(said[-1])
        return document


@contextmanager
def fleet(url: str, *words: str) -> Iterator[Fleet]:
    command = [*UNPRIVILEGED, *TCPCONNTOP, "fleet", url, "-b", "--json", "-g", "host+dest", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            lines_until(process.stderr, lambda line: line.startswith("fleet: 3 hosts at "))
            yield Fleet(process)
        finally:
            process.kill()


@contextmanager
def scraped(
    hosts: list[Host], folder: Path, options: tuple[str, ...] = ()
) -> Iterator[tuple[Prometheus, Fleet]]:
    """Start a server that scrapes the hosts, and a fleet over it."""
    with workload.closed_port() as port:
        pass
    server = Prometheus(folder, port, [host.instance for host in hosts], options)
    try:
        poll(lambda: server.by_label("tcpconntop_tracing", "instance"), lambda up: len(up) == len(hosts))
        with fleet(f"http://127.0.0.1:{port}", "-w", "all") as shown:
            yield server, shown
    finally:
        server.kill()


def states(document: Document) -> dict[str, str]:
    return {host["name"]: host["state"] for host in document["hosts"]}


def all_live(document: Document) -> bool:
    return set(states(document).values()) == {"live"}


def has_all(made: int) -> Callable[[Document], bool]:
    """Return whether a document counts all connects, in the totals and in the rows."""
    return lambda document: document["attempts"] == sum(row["count"] for row in document["rows"]) == made


def rows_of(document: Document) -> dict[tuple[str, int], Document]:
    return {(row["host"], row["dport"]): row for row in document["rows"]}


def bucket(seconds: float) -> int:
    return bisect_left(CLASSIC_BOUNDS_S, seconds)


@pytest.mark.parametrize(
    ("options", "kind", "by"),
    [((), "classic", "le, port"), (NATIVE, "native", "port")],
    ids=["classic", "native"],
)
def test_totals_are_equal_and_percentiles_within_a_bucket(
    hosts: list[Host], tmp_path: Path, options: tuple[str, ...], kind: str, by: str
) -> None:
    """GIVEN three hosts WHEN one loses SYNs and one is refused THEN rows are those of their recordings."""
    file, refused = tmp_path / "recording", hosts[1]
    with tcpconntop("record", str(file), "-P", ",".join(host.ports for host in hosts)) as recorder:
        with scraped(hosts, tmp_path, options) as (server, shown):
            for _ in range(ROUNDS):
                play(hosts)
            refuse(refused, REFUSED)
            document = shown.until(has_all(sum(host.made for host in hosts)))
            histogram = HISTOGRAM + "_bucket" * (kind == "classic")
            theirs_s = {
                q: server.by_label(f"histogram_quantile({q}, sum by ({by}) ({histogram}))", "port")
                for q in QUANTILES.values()
            }
        recorder.interrupt()
    assert document["percentiles"] == f"within a bucket ({kind})"
    assert document["outcomes"]["refused"] == REFUSED
    recorded, rows = recorded_latencies_s(file), rows_of(document)
    assert len(rows) == 4
    assert rows[refused.instance, int(refused.ports.split(",")[1])]["failed"] == REFUSED
    for host in hosts:
        row, latencies_s = rows[host.instance, host.port], recorded[host.port]
        assert row["ok"] == row["count"] == len(latencies_s) == ROUNDS * (QUICK + host.lost)
        assert row["syn_retransmits"] == ROUNDS * host.lost
        assert {row[name] for name in ("min_us", "max_us", "last_us")} == {None}
        for name, q in QUANTILES.items():
            ours_s, truth_s = row[f"{name}_us"] / 1e6, latencies_s[ceil(q * len(latencies_s)) - 1]
            their_s = theirs_s[q][str(host.port)]
            print(f"{host.instance}: {name} {ours_s:.6f}, recorded {truth_s:.6f}, PromQL {their_s:.6f}")
            assert abs(bucket(ours_s) - bucket(truth_s)) <= 1
            # Two tracers time a connect differently; the server has what we have.
            assert kind == "classic" or abs(ours_s / their_s - 1) <= 2 * NATIVE_WIDTH


def test_what_is_killed_is_shown_as_such_and_heals(hosts: list[Host], tmp_path: Path) -> None:
    """GIVEN three hosts WHEN an exporter, then Prometheus is killed, stopped THEN that is said; all heals."""
    killed = hosts[0]
    with scraped(hosts, tmp_path) as (server, shown):
        shown.until(all_live)
        play(hosts)
        made = sum(host.made for host in hosts)
        shown.until(has_all(made))

        killed.exporter.process.kill()
        killed.exporter.process.wait()
        document = shown.until(lambda document: states(document)[killed.instance] == "gone")
        assert states(document) == {host.instance: "gone" if host is killed else "live" for host in hosts}
        assert has_all(made)(document)
        before = sum(host.made for host in hosts[1:])
        play(hosts[1:])
        made += sum(host.made for host in hosts[1:]) - before
        shown.until(has_all(made))
        killed.exporter = killed.start_exporter()
        shown.until(all_live)
        before = sum(host.made for host in hosts)
        play(hosts)
        made += sum(host.made for host in hosts) - before
        shown.until(has_all(made))

        server.kill()
        document = shown.until(lambda document: set(states(document).values()) == {"behind"})
        assert {host["note"] for host in document["hosts"]} == {"connection refused"}
        first_s = document["hosts"][0]["behind_s"]
        document = shown.until(lambda document: document["hosts"][0]["behind_s"] > first_s)
        assert has_all(made)(document)
        before = sum(host.made for host in hosts)
        play(hosts)
        made += sum(host.made for host in hosts) - before
        server.start()
        assert all_live(shown.until(has_all(made)))

        server.process.send_signal(signal.SIGSTOP)
        slow = "no answer within 10s"
        shown.until(lambda document: {host["note"] for host in document["hosts"]} == {slow})
        server.process.send_signal(signal.SIGCONT)
        shown.until(all_live)
        server.process.send_signal(signal.SIGSTOP)  # it leaves at once, whatever it waits for
        shown.until(lambda document: set(states(document).values()) == {"behind"})
        shown.process.send_signal(signal.SIGINT)
        assert shown.process.wait(DEADLINE_S) == 130
