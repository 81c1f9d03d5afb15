"""Several hosts in one set of records: which host a record is of, and what is known of each. Pure.

A record has no field for its host. In a merge of several hosts, the number of the host (from 1) is kept in
the upper bits of `netns`, `cgroup_id` and `process_start_ns` instead. So two hosts never share a network
namespace, a control group or a process, and records of one host cost nothing more. Inode numbers of
namespaces are numbered anew to make room: the kernel takes them from above `_MIN_INODE`, so a number tells
which of the two it is. `Places.inodes` has the real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcpconntop.core.format import elapsed, printable, seen_share
from tcpconntop.core.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_HOSTS = 255
NETNS_BITS, CGROUP_BITS, START_BITS = 20, 48, 56
"""The bits below the number of the host in `netns`, `cgroup_id` and `process_start_ns`."""

MAX_NAMESPACES = 4096
"""How many network namespaces of one host are told apart; further ones count as the last one."""

_MIN_INODE = (MAX_HOSTS + 1) << NETNS_BITS

MAX_CLOCK_OFFSET_S = 1.0
"""By how much the clock of a host may differ from ours before its times are corrected."""

RECORDED, CONNECTING, LIVE, BEHIND, GONE, ENDED = "recording", "connecting", "live", "behind", "gone", "ended"
"""The states of a host."""


@dataclass(frozen=True)
class HostState:
    """What is known of one of several hosts. Everything that it sent stays counted, whatever its state.

    Attributes:
        name: its name, distinct from those of the others.
        state: `recording`, `connecting`, `live`, `behind`, `gone` (it will be tried again) or `ended`.
        records: how many of its connects are in the rows.
        attempts: how many connects it has counted.
        lost: how many of its connects are missing from the rows.
        completeness: see `Ledger.completeness`.
        behind_s: whole seconds since its last news, if they are late; else 0.
        clock_offset_s: its clock minus ours, in seconds; None if it is not known.
        note: why it is gone, or what is wrong with it, in one line; or empty.
    """

    name: str
    state: str
    records: int = 0
    attempts: int = 0
    lost: int = 0
    completeness: float | None = None
    behind_s: int = 0
    clock_offset_s: float | None = None
    note: str = ""


def host_text(host: HostState) -> str:
    """Return what is known of a host, such as `db-07 live, attempts 1234, lost 0, traced 99.8%`."""
    state = f"{elapsed(host.behind_s)} behind" if host.state == BEHIND else host.state
    words = [f"{host.name} {state}", f"attempts {host.attempts}", f"lost {host.lost}"]
    if host.completeness is not None:
        words.append(f"traced {seen_share(host.completeness)}")
    offset_s = host.clock_offset_s
    if offset_s is not None and abs(offset_s) > MAX_CLOCK_OFFSET_S:
        words.append(
            f"clock {elapsed(abs(offset_s))} {'ahead' if offset_s > 0 else 'behind ours'}, corrected"
        )
    return printable(", ".join([*words, host.note] if host.note else words))


def host_number(netns: int) -> int:
    """Return the number of the host that a network namespace is of; 0 if there is only one host."""
    return netns >> NETNS_BITS if netns < _MIN_INODE else 0


def only_host(netns: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return what all network namespaces of the same host have in common, shape (n,)."""
    return np.where(netns < _MIN_INODE, netns >> NETNS_BITS << NETNS_BITS, 0).astype(np.uint32)


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names; those that are taken get a number: `db`, `db#2`."""
    taken: dict[str, None] = {}
    for name in names:
        distinct, n = name, 1
        while distinct in taken:
            n += 1
            distinct = f"{name}#{n}"
        taken[distinct] = None
    return tuple(taken)
