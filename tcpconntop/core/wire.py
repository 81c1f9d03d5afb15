"""The kernel's structs as numpy dtypes: the mirror of `bpf/event.h`.

A batch of records, from whichever source, is a one-dimensional array of `EVENT`. Offsets and sizes are
compared with the compiled structs by `tests/unit/core/test_wire.py`.
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from tcpconntop.core.limits import FILTER_LIST_MAX

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    EVENT: np.dtype[np.void]
    COUNTERS: np.dtype[np.void]
    NETNS_COUNTERS: np.dtype[np.void]
    SETTINGS: np.dtype[np.void]

COMM_LEN = 16
NETNS_SLOTS = 4096
"""Slots for network namespaces."""
NETNS_ONLY = 0xFFFFFFFF
"""Stands in a slot for the one network namespace of a kernel that has no others (`bpf/netns.h`)."""


class Outcome(IntEnum):
    """How an attempt ended (`enum outcome`)."""

    OK = 0
    REFUSED = 1
    TIMEOUT = 2
    UNREACHABLE = 3
    CANCELLED = 4
    ERROR = 5

    @property
    def label(self) -> str:
        """The name that users see, in lower case."""
        return self.name.lower()


N_OUTCOMES = len(Outcome)

_FIELDS: dict[str, list[Any]] = {
    "EVENT": [
        ("begin_ns", "u8"),
        ("end_ns", "u8"),
        ("syn_ns", "u8"),
        ("last_rtx_ns", "u8"),
        ("cgroup_id", "u8"),
        ("process_start_ns", "u8"),
        ("netns", "u4"),
        ("tgid", "u4"),
        ("uid", "u4"),
        ("scope_id", "u4"),
        ("srtt_us", "u4"),
        ("syn_retransmits", "u2"),
        ("error", "u2"),
        ("saddr", "V16"),
        ("daddr", "V16"),
        ("lport", "u2"),
        ("dport", "u2"),
        ("family", "u1"),
        ("outcome", "u1"),
        ("syn_unsent", "u2"),
        ("comm", "S16"),
        ("thread", "S16"),
    ],
    "COUNTERS": [
        ("attempts", "u8"),
        ("outcomes", "u8", (N_OUTCOMES,)),
        ("syn_retransmits", "u8"),
        ("ring_drops", "u8"),
        ("start_failures", "u8"),
        ("below_minimum", "u8"),
        ("unsent", "u8"),
        ("missed_outcomes", "u8", (N_OUTCOMES,)),
        ("netns_unplaced", "u8"),
        ("skipped", "u8"),
        ("reserved", "u8", (4,)),
    ],
    "NETNS_COUNTERS": [
        ("attempts", "u8"),
        ("unsent", "u8"),
        ("lost", "u8"),
        ("used_ns", "u8"),
        ("reference_ns", "u8"),
        ("netns", "u4"),
        ("generation", "u4"),
        ("tgid", "u4"),
        ("reserved", "u4", (3,)),
    ],
    "SETTINGS": [
        ("min_latency_ns", "u8"),
        ("wakeup_bytes", "u4"),
        ("family", "u4"),
        ("pid_count", "u4"),
        ("uid_count", "u4"),
        ("port_count", "u4"),
        ("ready", "u4"),
        ("pids", "u4", (FILTER_LIST_MAX,)),
        ("uids", "u4", (FILTER_LIST_MAX,)),
        ("ports", "u2", (FILTER_LIST_MAX,)),
    ],
}


def __getattr__(name: str) -> np.dtype[np.void]:
    """Return a dtype, made when it is first asked for: who needs none does not need numpy."""
    if name not in _FIELDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numpy as np

    dtype: np.dtype[np.void] = np.dtype(_FIELDS[name])
    globals()[name] = dtype
    return dtype


Events: TypeAlias = "npt.NDArray[np.void]"
"""A batch: one-dimensional, dtype `EVENT`."""


@lru_cache(maxsize=4096)
def address_text(raw: bytes, family: int) -> str:
    """Format a 16-byte address of a record (`union address`) in the usual notation.

    `raw` may have lost its trailing zero bytes, as numpy's fixed-width strings do.
    """
    padded = raw.ljust(16, b"\0")
    if family == 4:
        return str(ipaddress.IPv4Address(padded[:4]))
    return str(ipaddress.IPv6Address(padded))


def address_bytes(text: str) -> tuple[bytes, int]:
    """Return the 16 bytes of an address in a record, and its family (4 or 6); v4-mapped addresses become 4.

    Raises:
        ValueError: `text` is not an address.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.packed.ljust(16, b"\0"), address.version


def comm_text(raw: bytes) -> str:
    """Return a process name up to its first NUL; bytes that are not UTF-8 become U+FFFD."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
