"""How many connects can be in flight at once: the size of the BPF program's table of running attempts."""

from __future__ import annotations

import os

from tcpconntop.core.limits import EVENT_BYTES

BPF_F_NO_PREALLOC = 1
ALLOCATES_ON_USE = (6, 1)
"""The first kernel that lets tracing programs allocate the entries of a hash map when they are needed."""

MIN_ENTRIES, MAX_ENTRIES = 1 << 14, 1 << 20
ENTRY_BYTES = EVENT_BYTES + 24 + 8 + 56
"""Of one entry: the record, what the socket held before, the key and the kernel's own part."""
SHARE_ON_USE, SHARE_IN_ADVANCE = 64, 512
"""The table gets one part in this many of the memory, as it is needed or in advance."""


def start_map(release: str, memory_bytes: int, max_in_flight: int) -> tuple[int, int]:
    """Return the number of entries and the flags of the table.

    Where all entries have to be allocated in advance, the table is smaller.

    Args:
        release: release of the kernel, such as `6.1.0-18-amd64`.
        memory_bytes: memory of the machine.
        max_in_flight: number of entries that the user wants; 0 is a number that fits the memory.
    """
    version = tuple(int(part) for part in release.split("-")[0].split(".")[:2])
    on_use = version >= ALLOCATES_ON_USE
    share = SHARE_ON_USE if on_use else SHARE_IN_ADVANCE
    fitting = min(max(memory_bytes // share // ENTRY_BYTES, MIN_ENTRIES), MAX_ENTRIES)
    return max_in_flight or fitting, BPF_F_NO_PREALLOC if on_use else 0


def memory_bytes() -> int:
    """Return the memory of this machine; 0 if it is not known."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def max_in_flight(requested: int) -> int:
    """Return how many attempts in flight are followed on this machine; `requested` as in `start_map`."""
    return start_map(os.uname().release, memory_bytes(), requested)[0]
