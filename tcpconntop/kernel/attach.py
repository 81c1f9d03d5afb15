"""The probe sets, and how each kind of probe is attached.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Any, NamedTuple

RAW_TRACEPOINT, FENTRY, KPROBE, KRETPROBE = "raw tracepoint", "fentry", "kprobe", "kretprobe"

KPROBE_PMU = Path("/sys/bus/event_source/devices/kprobe/type")
NO_KPROBES = "no kprobes in this kernel"

FIRST_PREEMPTIBLE_MAJOR = 7
"""Major version of the first kernels that may preempt a task inside a raw tracepoint program."""

_ONLINE_CPUS = Path("/sys/devices/system/cpu/online")
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_IOC_ENABLE, _PERF_IOC_SET_BPF = 0x2400, 0x40042408
# The part of struct perf_event_attr that kprobes need (PERF_ATTR_SIZE_VER1): type, size, config, period,
# three fields that stay 0, wake-up, bp_type, address of the function's name, offset in the function.
_ATTRIBUTES = struct.Struct("=IIQQ3QIIQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def program_copies(release: str) -> tuple[int, int]:
    """Return how many copies of the begin and end programs to attach, so that one of them always runs.

    The kernel skips a program that would interrupt itself on the same CPU. A begin runs in the context of a
    task; an end may run in a softirq that interrupts a task. From Linux 7.0 on (commit a46023d5616e) tasks
    can preempt each other there too; more than three nested runs on one CPU are not handled.
    """
    return (3, 3) if int(release.split(".")[0]) >= FIRST_PREEMPTIBLE_MAJOR else (1, 2)


BEGIN_COPIES, END_COPIES = program_copies(os.uname().release)


class Probe(NamedTuple):
    """One program and the kernel function or tracepoint that runs it."""

    program: str
    kind: str
    target: str


class ProbeGroup(NamedTuple):
    """Probes that work only together: all of them are attached, in this order, or none."""

    probes: tuple[Probe, ...]
    if_missing: str = ""
    """What is lost without them. Empty: the probe set needs them."""


def _group(*probes: tuple[str, str, str], if_missing: str = "") -> ProbeGroup:
    return ProbeGroup(tuple(Probe(*probe) for probe in probes), if_missing)


def _state_group(program: str, copies: int) -> ProbeGroup:
    """Return the copies of a program, in the order of running: each handles what the one before it missed."""
    return _group(
        *((f"{program}_{copy}", RAW_TRACEPOINT, "inet_sock_set_state") for copy in range(1, copies + 1))
    )


_NO_V6 = "IPv6 connects are timed from their first SYN, and failures before it are not seen"
_NO_SYN = "local work is not separated from network time"
_NO_ANSWER = "the answer is timed at the state change"

_ENDS = _state_group("tct_end", END_COPIES)
_RETRANSMITS = _group(
    ("tct_retransmit", RAW_TRACEPOINT, "tcp_retransmit_skb"), if_missing="lost SYNs are not counted"
)
_BEGINS = _state_group("tct_begin", BEGIN_COPIES)

PROBE_SETS: dict[str, tuple[ProbeGroup, ...]] = {
    "fentry": (
        _ENDS,
        _RETRANSMITS,
        _group(
            ("kretfunc__tcp_v4_connect", FENTRY, "tcp_v4_connect"),
            ("kfunc__tcp_v4_connect", FENTRY, "tcp_v4_connect"),
        ),
        _group(
            ("kretfunc__tcp_v6_connect", FENTRY, "tcp_v6_connect"),
            ("kfunc__tcp_v6_connect", FENTRY, "tcp_v6_connect"),
            if_missing=_NO_V6,
        ),
        _group(("kfunc__tcp_connect", FENTRY, "tcp_connect"), if_missing=_NO_SYN),
        _group(("kfunc__tcp_rcv_state_process", FENTRY, "tcp_rcv_state_process"), if_missing=_NO_ANSWER),
        _BEGINS,
    ),
    "kprobe": (
        _ENDS,
        _RETRANSMITS,
        _group(
            ("tct_kprobe_returns", KRETPROBE, "tcp_v4_connect"),
            ("tct_kprobe_v4_connect", KPROBE, "tcp_v4_connect"),
        ),
        _group(
            ("tct_kprobe_returns", KRETPROBE, "tcp_v6_connect"),
            ("tct_kprobe_v6_connect", KPROBE, "tcp_v6_connect"),
            if_missing=_NO_V6,
        ),
        _group(("tct_kprobe_sent", KPROBE, "tcp_connect"), if_missing=_NO_SYN),
        _group(("tct_kprobe_answered", KPROBE, "tcp_rcv_state_process"), if_missing=_NO_ANSWER),
        _BEGINS,
    ),
    "tracepoint": (_ENDS, _RETRANSMITS, _BEGINS),
}
"""Groups by the name of the probe set, best set first.

Probes that end attempts are attached before those that begin them, so that no attempt is left without an end.
"""


class AttachError(Exception):
    """The kernel refuses a probe that the probe set needs.

    `errno` is the kernel's; 0 if it gave none.
    """

    def __init__(self, probe: Probe, reason: str, errno: int) -> None:
        super().__init__(reason)
        self.probe = probe
        self.errno = errno


def attach(bcc: Any, module: Any, groups: tuple[ProbeGroup, ...]) -> tuple[dict[str, int], list[str]]:
    """Attach the groups that this kernel offers. Return descriptors by name, and a note on each other group.

    Raises:
        AttachError: a group that the probe set needs is refused. Nothing stays attached.
    """
    fds: dict[str, int] = {}
    notes = []
    for group in groups:
        links: dict[str, int] = {}
        for probe in group.probes:
            try:
                program, link = _attach_probe(bcc, module, probe)
            except Exception as error:  # BCC raises nothing more specific
                detach(links)
                if not group.if_missing:
                    detach(fds)
                    raise AttachError(probe, _reason(error), _errno(error)) from error
                notes.append(f"{probe.target} is not available ({_reason(error)}): {group.if_missing}")
                break
            links[f"program:{probe.program}"] = program
            links[f"link:{probe.program}:{probe.target}"] = link
        else:
            fds.update(links)
    return fds, notes


def _attach_probe(bcc: Any, module: Any, probe: Probe) -> tuple[int, int]:
    """Load and attach. Return the descriptors of the program and of its link."""
    ctypes.set_errno(0)
    types = {RAW_TRACEPOINT: bcc.BPF.RAW_TRACEPOINT, FENTRY: bcc.BPF.TRACING}
    program = module.load_func(probe.program, types.get(probe.kind, bcc.BPF.KPROBE)).fd
    if probe.kind == RAW_TRACEPOINT:
        link = bcc.lib.bpf_attach_raw_tracepoint(program, probe.target.encode())
    elif probe.kind == FENTRY:
        link = bcc.lib.bpf_attach_kfunc(program)
    else:
        link = _attach_kprobe(program, probe.target, probe.kind == KRETPROBE)
    if link < 0:
        raise OSError(ctypes.get_errno(), "not attached")
    return program, link


def _attach_kprobe(program: int, function: str, on_return: bool) -> int:
    """Open a kprobe that exists as long as its descriptor; one that is written to tracefs would stay.

    Raises:
        OSError: this kernel has no kprobes, or cannot put one on this function.
    """
    if not KPROBE_PMU.exists():
        raise OSError(0, NO_KPROBES)
    name = ctypes.create_string_buffer(function.encode())
    kind = int(KPROBE_PMU.read_text())
    attributes = _ATTRIBUTES.pack(
        kind, _ATTRIBUTES.size, int(on_return), 1, 0, 0, 0, 0, 0, ctypes.addressof(name), 0
    )
    cpu = int(_ONLINE_CPUS.read_text().split(",")[0].split("-")[0])  # any: the program runs on all CPUs
    number = _PERF_EVENT_OPEN[os.uname().machine]
    event: int = _libc.syscall(number, attributes, -1, cpu, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC))
    if event < 0:
        raise OSError(ctypes.get_errno(), "not opened")
    for request, argument in ((_PERF_IOC_SET_BPF, program), (_PERF_IOC_ENABLE, 0)):
        if _libc.ioctl(event, ctypes.c_ulong(request), argument) < 0:
            error = OSError(ctypes.get_errno(), "not attached")
            os.close(event)
            raise error
    return event


def detach(fds: dict[str, int]) -> None:
    """Close the links. Programs stay loaded: the next probe set may use them again."""
    for name, fd in fds.items():
        if name.startswith("link:"):
            os.close(fd)


def _reason(error: Exception) -> str:
    """Return the reason in a few words."""
    code = _errno(error)
    return os.strerror(code) if code else str(error.args[-1])


def _errno(error: Exception) -> int:
    """Return the kernel's errno, which BCC leaves in the C library's errno; 0 if there is none."""
    return error.errno or 0 if isinstance(error, OSError) else ctypes.get_errno()
