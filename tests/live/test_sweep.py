"""Random mixtures of situations in several network namespaces at once: what is said of them is true.

Six mixtures run always, 200 with `--long`. The name of a test has the seed of its mixture: with
`-k "test_a_mixture and [17]" --long` it runs again, with TCPCONNTOP_TEST_MIXTURES=300-399 others do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import network
import numpy as np
import pytest
import sweep
import way
import workload
from sweep import Mixture, draw_mixture, unavailable
from truth import Truth
from verdicts import Judge, wrong_records

from tcpconntop.core.analysis.explain import explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.engine import Engine
from tcpconntop.kernel import bpf_call
from tcpconntop.kernel.launch import spawn_loader
from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.sources import host
from tcpconntop.sources.completeness import Completeness
from tcpconntop.sources.host import HostWatch
from tcpconntop.sources.live import Live

ALWAYS, ALL, TRIALS = 3, 200, 5
MAP_TYPE_ARRAY, OTHER_TRACEPOINT = 2, "signal_generate"
RETURN_ZERO = bytes.fromhex("b7000000000000009500000000000000")
OWN = "/proc/{}/task/{}/ns/net"


def seeds() -> list[Any]:
    """Return the seeds of the mixtures; those that run in the long form alone are marked."""
    chosen = os.environ.get("TCPCONNTOP_TEST_MIXTURES", "")
    if chosen:
        first, _, last = chosen.partition("-")
        return list(range(int(first), int(last or first) + 1))
    return [*range(ALWAYS), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(ALWAYS, ALL))]


class Traced(Live):
    """The product's live source, as it would see a machine on which nothing but the mixture connects."""

    def __init__(self, namespaces: set[int], mixture: Mixture, pids: tuple[int, ...]) -> None:
        super().__init__(spawn_loader(), way.request(ports=mixture.ports, pids=pids))
        self.events: Events = np.empty(0, EVENT)
        self._only = namespaces
        self._completeness = Completeness(self.counts, self._session.counters)
        self._host = HostWatch(self._completeness.references)

    def counts(self, since_ns: int = 0) -> dict[int, NamespaceCounts]:
        """Return the kernel side's counts of the mixture's namespaces."""
        table = self._session.namespaces(since_ns).items()
        return {netns: counts for netns, counts in table if netns in self._only}

    def read(self, timeout_s: float) -> Events:
        events = super().read(timeout_s)
        mine = events[np.isin(events["netns"], list(self._only))]
        self.events = np.concatenate([self.events, mine])
        return mine

    def ledger(self) -> Ledger:
        ledger = super().ledger()
        self.compared, self.counted = self._completeness.compare(), self.counts()
        return ledger

    def traces(self, truth: Truth, mixture: Mixture, pids: tuple[int, ...]) -> bool:
        """Return True if a connect is seen by these probes, and passes the filters."""
        return (
            (way.sees_calls(self.info.probe) or not truth.in_call)
            and (not mixture.ports or truth.dport in mixture.ports)
            and (not pids or truth.pid in pids)
        )

    def wrong_totals(self, last: Snapshot, opens: dict[int, int]) -> Iterator[str]:
        """Yield what is wrong in completeness and counts; `opens` are the kernel's connects by namespace."""
        share, compared = last.ledger.completeness, self.compared
        if self._filtered:
            if share is not None:
                yield f"completeness is {share} though connects are filtered out"
            return
        if share not in (None, 1.0) or compared.unseen or compared.lost or compared.excess:
            yield f"completeness is {share}, by {compared}; true: {opens}"
        if compared.opens > sum(opens.values()):
            yield f"{compared.opens} connects were compared; true: {opens}"
        for netns, counts in self.counted.items():
            if counts.sent != opens[netns]:
                yield f"{counts.sent} connects were seen in {netns}; true: {opens}"


class Places:
    """A running `sweep.py`, started anew after a mixture that went wrong."""

    def __init__(self) -> None:
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, sweep.__file__]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @contextmanager
    def of(self, mixture: Mixture) -> Iterator[list[list[int]]]:
        """Have the namespaces of a mixture until the end of the block; yield process and number."""
        own = OWN.format(os.getpid(), threading.get_native_id())
        try:
            yield self.tell([asdict(mixture), own])
            print("end", file=self._process.stdin, flush=True)
        except BaseException:
            self.close()
            self._process = self._start()
            raise

    def tell(self, what: object) -> Any:
        """Send a line, and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    running = Places()
    yield running
    running.close()


@contextmanager
def tracing(source: Traced, snapshots: list[Snapshot]) -> Iterator[None]:
    engine = Engine(source, snapshots.append, interval_s=0.1)
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        yield
    finally:
        engine.stop()
        thread.join()


def wait_for(source: Traced, n: int) -> None:
    """Wait until so many records are there; fewer at the deadline are told by the comparison."""
    deadline = time.monotonic() + way.DEADLINE_S / 4
    while len(source.events) < n and time.monotonic() < deadline:
        time.sleep(0.01)


def findings_of(snapshot: Snapshot) -> list[Any]:
    return list(explain(Selection(make_view(snapshot, ViewSpec())), str))


def wrong_of(mixture: Mixture, places: Places) -> tuple[list[str], bool]:
    """Make a mixture; return what is wrong, and whether others attached or detached probes meanwhile."""
    snapshots: list[Snapshot] = []
    with places.of(mixture) as made:
        pids = (made[0][0],) if mixture.first_process else ()
        source = Traced({netns for _, netns in made}, mixture, pids)
        with tracing(source, snapshots):
            before = attached()
            told = places.tell("go")
            assert all(told), "a place has failed"
            truths = [Truth(**one) for place in told for one in place["connects"]]
            truths = [one for one in truths if source.traces(one, mixture, pids)]
            wait_for(source, len(truths))
            disturbed = attached() != before.next()
    own = Path(OWN.format(os.getpid(), threading.get_native_id())).stat().st_ino
    opens = {netns: place["opens"] for (_, netns), place in zip(made, told, strict=True)}
    judge = Judge(truths, own)
    said = {(one.title, one.evidence): one for now in snapshots for one in findings_of(now)}
    wrong = [
        *wrong_records(source.events, truths),
        *source.wrong_totals(snapshots[-1], opens),
        *(line for finding in said.values() for line in judge.wrong(finding)),
        *judge.missing(findings_of(snapshots[-1])),
    ]
    return wrong, disturbed


class Attached(NamedTuple):
    """The links of BPF programs on this machine, and numbers that grow with each map, program and link.

    Whoever attaches programs makes maps, and loads the programs (with BCC a second later): so those who
    come and go in between are noticed too.
    """

    links: frozenset[int]
    map_number: int
    program_number: int
    link_number: int

    def next(self) -> Attached:
        """Return what `attached` returns if nobody attached or detached anything meanwhile."""
        return Attached(self.links, self.map_number + 1, self.program_number + 1, self.link_number + 1)


def attached() -> Attached:
    links = frozenset(link["id"] for link in workload.bpftool("link", "show"))
    bpf_call.raise_memory_lock_limit()  # kernels before 5.11 count maps as locked memory
    new_map = bpf_call.create_map("tct_number", MAP_TYPE_ARRAY, 4, 4, 1, 0)
    program = bpf_call.load_program("tct_number", bpf_call.TYPE_RAW_TRACEPOINT, RETURN_ZERO)
    # This waits for links that are no longer listed, and still being detached.
    link = bpf_call.open_raw_tracepoint(program, OTHER_TRACEPOINT)
    names = ((new_map, "map_id:"), (program, "prog_id:"), (link, "link_id:"))
    return Attached(links, *(number_of(descriptor, name) for descriptor, name in names))


def number_of(descriptor: int, name: str) -> int:
    text = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    os.close(descriptor)
    return int(text.split(name)[1].split()[0])


@pytest.mark.parametrize("seed", seeds())
def test_a_mixture(seed: int, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN connects with many outcomes and causes THEN names, counts, causes and completeness are true.

    While anybody attaches a program to a tracepoint or detaches one, some kernels pass by all programs there
    for some milliseconds. So a mixture that went wrong while programs came or went is made again.
    """
    monkeypatch.setattr(host, "READ_INTERVAL_NS", 100_000_000)  # as a longer mixture would be read
    lacking = unavailable()
    for need, reason in lacking.items():
        print(f"no situations with {need}: {reason}")
    mixture = draw_mixture(seed, lacking)
    print(f"mixture {seed}: {mixture}")
    for _ in range(TRIALS):
        with network.another():
            wrong, disturbed = wrong_of(mixture, places)
        if not wrong or not disturbed:
            break
        print("other programs were attached or detached meanwhile; made again because of:", *wrong, sep="\n")
    assert not wrong, f"mixture {seed}:\n" + "\n".join(wrong)
