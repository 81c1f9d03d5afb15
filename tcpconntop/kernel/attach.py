"""The probe sets, and how each kind of probe is attached.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple, Protocol

RAW_TRACEPOINT, FENTRY, KPROBE, KRETPROBE = "raw tracepoint", "fentry", "kprobe", "kretprobe"


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


class Programs(Protocol):
    """The compiled programs and their maps: of an image, or of BCC."""

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""

    def load(self, probe: Probe) -> int:
        """Load the program of a probe. Return its descriptor; the same one when it is loaded again."""

    def attach(self, probe: Probe, program: int) -> int:
        """Attach a loaded program. Return the descriptor of the link; OSError if that is refused."""


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
                ctypes.set_errno(0)
                program = programs.load(probe)
                link = programs.attach(probe, program)
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
