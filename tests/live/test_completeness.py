"""Completeness: the traced connects of each network namespace against the kernel's count there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import elsewhere
import workload
from tracer import Tracer

from tcpconntop.sources.completeness import Completeness

Trace = Callable[..., Tracer]
NETNS = Path("/proc/thread-self/ns/net")


class Elsewhere:
    """A running `elsewhere.py`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self._answer("ready")

    def connect(self, times: int) -> None:
        assert self.process.stdin is not None
        print(times, file=self.process.stdin, flush=True)
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


def test_other_namespaces_are_compared_from_their_first_record_on(trace: Trace) -> None:
    """GIVEN processes in three namespaces WHEN they connect THEN what was seen is what the kernel counted."""
    with another_namespace() as one, another_namespace() as two, workload.listener() as server:
        tracer = trace(pids=(os.getpid(), one.pid, two.pid))
        namespaces = Completeness(tracer.session.sent_attempts)
        assert namespaces.compare() == (0, 0)
        for place in (one, two):
            place.connect(3)
        namespaces.find_reference_processes(tracer.ended(6))
        assert namespaces.compare() == (0, 0)  # what was before is in neither
        one.connect(23)
        two.connect(7)
        workload.connect(server, 5)
        tracer.ended(41)
        assert namespaces.compare() == (35, 35)

        one.end()  # and its namespace with it
        two.connect(2)
        tracer.ended(43)
        assert namespaces.compare() == (37, 37)


def test_connects_left_out_by_a_filter_count_as_not_seen(trace: Trace) -> None:
    """GIVEN a filter that leaves connects out WHEN they are made THEN the kernel's count shows it."""
    with workload.listener() as server, workload.listener() as other:
        tracer = trace(ports=(workload.port_of(server),))
        namespaces = Completeness(tracer.session.sent_attempts)
        workload.connect(server, 13)
        workload.connect(other, 4)
        tracer.ended(13)
        assert namespaces.compare() == (13, 17)


def test_counts_of_namespaces_are_kept_apart(trace: Trace) -> None:
    """GIVEN a count of one namespace WHEN another one with the same slot is asked for THEN it gets none."""
    with workload.listener() as server:
        tracer = trace()
        home = NETNS.stat().st_ino
        before = tracer.session.sent_attempts(home)
        workload.connect(server, 3)
        tracer.ended(3)
        after = tracer.session.sent_attempts(home)
    assert before is not None
    assert after == before + 3
    assert tracer.session.sent_attempts(home + 256) is None
