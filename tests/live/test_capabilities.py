"""Tracing with CAP_BPF and CAP_PERFMON alone, in every way of tracing, on kernels as they come."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter

import pytest
import way
from command import TCPCONNTOP, TWO_CAPABILITIES, Known, tcpconntop

from tcpconntop.doctor.machine import MEMLOCK_UNUSED_SINCE, kernel_version


def test_two_capabilities_trace_every_connect(known: Known) -> None:
    kernel, prefix = kernel_version(os.uname().release), TWO_CAPABILITIES
    if kernel < MEMLOCK_UNUSED_SINCE:  # maps count as locked memory
        prefix = ("prlimit", "--memlock=unlimited", *prefix)
    if way.is_refused_two_capabilities():
        done = subprocess.run(
            [*prefix, *TCPCONNTOP, "log", *way.OPTIONS],
            check=False, capture_output=True, text=True, timeout=way.DEADLINE_S,
        )  # fmt: skip
        assert done.returncode in (3, 4), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "signal" not in done.stderr
        pytest.skip(f"perf_event_paranoid is 3, and this needs perf events: {done.stderr.strip()}")
    with tcpconntop("log", "--json", "-P", known.ports, prefix=prefix) as log:
        known.run()
        lines = log.interrupt()[0]
    assert Counter(json.loads(line)["result"] for line in lines) == {"ok": 30, "refused": 5, "cancelled": 3}
