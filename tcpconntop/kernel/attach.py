"""The probe sets: which programs trace, and on which functions. Attach one of them, and begin to trace.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from tcpconntop.kernel import bpf_call
from tcpconntop.kernel.load_error import load_error
from tcpconntop.kernel.programs import FENTRY, FEXIT, KPROBE, KRETPROBE, RAW_TRACEPOINT, Probe, Programs

FIRST_PREEMPTIBLE_MAJOR = 7
"""Major version of the first kernels that may preempt a task inside a raw tracepoint program."""


def program_copies(release: str) -> tuple[int, int]:
    """Return how many copies of the program of state changes to attach, and the first that handles begins.

    So that one of them always runs.

    The kernel skips a program that would interrupt itself on the same CPU. A begin runs in the context of a
    task; an end may run in a softirq that interrupts a task. From Linux 7.0 on (commit a46023d5616e) tasks
    can preempt each other there too; more than three nested runs on one CPU are not handled.
    """
    return (3, 1) if int(release.split(".")[0]) >= FIRST_PREEMPTIBLE_MAJOR else (2, 2)


COPIES, FIRST_BEGIN = program_copies(os.uname().release)


class ProbeGroup(NamedTuple):
    """Probes that work only together: all of them are attached, in this order, or none."""

    probes: tuple[Probe, ...]
    if_missing: str = ""
    """What is lost without them. Empty: the probe set needs them."""


def _group(*probes: tuple[str, str, str], if_missing: str = "") -> ProbeGroup:
    return ProbeGroup(tuple(Probe(*probe) for probe in probes), if_missing)


_NO_V6 = "IPv6 connects are timed from their first SYN, and failures before it are not seen"
_NO_SYN = "local work is not separated from network time"
_NO_ANSWER = "the answer is timed at the state change"

# In the order of running: each copy handles what the one before it missed.
_STATES = _group(
    *((f"tct_state_{copy}", RAW_TRACEPOINT, "inet_sock_set_state") for copy in range(1, COPIES + 1))
)
_RETRANSMITS = _group(
    ("tct_retransmit", RAW_TRACEPOINT, "tcp_retransmit_skb"), if_missing="lost SYNs are not counted"
)

PROBE_SETS: dict[str, tuple[ProbeGroup, ...]] = {
    "fentry": (
        _STATES,
        _RETRANSMITS,
        _group(
            ("tct_fexit_v4_connect", FEXIT, "tcp_v4_connect"),
            ("tct_fentry_v4_connect", FENTRY, "tcp_v4_connect"),
        ),
        _group(
            ("tct_fexit_v6_connect", FEXIT, "tcp_v6_connect"),
            ("tct_fentry_v6_connect", FENTRY, "tcp_v6_connect"),
            if_missing=_NO_V6,
        ),
        _group(("tct_fentry_sent", FENTRY, "tcp_connect"), if_missing=_NO_SYN),
        _group(("tct_fentry_answered", FENTRY, "tcp_rcv_state_process"), if_missing=_NO_ANSWER),
    ),
    "kprobe": (
        _STATES,
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
    ),
    "tracepoint": (_STATES, _RETRANSMITS),
}
"""Groups by the name of the probe set, best set first.

No attempt is followed until all are attached (`ready` in the settings), so that none is left without an end.
"""

FENTRY_FUNCTIONS = tuple(
    dict.fromkeys(
        probe.target for group in PROBE_SETS["fentry"] for probe in group.probes if probe.kind == FENTRY
    )
)
"""The kernel functions that fentry and fexit programs are for."""


class AttachError(Exception):
    """The kernel refuses a probe that the probe set needs.

    `errno` is the kernel's; 0 if it gave none.
    """

    def __init__(self, probe: Probe, reason: str, errno: int) -> None:
        super().__init__(reason)
        self.probe = probe
        self.errno = errno


def attach(programs: Programs, groups: tuple[ProbeGroup, ...]) -> tuple[dict[str, int], list[str]]:
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
                program = programs.load(probe)
                link = programs.attach(probe, program)
            except OSError as error:
                detach(links)
                if not group.if_missing:
                    detach(fds)
                    raise AttachError(probe, _reason(error), error.errno or 0) from error
                notes.append(f"{probe.target} is not available ({_reason(error)}): {group.if_missing}")
                break
            links[f"program:{probe.program}"] = program
            links[f"link:{probe.program}:{probe.target}"] = link
        else:
            fds.update(links)
    return fds, notes


def detach(fds: dict[str, int]) -> None:
    """Close the links. Programs stay loaded: the next probe set may use them again."""
    for name, fd in fds.items():
        if name.startswith("link:"):
            os.close(fd)


def _reason(error: OSError) -> str:
    """Return the reason in a few words."""
    return os.strerror(error.errno) if error.errno else str(error.args[-1])


def start_tracing(read_only: Iterable[int], settings_map: int, settings: bytes) -> None:
    """Protect maps and write the settings, once all is attached: attempts are followed from then on.

    Args:
        read_only: maps that no process can write from now on, by mapping or system call; programs still do. A
            descriptor that is only for reading would not do: the kernel does not map those.
        settings_map: the map of settings.
        settings: its one entry.

    Raises:
        LoadError: the kernel refused.
    """
    try:
        for descriptor in read_only:
            bpf_call.freeze_map(descriptor)
        bpf_call.write_map(settings_map, 0, settings)
    except OSError as error:
        raise load_error(
            f"the kernel refused to set up a map ({error.strerror})", error.errno or 0
        ) from error
