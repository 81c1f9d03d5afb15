"""Explain finds the problems that the demo's workload has, and no others."""

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
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome
from tcpconntop.engine import Engine
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.sources.live import Live

pytestmark = pytest.mark.compiles

ENOUGH = 200
"""Connects of each kind after which each finding must be there: it needs a handful of them. How long that
takes depends on the machine alone."""

UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
"""The demo starts the workload after it has dropped its privileges."""

WANTED = {
    "refused": "refuses every connect",
    "lost-syns": "lost a SYN",
    "gives-up": "impatient gives up after",
}

SLOW = {"local-work", "slow-address", "slow-process"}
"""Findings that an emulated machine may add: everything takes 20 times as long there."""
EXACT = {"gives-up"}
"""Findings that it may lack: of connects that are given up at one age, to 2 %."""


@contextmanager
def workload() -> Iterator[tuple[int, ...]]:
    """Run the demo's workload; yields the IDs of the processes that connect."""
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
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if len(children) == len(CLIENTS):
            return tuple(map(int, children))
        assert time.monotonic() < deadline, "the workload does not start"
        time.sleep(0.01)


class Watcher:
    """Explains each snapshot until all wanted findings are there, or enough connects for them.

    It also ends where the workload no longer connects.
    """

    def __init__(self) -> None:
        self.found: dict[str, Finding] = {}
        self.ever: set[str] = set()
        self.ledger = Ledger()
        self._deadline = time.monotonic() + way.DEADLINE_S
        self.stop = lambda: None

    def publish(self, shown: Snapshot) -> None:
        findings = explain(Selection(make_view(shown, ViewSpec())), str)
        self.found = {finding.kind: finding for finding in findings}
        self.ever |= self.found.keys()
        if shown.ledger.ended > self.ledger.ended:
            self._deadline = time.monotonic() + way.DEADLINE_S
        self.ledger = shown.ledger
        outcomes, lost = self.ledger.outcomes, self.ledger.syn_retransmits
        made = (outcomes[Outcome.REFUSED], outcomes[Outcome.CANCELLED], lost)
        if self.found.keys() >= WANTED.keys() or min(made) >= ENOUGH or time.monotonic() > self._deadline:
            self.stop()


def test_the_demo_is_explained() -> None:
    """GIVEN the demo's workload WHEN it runs for some seconds THEN exactly its problems are found."""
    with workload() as pids:
        source = Live(spawn_loader(), way.request(pids=pids))
        watcher = Watcher()
        engine = Engine(source, watcher.publish, 60, 0.25)
        watcher.stop = engine.stop
        engine.run()
    found, wanted = watcher.ever, set(WANTED)
    if way.EMULATED:
        found, wanted = found - SLOW - EXACT, wanted - EXACT
    assert found == wanted, watcher.ledger
    assert all(WANTED[kind] in finding.title for kind, finding in watcher.found.items())
    assert watcher.found["lost-syns"].evidence.endswith("by search-api")
