"""What the demo's workload does wrong is explained, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import way

from tcpconntop.core.analysis.explain import Finding, explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.engine import Engine
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.sources.live import Live

pytestmark = pytest.mark.compiles

DEADLINE_S = 2 * way.DEADLINE_S + 20
"""SYNs get lost every 5 s or so; the findings need a handful of connects each."""

UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
"""As the demo starts it: its privileges are gone by then."""

WANTED = {
    "refused": "nothing listens on",
    "lost-syns": "lost a SYN",
    "gives-up": "impatient gives up after",
}

SLOW = {"local-work", "slow-address"}
"""What a machine that takes 20 times as long for everything may add."""


@contextmanager
def workload() -> Iterator[tuple[int, ...]]:
    """Run the demo's workload; gives the processes that connect."""
    command = [*UNPRIVILEGED, sys.executable, "-m", "tcpconntop.demo.workload"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield _clients(process.pid)
    finally:
        process.communicate()


def _clients(parent: int) -> tuple[int, ...]:
    from tcpconntop.demo.workload import CLIENTS

    deadline = time.monotonic() + way.DEADLINE_S
    while True:
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if len(found) == len(CLIENTS):
            return tuple(map(int, found))
        assert time.monotonic() < deadline, "the workload does not start"
        time.sleep(0.01)


class Watcher:
    """Explains each snapshot until every wanted kind of finding is there, or time is up."""

    def __init__(self) -> None:
        self.found: dict[str, Finding] = {}
        self.ever: set[str] = set()
        self._deadline = time.monotonic() + DEADLINE_S
        self.stop = lambda: None

    def publish(self, shown: Snapshot) -> None:
        found = explain(Selection(make_view(shown, ViewSpec())), str)
        self.found = {finding.kind: finding for finding in found}
        self.ever |= self.found.keys()
        if self.found.keys() >= WANTED.keys() or time.monotonic() > self._deadline:
            self.stop()


def test_the_demo_is_explained() -> None:
    """GIVEN the demo's workload WHEN it ran for some seconds THEN exactly what it does wrong was found."""
    with workload() as pids:
        source = Live(spawn_loader(), way.request(pids=pids))
        watcher = Watcher()
        engine = Engine(source, watcher.publish, 60, 0.25)
        watcher.stop = engine.stop
        engine.run()
    assert watcher.ever - (SLOW if way.EMULATED else set()) == WANTED.keys()
    assert all(WANTED[kind] in finding.title for kind, finding in watcher.found.items())
    assert watcher.found["lost-syns"].evidence.endswith("by search-api")
