"""A real Prometheus scrapes the exporters of three hosts: its figures are those that were recorded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import monitored_host
import pytest
import responder
import way
import workload
from command import Command, run, tcpconntop
from prometheus import Prometheus, poll
from test_exporter import url_of

from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S

pytestmark = [pytest.mark.compiles, pytest.mark.long]

SCRAPED_S = 120
QUICK, LOST, BURST = 37, 2, 97
PORT = 9742
ATTEMPTS = "tcpconntop_attempts_total"
DASHBOARD = Path(__file__).parents[2] / "packaging" / "grafana" / "tcpconntop.json"


class Host:
    """A network namespace with an address that this one reaches, its connects, and an exporter.

    Attributes:
        instance: the exporter's address and port.
        port: where its connects go.
        lost: connects of each round that lose a SYN.
        made: connects since the exporter was started.
    """

    def __init__(self, stack: ExitStack, number: int, lost: int) -> None:
        self.lost, self._stack = lost, stack
        self.port, self._closed = (stack.enter_context(workload.closed_port()) for _ in range(2))
        self.ports = f"{self.port},{self._closed}"
        address = f"198.18.{number}.2"
        self.instance = f"{address}:{PORT}"
        command = ["unshare", "--net", sys.executable, monitored_host.__file__]
        words = [str(self.port), str(self._closed), address]
        self.process = subprocess.Popen(
            [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stack.enter_context(self.process)
        stack.callback(self.process.kill)
        self._said("ready")
        link = f"to{number}"
        try:
            responder.ip(
                f"link add {link} type veth peer name {monitored_host.LINK} netns {self.process.pid}"
            )
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no veth link can be made here: {error.stderr.decode().strip()}")
        responder.ip(f"addr add 198.18.{number}.1/30 dev {link}")
        responder.ip(f"link set {link} up")
        self.begin("link")
        self.end()
        self.exporter = self.start_exporter()

    def start_exporter(self) -> Command:
        inside = ("nsenter", f"--net=/proc/{self.process.pid}/ns/net")
        command = tcpconntop("exporter", "--listen", self.instance, "-P", self.ports, prefix=inside)
        exporter = self._stack.enter_context(command)
        self.made = 0
        assert url_of(exporter) == f"http://{self.instance}/metrics"
        return exporter

    def begin(self, what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self._said("done")

    def _said(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"


@pytest.fixture
def hosts(alone: None) -> Iterator[list[Host]]:
    """The first two are quick; the third loses one SYN in twenty."""
    with ExitStack() as stack:
        yield [Host(stack, number, lost) for number, lost in enumerate((0, 0, LOST), 1)]


def play(hosts: list[Host]) -> None:
    """Have every host play a round, side by side."""
    for host in hosts:
        host.begin(f"round {QUICK} {host.lost}")
        host.made += QUICK + host.lost
    for host in hosts:
        host.end()


def refuse(host: Host, times: int) -> None:
    """Have a host meet its closed port."""
    host.begin(f"refused {times}")
    host.made += times
    host.end()


def attempts_of(hosts: list[Host]) -> dict[str, float]:
    return {host.instance: host.made for host in hosts}


def recorded_latencies_s(file: Path) -> dict[int, list[float]]:
    """Return the latencies of the successful connects of a recording by port, sorted."""
    latencies = defaultdict(list)
    done = run("export", str(file), "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        connect = json.loads(line)
        if connect["result"] == "ok":
            latencies[connect["dport"]].append(connect["latency_us"] / 1e6)
    return {port: sorted(values) for port, values in latencies.items()}


def bucket(seconds: float) -> int:
    return bisect_left(CLASSIC_BOUNDS_S, seconds)


def empty_panels(prometheus: Prometheus) -> list[str]:
    """Return the titles of the panels without data."""
    return [
        panel["title"]
        for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
        for target in panel["targets"]
        if not prometheus.query(
            re.sub(r"\[\$\w+\]", "[5m]", target["expr"])
            .replace("$instance", ".*")
            .replace("$destination", ".*")
        )
    ]


def test_three_hosts_are_scraped(hosts: list[Host], tmp_path: Path) -> None:
    """GIVEN three hosts WHEN one loses SYNs and one meets a closed port THEN Prometheus says so."""
    burst = hosts[1]
    file = tmp_path / "recording"
    with ExitStack() as stack:
        port = stack.enter_context(workload.closed_port())
        stack.close()  # it was free a moment ago, in a namespace that nobody else uses
        prometheus = Prometheus(tmp_path, port, [host.instance for host in hosts])
        stack.callback(prometheus.kill)
        refusals = ("TcpConnectsRefused", burst.instance)
        with tcpconntop("record", str(file), "-P", ",".join(host.ports for host in hosts)) as recorder:
            scraped = "tcpconntop_tracing offset 10s"
            poll(lambda: prometheus.by_label(scraped, "instance"), lambda up: len(up) == 3)
            began_s, fired = time.monotonic(), False
            refuse(burst, BURST)  # a new destination, whose connects are over before it is scraped
            while time.monotonic() < began_s + SCRAPED_S:
                play(hosts)
                fired = fired or refusals in prometheus.firing()
            assert fired
            poll(prometheus.firing, lambda alerts: refusals not in alerts)
            _assert_the_loss_of_syns_clears(prometheus, hosts)
            poll(lambda: prometheus.by_label(ATTEMPTS, "instance"), lambda now: now == attempts_of(hosts))
            # The kernel's own count is not by port, so it cannot be compared.
            assert empty_panels(prometheus) == ["Completeness"]
            recorder.interrupt()
        _assert_percentiles(prometheus, hosts, recorded_latencies_s(file))
        _assert_an_exporter_may_be_killed(prometheus, hosts)
        _assert_prometheus_may_be_killed(prometheus, hosts)


def _assert_the_loss_of_syns_clears(prometheus: Prometheus, hosts: list[Host]) -> None:
    """It is said of the host that loses SYNs, and clears once it loses none, while its connects go on."""
    lossy = hosts[2]
    play(hosts)
    firing = {instance for name, instance in prometheus.firing() if name == "TcpSynLoss"}
    assert firing == {lossy.instance}
    lossy.lost, end_s = 0, time.monotonic() + way.DEADLINE_S
    while ("TcpSynLoss", lossy.instance) in prometheus.firing():
        assert time.monotonic() < end_s
        play(hosts)
        time.sleep(0.1)  # the pace of the connects, not a wait for something
    rate = "instance_destination_port:tcpconntop_connects:rate5m > 1"
    assert lossy.instance in prometheus.by_label(rate, "instance")
    lossy.lost = LOST


def _assert_percentiles(prometheus: Prometheus, hosts: list[Host], recorded: dict[int, list[float]]) -> None:
    """By host over the whole time, and as the rule records them by destination and port."""
    buckets = "sum by (instance, le) (increase(tcpconntop_connect_duration_seconds_bucket[5m]))"
    counts = prometheus.by_label("tcpconntop_connect_duration_seconds_count > 0", "port")
    assert counts == {str(port): len(latencies) for port, latencies in recorded.items()}
    for q in (0.5, 0.9, 0.99):
        found = prometheus.by_label(f"histogram_quantile({q}, {buckets})", "instance")
        for host in hosts:
            truth = recorded[host.port][int(q * (len(recorded[host.port]) - 1))]
            print(f"{host.instance}: p{q * 100:.0f} {found[host.instance]:.6f} s, recorded {truth:.6f} s")
            assert abs(bucket(found[host.instance]) - bucket(truth)) <= 1
    rule = prometheus.by_label("destination_port:tcpconntop_connect_duration_seconds:p99_rate5m", "port")
    for host in hosts:
        truth = recorded[host.port][int(0.99 * (len(recorded[host.port]) - 1))]
        assert abs(bucket(rule[str(host.port)]) - bucket(truth)) <= 1


def _assert_an_exporter_may_be_killed(prometheus: Prometheus, hosts: list[Host]) -> None:
    """An alert says that it is down, and clears when it is back; its counters begin anew."""
    killed = hosts[0]
    down = ("TcpconntopDown", killed.instance)
    killed.exporter.process.kill()
    killed.exporter.process.wait()
    firing = poll(prometheus.firing, lambda alerts: down in alerts)
    assert {instance for name, instance in firing if name == "TcpconntopDown"} == {killed.instance}
    play(hosts[1:])
    killed.exporter = killed.start_exporter()
    poll(prometheus.firing, lambda alerts: down not in alerts)
    play(hosts)
    poll(lambda: prometheus.by_label(ATTEMPTS, "instance"), lambda now: now == attempts_of(hosts))
    assert prometheus.by_label(f"resets({ATTEMPTS}[10m])", "instance") == {
        host.instance: int(host is killed) for host in hosts
    }


def _assert_prometheus_may_be_killed(prometheus: Prometheus, hosts: list[Host]) -> None:
    """What it had is there when it is back, and the exporters have counted meanwhile."""
    before = attempts_of(hosts)
    prometheus.kill()
    killed_s = time.time()
    play(hosts)
    prometheus.start()
    poll(lambda: prometheus.by_label(ATTEMPTS, "instance"), lambda now: now == attempts_of(hosts))
    assert prometheus.by_label(ATTEMPTS, "instance", time=killed_s) == before
