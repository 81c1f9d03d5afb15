"""The way of tracing that these tests are run for, and what it sees: the only place that tells ways apart.

TCPCONNTOP_TEST_PROBE and TCPCONNTOP_TEST_TRANSPORT name it, as the command line would.
"""

from __future__ import annotations

import os
from pathlib import Path

from tcpconntop.kernel.request import TraceRequest

PROBE = os.environ.get("TCPCONNTOP_TEST_PROBE", "auto")
TRANSPORT = os.environ.get("TCPCONNTOP_TEST_TRANSPORT", "auto")
OPTIONS = ("--probe", PROBE, "--transport", TRANSPORT)

FIRST = PROBE in ("auto", "fentry") and TRANSPORT in ("auto", "ring")
"""Whether this run is the one in which to test what is the same for all ways."""

EMULATED = "QEMU TCG" in Path("/proc/cpuinfo").read_text()
"""Whether everything takes 20 to 50 times as long."""

DEADLINE_S = 120.0 if EMULATED else 20.0
"""For what comes at once. Where it does not come in this time, it never does."""


def request(**filters: object) -> TraceRequest:
    return TraceRequest(probe=PROBE, transport=TRANSPORT, **filters)  # type: ignore[arg-type]


def sees_calls(probe: str) -> bool:
    """Whether the probes see connect() itself: its begin, its first SYN, and what fails at once."""
    return probe != "tracepoint"
