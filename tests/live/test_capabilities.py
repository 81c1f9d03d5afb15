"""Tracing with CAP_BPF and CAP_PERFMON alone, in every way of tracing, on kernels as they come."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import way
from command import TCPCONNTOP, TWO_CAPABILITIES, Known, tcpconntop

from tcpconntop.doctor.machine import MEMLOCK_UNUSED_SINCE, kernel_version

PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
REFUSES_PERF_EVENTS = 3
"""Debian's kernels have it: only CAP_SYS_ADMIN may open perf events, as perf buffers and some kprobes are."""
FPROBE_SINCE = (6, 12)
"""Debian's first kernel where kprobes need no perf event. BCC attaches them as perf events in any case."""


def test_two_capabilities_trace_every_connect(known: Known) -> None:
    kernel, prefix = kernel_version(os.uname().release), TWO_CAPABILITIES
    if kernel < MEMLOCK_UNUSED_SINCE:  # maps count as locked memory
        prefix = ("prlimit", "--memlock=unlimited", *prefix)
    paranoid = int(PARANOID.read_text()) >= REFUSES_PERF_EVENTS
    by_bcc = way.LOADER == "bcc" or way.TRANSPORT == "perf"
    needs_events = way.TRANSPORT == "perf" or (way.PROBE == "kprobe" and (kernel < FPROBE_SINCE or by_bcc))
    if paranoid and needs_events:
        done = subprocess.run(
            [*prefix, *TCPCONNTOP, "log", *way.OPTIONS],
            check=False, capture_output=True, text=True, timeout=way.DEADLINE_S,
        )  # fmt: skip
        assert done.returncode in (3, 4)
        assert len(done.stderr.splitlines()) == 1
        pytest.skip(f"perf_event_paranoid is 3, and this needs perf events: {done.stderr.strip()}")
    with tcpconntop("log", "--json", "-P", known.ports, prefix=prefix) as log:
        known.run()
        lines = log.interrupt()[0]
    assert Counter(json.loads(line)["result"] for line in lines) == {"ok": 30, "refused": 5, "cancelled": 3}
