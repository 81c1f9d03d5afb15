"""Connects in other network namespaces, and the comparison of a session with the kernel's count."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import elsewhere
import namespaces
import network

from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.kernel.session import Session
from tcpconntop.sources.completeness import Completeness


class Elsewhere:
    """A running `elsewhere.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self._answer("ready")

    def connect(self, times: int) -> None:
        self.tell(str(times))

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        self._answer("made")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answer(self, expected: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{expected}\n"


@contextmanager
def another_namespace() -> Iterator[Elsewhere]:
    command = ["unshare", "--net", sys.executable, elsewhere.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Elsewhere(process)


def closed_port() -> int:
    """A port that only this worker connects to, where nothing listens in the namespaces of `side_by_side`."""
    return int(network.LOCAL_PORTS.read_text().split()[0])


@contextmanager
def side_by_side(count: int, way: str = "process") -> Iterator[None]:
    """Many namespaces with a connect to `closed_port` each, until the end of the block."""
    command = [sys.executable, namespaces.__file__, str(count), way, str(closed_port())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        yield
        process.communicate()


def comparison(session: Session) -> Completeness:
    """Compare this namespace, and those that connect from now on: others were traced without filters."""
    own, before = Path("/proc/thread-self/ns/net").stat().st_ino, session.namespaces()

    def counts(since_ns: int = 0) -> dict[int, NamespaceCounts]:
        found = session.namespaces(since_ns).items()
        return {netns: one for netns, one in found if netns == own or one != before.get(netns)}

    return Completeness(counts, session.counters)


def seen_of(completeness: Completeness) -> tuple[int, int]:
    """Return how many connects were seen, and how many the kernel counted."""
    compared = completeness.compare()
    assert compared.excess == 0
    return compared.opens - compared.unseen, compared.opens
