"""Compare with BCC's own tcpconnlat on the same connects. It needs kernel headers, so the test does too.

TCPCONNTOP_PEER is the path of its script if it is not installed, BCC_KERNEL_SOURCE that of the headers.
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
from command import tcpconntop

PEER = os.environ.get("TCPCONNTOP_PEER") or shutil.which("tcpconnlat-bpfcc")
HEADERS = Path(os.environ.get("BCC_KERNEL_SOURCE") or f"/lib/modules/{os.uname().release}/build")
COMPILES_S = 900.0 if way.EMULATED else 60.0
COUNT = 23
AWK = "NR > 1 { print $1, $2, $4, $5, $6, $7 }"
"""A script for `tcpconnlat -L`: PID, COMM, SADDR, LPORT, DADDR, DPORT."""

pytestmark = [
    pytest.mark.xdist_group("peer"),
    pytest.mark.skipif(not PEER or not Path(PEER).exists(), reason="tcpconnlat is not here (bpfcc-tools)"),
    pytest.mark.skipif(
        not (HEADERS / "include").exists(), reason="no headers of this kernel: tcpconnlat cannot compile"
    ),
    pytest.mark.skipif(
        (way.PROBE, way.TRANSPORT) not in (("auto", "auto"), ("kprobe", "ring")),
        reason="one run is enough: with kprobes, like tcpconnlat",
    ),
]

# The limit: 5 % and 20 µs, plus the resolution of 10 µs of both outputs.
RELATIVE, ABSOLUTE_US, STEP_US = 0.05, 20.0, 10.0


class Peer:
    """A running tcpconnlat."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._read = b""

    def lines(self, wanted: int, timeout_s: float) -> list[str]:
        """Return its first lines, including the header; fewer if no more come in time."""
        assert self._process.stdout
        deadline = time.monotonic() + timeout_s
        while self._read.count(b"\n") < wanted and (left := deadline - time.monotonic()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                assert part, f"it ended after {self._read!r}"
                self._read += part
        return self._read.decode().splitlines()


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


@pytest.fixture(scope="module")
def beside() -> tuple[list[str], list[str]]:
    """The output of tcpconnlat and of tcpconntop for the same 23 connects.

    The probe that is attached last runs first. tcpconntop is attached last, so that the time that tcpconnlat
    takes (to print, for example) is in neither latency.
    """
    own = str(os.getpid())
    with workload.listener() as server, tcpconnlat("-L", "-p", own) as peer:
        assert peer.lines(1, COMPILES_S)[0].startswith("PID"), "tcpconnlat did not start"
        with tcpconntop("log", "-L", "-p", own) as log:
            workload.connect(server, COUNT)
            theirs = peer.lines(1 + COUNT, way.DEADLINE_S)
            ours, _ = log.interrupt()
    assert len(ours) == 1 + COUNT
    assert len(theirs) > COUNT // 2  # it misses some, when the kernel skips one of its probes
    return theirs, ours


def test_latencies_are_those_of_tcpconnlat(
    beside: tuple[list[str], list[str]],
    capsys: pytest.CaptureFixture[str],
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    """GIVEN both tracers WHEN connecting THEN both show the same latency of each connect."""
    theirs, ours = (
        {line.split()[4]: float(line.split()[7]) * 1000 for line in lines[1:]} for lines in beside
    )
    assert theirs.keys() <= ours.keys()
    differences = np.array([ours[lport] - theirs[lport] for lport in theirs])
    bounds = np.array([RELATIVE * us + ABSOLUTE_US + STEP_US for us in theirs.values()])
    comparison = (
        f"tcpconnlat had {len(theirs)} of the same {COUNT} connects, "
        f"median {np.median(list(theirs.values())):.0f} µs; "
        f"ours differs by {np.median(differences):+.0f} µs in the median, "
        f"{differences[np.abs(differences).argmax()]:+.0f} µs at worst"
    )
    record_testsuite_property("notes", comparison)
    with capsys.disabled():
        print(f"\n{comparison}", file=sys.stderr)
    within = np.abs(differences) <= bounds
    # An emulated machine may pause between two probes of the same function.
    assert within.mean() > 0.5 if way.EMULATED else within.all()


def test_a_script_for_tcpconnlat_works_with_log(beside: tuple[list[str], list[str]]) -> None:
    """GIVEN an awk script for tcpconnlat WHEN it reads both outputs THEN the results are the same."""
    theirs, ours = (
        subprocess.run(["awk", AWK], input="\n".join(lines), capture_output=True, check=True, text=True)
        .stdout.splitlines()
        for lines in beside
    )  # fmt: skip
    by_port = {line.split()[3]: line for line in ours}
    assert [by_port[line.split()[3]] for line in theirs] == theirs
    assert len(by_port) == COUNT
