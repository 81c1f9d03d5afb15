"""Findings about several network namespaces at once: each is about the figures of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import container
import pytest
import way
import workload

from tcpconntop.core.analysis.explain import Finding, explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome
from tcpconntop.engine import Engine
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.sources.live import Live

OWN = Path("/proc/thread-self/ns/net")


class Traced:
    """A container and this process, traced by an engine of their own."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        self.netns = Path(f"/proc/{child.pid}/ns/net").stat().st_ino
        self._snapshots: list[Snapshot] = []
        source = Live(spawn_loader(), way.request(pids=(os.getpid(), child.pid)))
        self.engine = Engine(source, self._snapshots.append, interval_s=0.1)

    def answer(self, expected: str) -> None:
        assert self._child.stdout is not None
        assert self._child.stdout.readline().strip() == expected

    def go_on(self) -> None:
        assert self._child.stdin is not None
        print(file=self._child.stdin, flush=True)
        self.answer("done")

    def until(self, true: Callable[[Snapshot], object]) -> Snapshot:
        """Return the first snapshot of which something is true."""
        deadline = time.monotonic() + way.DEADLINE_S
        while True:
            if self._snapshots and true(self._snapshots[-1]):
                return self._snapshots[-1]
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def facts_are_known(self) -> None:
        """Wait until the counters of the container are known, by a first failure of it."""
        self.go_on()
        self.until(lambda now: now.host and now.host.get(self.netns) and now.host[self.netns].queues)


@contextmanager
def traced(trouble: str, port: int) -> Iterator[Traced]:
    command = (
        "unshare",
        "--net",
        sys.executable,
        Path(__file__).with_name("container.py"),
        trouble,
        str(port),
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        tracing = Traced(child)
        thread = threading.Thread(target=tracing.engine.run)
        thread.start()
        try:
            yield tracing
        finally:
            tracing.engine.stop()
            thread.join()
            child.kill()


def found_in(now: Snapshot) -> dict[str, Finding]:
    """Return the findings by title."""
    return {finding.title: finding for finding in explain(Selection(make_view(now, ViewSpec())), str)}


def ended(now: Snapshot, outcome: Outcome) -> int:
    return int(now.window.stats["outcomes"][:, outcome].sum())


@pytest.fixture
def port() -> Iterator[int]:
    with workload.closed_port() as free:
        yield free


def test_local_ports_of_a_container_are_not_those_of_the_host(port: int) -> None:
    """GIVEN a container with one local port, in use WHEN it connects THEN it is not told the host's range."""
    with traced("no port", port) as tracing:
        tracing.facts_are_known()
        tracing.go_on()
        now = tracing.until(lambda now: ended(now, Outcome.ERROR) == 3)
        found = found_in(now)[f"3 connects to 127.0.0.1:{port} failed with EADDRNOTAVAIL"]
        assert f"the range of local ports in network namespace {tracing.netns} is not known" in found.evidence
        assert now.host is not None
        assert str(now.host[OWN.stat().st_ino].port_count) not in found.evidence.replace(",", "")


def test_a_full_queue_here_is_not_blamed_for_syns_that_are_lost_in_a_container(port: int) -> None:
    """GIVEN a listener here overflows WHEN SYNs are dropped in a container THEN each has its own cause."""
    with traced("dropped SYNs", port) as tracing:
        tracing.facts_are_known()
        with container.full_queue(0) as busy:
            own = OWN.stat().st_ino
            tracing.until(
                lambda now: now.host and any(queue.is_full for queue in now.host[own].listeners.values())
            )
        tracing.go_on()
        now = tracing.until(lambda now: ended(now, Outcome.OK) == 4 and "accept queue" in str(found_in(now)))
        titles = [title for title in found_in(now) if "accept queue" in title]
        assert titles == [f"the accept queue of 127.0.0.1:{busy} is full"]
        assert f"1 of 1 connect to 127.0.0.1:{port} lost a SYN" in found_in(now)


def test_a_full_queue_in_a_container_is_not_named_without_its_backlog(port: int) -> None:
    """GIVEN a listener overflows in a container THEN it is told that one did, in that namespace."""
    with traced("full queue", port) as tracing:
        tracing.facts_are_known()
        tracing.go_on()
        title = f"an accept queue of network namespace {tracing.netns} overflowed"
        now = tracing.until(lambda now: title in found_in(now))
        assert "which listener was full is not known" in found_in(now)[title].evidence
