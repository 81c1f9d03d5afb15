"""The probe set and transport of the session that tests share. Only this module distinguishes between them.

TCPCONNTOP_TEST_PROBE, TCPCONNTOP_TEST_TRANSPORT and TCPCONNTOP_TEST_LOADER choose, with the values of the
command line. With `--every-way`, some tests run in the ways of `OTHERS`, too: so a test reads these constants
while it runs, and not before.
"""

from __future__ import annotations

import os
from pathlib import Path

from tcpconntop.kernel.request import TraceRequest

PROBE = os.environ.get("TCPCONNTOP_TEST_PROBE", "auto")
TRANSPORT = os.environ.get("TCPCONNTOP_TEST_TRANSPORT", "auto")
LOADER = os.environ.get("TCPCONNTOP_TEST_LOADER", "auto")
OPTIONS = ("--probe", PROBE, "--transport", TRANSPORT, "--loader", LOADER)

OTHERS = {"perf": {"TRANSPORT": "perf"}, "bcc": {"LOADER": "bcc"}}
"""Other ways of tracing on this kernel, by name: the constants above that differ."""

FIRST = PROBE in ("auto", "fentry") and TRANSPORT in ("auto", "ring")
"""True in the run that tests what is the same for all probe sets and transports."""

EMULATED = "TCPCONNTOP_TEST_EMULATED" in os.environ or "QEMU TCG" in Path("/proc/cpuinfo").read_text()
"""True where everything takes 20 to 50 times as long."""

DEADLINE_S = float(os.environ.get("TCPCONNTOP_TEST_DEADLINE_S") or (300 if EMULATED else 60))
"""Time limit for events that normally come at once."""


PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
REFUSES_PERF_EVENTS = 3
"""Debian's kernels have it: only CAP_SYS_ADMIN may open perf events, as perf buffers and some kprobes are."""
FPROBE_SINCE = (6, 14) if os.uname().machine == "aarch64" else (6, 12)
"""The first of Debian's kernels where kprobes need no perf event."""


def is_refused_two_capabilities() -> bool:
    """Return True if CAP_BPF and CAP_PERFMON are not enough here: perf events are needed and refused."""
    from tcpconntop.doctor.machine import kernel_version  # interface.py has no privileges to import it

    old = kernel_version(os.uname().release) < FPROBE_SINCE
    needs_events = TRANSPORT == "perf" or (PROBE == "kprobe" and old)
    return needs_events and int(PARANOID.read_text()) >= REFUSES_PERF_EVENTS


def request(**filters: object) -> TraceRequest:
    return TraceRequest(probe=PROBE, transport=TRANSPORT, loader=LOADER, **filters)  # type: ignore[arg-type]


def sees_calls(probe: str) -> bool:
    """True if the probes see connect() itself: its begin, its first SYN, and failures inside the call."""
    return probe != "tracepoint"
