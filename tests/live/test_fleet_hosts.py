"""`fleet` over four hosts with an sshd each: one host and one destination are slow; hosts go and come."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import responder
import sshd
import way
from command import DEADLINE_S, TCPCONNTOP, UNPRIVILEGED, run
from pseudo_terminal import on_terminal
from ssh_hosts import DELAY_MS, NAMES, PORT, SERVERS, SLOW_HOST, SLOW_SERVER, Host, make_hosts, play_round

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.long,
    pytest.mark.skipif(not sshd.SSHD.exists(), reason="openssh-server is not installed"),
]

ROOT = Path(__file__).parents[2]


class Fleet:
    """A running `fleet -b --json`, and its newest document."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.said = process, list[str]()
        self.now: dict[str, Any] = {}
        self._readers = [threading.Thread(target=read) for read in (self._read, self._listen)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.now = json.loads(line)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(line.strip() for line in self.process.stderr)

    def until(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Return the first document of which something is true."""
        until_s = time.monotonic() + DEADLINE_S
        while not (self.now and is_so(self.now)):
            assert time.monotonic() < until_s, (self.now.get("hosts"), self.now.get("attempts"), self.said)
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        return self.now

    def until_host(self, name: str, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Return what is known of a host once something is true of it."""
        return host_in(self.until(lambda document: is_so(host_in(document, name))), name)

    def until_counted(self, hosts: list[Host]) -> dict[str, Any]:
        """Return the first document in which all connects of each host are counted, and none is in flight."""
        made = {host.name: host.made for host in hosts}
        return self.until(
            lambda document: (
                not document["in_flight"] and {h["name"]: h["attempts"] for h in document["hosts"]} == made
            )
        )

    def end(self) -> None:
        """Press Ctrl-C, and wait."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(DEADLINE_S) == 130
        for reader in self._readers:
            reader.join(DEADLINE_S)


def host_in(document: dict[str, Any], name: str) -> dict[str, Any]:
    host: dict[str, Any] = next(host for host in document["hosts"] if host["name"] == name)
    return host


@pytest.fixture
def hosts(alone: None, tmp_path: Path) -> Iterator[list[Host]]:
    """Four hosts and three servers."""
    with ExitStack() as stack:
        yield make_hosts(stack, tmp_path)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """The options of `fleet` that lead to the hosts."""
    record = shlex.join([*TCPCONNTOP, "record", "-", *way.OPTIONS])
    remote = f'cd {ROOT}; echo $$ >{tmp_path}/tracer-$CONNECTS_OF; exec {record} -u "$CONNECTS_OF"'
    return [*NAMES, "--ssh-command", f"ssh -F {tmp_path}/ssh_config", "--remote-command", remote]


@pytest.fixture
def fleet(hosts: list[Host], words: list[str], tmp_path: Path) -> Iterator[Fleet]:
    """A fleet of the four, all of them live, which is recorded to `fleet.HOST`."""
    command = [*UNPRIVILEGED, *TCPCONNTOP, "fleet", *words, "-b", "--json", "-w", "all", "-g", "host+dest"]
    with subprocess.Popen(
        [*command, "-d", "0.2", "--record", tmp_path / "fleet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Fleet(process)
        try:
            running.until(lambda document: all(h["state"] == "live" for h in document["hosts"]))
            yield running
        finally:
            process.kill()


def test_four_hosts_are_told_apart_go_and_come_back(hosts: list[Host], fleet: Fleet, tmp_path: Path) -> None:
    """GIVEN four hosts WHEN they lose sshd, tracer, network THEN each is shown and heals; all is counted."""
    play_round(hosts)
    rows = fleet.until_counted(hosts)["rows"]
    p50_us = {(row["host"], row["daddr"]): row["p50_us"] for row in rows}
    assert len(p50_us) == len(NAMES) * len(SERVERS)
    for name, server in p50_us:
        slow = DELAY_MS * 2_000 * ((name == SLOW_HOST) + (server == SLOW_SERVER))
        assert slow <= p50_us[name, server] < slow + DELAY_MS * 1_000, p50_us

    killed, cut_off, timed_out, slow_host = hosts
    killed.kill_sshd()
    assert fleet.until_host(killed.name, lambda host: host["state"] == "gone")["note"]
    fleet.until_host(killed.name, lambda host: "refused" in host["note"])
    assert host_in(fleet.now, killed.name)["attempts"] == killed.made
    killed.start_sshd()

    slow_host.kill_tracer()
    fleet.until_host(slow_host.name, lambda host: "without saying why (exit code" in host["note"])

    for host in (cut_off, timed_out):
        responder.ip(f"link set {host.name} down")
    cut_off.connect_to_itself(7)
    behind = fleet.until_host(cut_off.name, lambda host: host["behind_s"] >= 5)
    assert (behind["state"], behind["attempts"]) == ("behind", cut_off.made - 7)
    fleet.until_host(timed_out.name, lambda host: host["state"] == "gone")
    for host in (cut_off, timed_out):
        responder.ip(f"link set {host.name} up")

    for host in hosts:
        fleet.until_host(host.name, lambda host: host["state"] == "live")
    assert host_in(fleet.now, cut_off.name)["note"] == ""
    for host in (killed, timed_out, slow_host):
        assert host_in(fleet.now, host.name)["note"] == "was gone once: its connects in between are missing"
    play_round(hosts)
    total = fleet.until_counted(hosts)
    fleet.end()
    assert [host["lost"] for host in total["hosts"]] == [0] * 4
    assert total["attempts"] == total["outcomes"]["ok"] == sum(attempts_of(host) for host in hosts)
    assert counts(total) == counts(played(*(str(host.own) for host in hosts)))
    again = played(*(f"{tmp_path}/fleet.{name}" for name in NAMES))
    for name in ("attempts", "outcomes", "syn_retransmits", "lost"):
        assert again[name] == total[name]
    figures = [
        sorted((r["host"], r["daddr"], r["count"], r["p99_us"]) for r in d["rows"]) for d in (again, total)
    ]
    assert figures[0] == figures[1]


def test_the_dashboard_names_the_slow_host_and_the_slow_destination(
    hosts: list[Host], words: list[str], tmp_path: Path
) -> None:
    said = [tmp_path / f"said-{host.uid}" for host in hosts]
    words[-1] += f" 2>{tmp_path}/said-$CONNECTS_OF"
    with on_terminal([*TCPCONNTOP, "fleet", *words, "-w", "all", "-d", "0.2"]) as terminal:
        terminal.until("4 hosts")
        wait_until(lambda: all(file.exists() and "tracing: " in file.read_text() for file in said))
        terminal.press("x")
        play_round(hosts)
        terminal.until(f"{SLOW_HOST} is slower than the other hosts to 2 of 3 destinations")
        terminal.until(f"{SLOW_SERVER}:{PORT} is ")
        terminal.until("× slower than comparable addresses")
        terminal.press("q")
        assert terminal.end() == 0


def wait_until(is_so: Callable[[], bool]) -> None:
    until_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def attempts_of(host: Host) -> int:
    """Return the attempts in the ledger of a host's own recording, which ends now."""
    host.recorder.interrupt()
    attempts: int = played(str(host.own))["attempts"]
    assert attempts == host.made
    return attempts


def played(*files: str) -> dict[str, Any]:
    """Return the last document of recordings that are played together."""
    done = run("replay", *files, "-b", "--json", "-w", "all", "-g", "host+dest")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


def counts(document: dict[str, Any]) -> list[tuple[str, int]]:
    """Return how many connects each host made to each destination, without the names of the hosts."""
    return sorted((row["daddr"], row["count"]) for row in document["rows"])
