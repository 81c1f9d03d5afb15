"""Beside BCC's own tcpconnlat, on the same connects. Runs where that runs: with its kernel headers.

TCPCONNTOP_PEER names its script, where it is not installed, and BCC_KERNEL_SOURCE the headers.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import way
import workload
from tracer import Tracer

from tcpconntop.core.stats import latency_ns

PEER = os.environ.get("TCPCONNTOP_PEER") or shutil.which("tcpconnlat-bpfcc")
HEADERS = Path(os.environ.get("BCC_KERNEL_SOURCE") or f"/lib/modules/{os.uname().release}/build")
COMPILES_S = 900.0 if way.EMULATED else 60.0
COUNT = 23

# The bar: 5 % and 20 µs, beside the 10 µs steps that tcpconnlat prints.
RELATIVE, ABSOLUTE_US, STEP_US = 0.05, 20.0, 10.0


class Peer:
    """A running tcpconnlat."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._read = b""

    def lines(self, wanted: int, timeout_s: float) -> list[list[str]]:
        """The fields of its first lines, the header among them; fewer when no more come in time."""
        assert self._process.stdout
        deadline = time.monotonic() + timeout_s
        while self._read.count(b"\n") < wanted and (left := deadline - time.monotonic()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                assert part, f"it ended after {self._read!r}"
                self._read += part
        return [line.split() for line in self._read.decode().splitlines()]


@contextmanager
def tcpconnlat(*arguments: str) -> Iterator[Peer]:
    assert PEER
    process = subprocess.Popen(
        ["/usr/bin/python3", "-u", PEER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield Peer(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not PEER or not Path(PEER).exists(), reason="tcpconnlat is not here (bpfcc-tools)")
@pytest.mark.skipif(
    not (HEADERS / "include").exists(), reason="no headers of this kernel: tcpconnlat cannot compile"
)
@pytest.mark.skipif((way.PROBE, way.TRANSPORT) not in (("auto", "auto"), ("kprobe", "ring")),
                    reason="once is enough: with kprobes, as tcpconnlat has them")  # fmt: skip
def test_latencies_are_those_of_tcpconnlat(
    trace: Callable[..., Tracer],
    capsys: pytest.CaptureFixture[str],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """GIVEN tcpconnlat beside us WHEN 23 connects are made THEN both say the same of each that it has.

    It misses some where the kernel skips one of its probes; how many it had is printed.
    """
    with workload.listener() as server, tcpconnlat("-L", "-p", str(os.getpid())) as peer:
        assert peer.lines(1, COMPILES_S)[0][0] == "PID", "it never began"
        tracer = trace()
        workload.connect(server, COUNT)
        events = tracer.ended(COUNT)
        fields = peer.lines(1 + COUNT, way.DEADLINE_S)[1:]
        pid, port = str(os.getpid()), str(workload.port_of(server))

    ours = {int(port): us for port, us in zip(events["lport"], latency_ns(events) / 1000, strict=True)}
    theirs = {int(line[4]): float(line[7]) * 1000 for line in fields}
    assert len(ours) == COUNT
    assert theirs.keys() <= ours.keys()
    assert len(theirs) > COUNT // 2
    assert {(line[0], line[2], line[3], line[5], line[6]) for line in fields} == {
        (pid, "4", "127.0.0.1", "127.0.0.1", port)
    }
    differences = np.array([ours[lport] - theirs[lport] for lport in theirs])
    bounds = np.array([RELATIVE * us + ABSOLUTE_US + STEP_US for us in theirs.values()])
    median_us = np.median(list(theirs.values()))
    comparison = (
        f"tcpconnlat had {len(theirs)} of the same {COUNT} connects, median {median_us:.0f} µs; "
        f"ours differs by {np.median(differences):+.0f} µs in the median, "
        f"{differences[np.abs(differences).argmax()]:+.0f} µs at worst"
    )
    record_testsuite_property("notes", comparison)
    with capsys.disabled():
        print(f"\n{comparison}", file=sys.stderr)
    assert (np.abs(differences) <= bounds).all()
