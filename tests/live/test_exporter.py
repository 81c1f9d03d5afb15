"""The exporter end to end: known connects are exactly in the counters that a scrape gets."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import way
import workload
from command import TWO_CAPABILITIES, Command, Known, run, tcpconntop

pytestmark = pytest.mark.compiles

READ_ONLY = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -o remount,bind,ro / && ! touch /probe 2>/dev/null && exec "$@"',
    "sh",
)
"""Prefix of a command that may write nowhere in the root file system, as in the DaemonSet."""

SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)$")


class Scraped:
    """A page of metrics, read in the simplest way that is right for these names.

    Attributes:
        text: the page.
    """

    def __init__(self, url: str) -> None:
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.text = answer.read().decode("utf-8")
        lines = [line for line in self.text.splitlines() if not line.startswith("#")]
        self._samples = [match.groups() for match in map(SAMPLE.match, lines) if match]
        assert len(self._samples) == len(lines)

    def values(self, name: str, **labels: object) -> list[float]:
        """Return the values of all samples that have these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return [
            float(value)
            for found, text, value in self._samples
            if found == name and all(pair in (text or "") for pair in wanted)
        ]

    def total(self, name: str, **labels: object) -> float:
        """Return the sum of the samples that have these labels."""
        return sum(self.values(name, **labels))


def url_of(command: Command) -> str:
    """Return the address that the exporter prints after `tracing: …`."""
    assert command.process.stderr is not None
    line = command.process.stderr.readline()
    assert line.startswith("listening: http://"), line
    return line.split()[1]


def wait_for(url: str, ended: int) -> Scraped:
    """Scrape until so many connects have ended: a snapshot is published each second."""
    end_s = time.monotonic() + way.DEADLINE_S
    while time.monotonic() < end_s:
        page = Scraped(url)
        if page.total("tcpconntop_connects_total") >= ended:
            return page
    raise AssertionError(page.text)


@pytest.fixture
def exporting(known: Known) -> Iterator[tuple[Command, str]]:
    with tcpconntop("exporter", "--listen", "127.0.0.1:0", "-P", known.ports) as command:
        yield command, url_of(command)


def test_known_connects_are_exactly_in_the_counters(known: Known, exporting: tuple[Command, str]) -> None:
    command, url = exporting
    known.run()
    page = wait_for(url, Known.count)
    connects = "tcpconntop_connects_total"
    v4 = {"destination": "127.0.0.1", "port": workload.port_of(known.v4), "family": 4}
    assert page.values(connects, **v4, outcome="ok") == [23]
    assert page.values("tcpconntop_connect_duration_seconds_count", **v4) == [23]
    assert page.values("tcpconntop_connect_duration_seconds_bucket", **v4, le="+Inf") == [23]
    assert 0 < page.total("tcpconntop_connect_duration_seconds_sum", **v4) < 23
    assert page.values(connects, destination="::1", family=6, outcome="ok") == [7]
    assert page.values(connects, port=known.closed, outcome="refused") == [5]
    assert page.values(connects, port=workload.port_of(known.silent), outcome="cancelled") == [3]
    assert page.total(connects) == page.total("tcpconntop_attempts_total") == Known.count
    assert page.total(connects, destination="other") == 0
    assert page.values("tcpconntop_failures_total", errno="ECONNREFUSED") == [5]
    for name in ("in_flight", "lost_records_total", "lost_starts_total"):
        assert page.values(f"tcpconntop_{name}") == [0], name
    assert page.values("tcpconntop_tracing") == [1]
    assert command.interrupt() == ([], "")


def test_two_capabilities_and_a_read_only_root_are_enough(known: Known) -> None:
    if way.is_refused_two_capabilities():
        pytest.skip("perf_event_paranoid is 3, and this way of tracing needs perf events")
    prefix = (*READ_ONLY, *TWO_CAPABILITIES)
    with tcpconntop("exporter", "--listen", ":0", "-P", known.ports, prefix=prefix) as command:
        url = url_of(command)
        known.run()
        page = wait_for(url, Known.count)
    assert page.total("tcpconntop_attempts_total") == Known.count


def test_the_server_has_no_capability(exporting: tuple[Command, str]) -> None:
    """It meets strangers: GIVEN the exporter WHEN it serves THEN every thread has given everything up."""
    command, url = exporting
    Scraped(url)
    texts = []
    for thread in Path(f"/proc/{command.process.pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread of the scrape may end meanwhile
            texts.append((thread / "status").read_text())
    assert len(texts) >= 2
    for status in texts:
        assert re.findall(r"^Cap\w+:\s+0*([1-9a-f]\w*)$", status, re.MULTILINE) == []
        assert ("NoNewPrivs:\t1\n" in status, "Seccomp:\t2\n" in status) == (True, True)


def test_a_port_that_is_taken_is_one_line(exporting: tuple[Command, str]) -> None:
    port = exporting[1].split(":")[2].split("/")[0]
    done = run("exporter", "--listen", f"127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tcpconntop: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_sudo_rule_reads_no_web_config_of_root(tmp_path: Path) -> None:
    secret = tmp_path / "web.toml"
    secret.touch(mode=0o600)
    secret.write_text("not TOML")
    sudo = ("env", "-u", "XDG_CONFIG_HOME", "SUDO_UID=65534", "SUDO_GID=65534")
    done = run("exporter", "--web-config", str(secret), prefix=sudo)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"tcpconntop: {secret}: Permission denied\n"
    assert "it is not TOML" in run("exporter", "--web-config", str(secret)).stderr  # root's own rights
