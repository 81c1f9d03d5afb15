"""The counts of each network namespace, from the table of the BPF program (`struct netns_counters`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tcpconntop.core.wire import NETNS_ONLY


class NamespaceCounts(NamedTuple):
    """The attempts of one network namespace since it was given its slots.

    Attributes:
        slots: (index, generation) of its slots; other slots mean that the counts began anew.
        sent: attempts that sent a SYN, or have not ended: the kernel counts those (ActiveOpens).
        lost: those of `sent` whose record was lost.
        tgid: a process that was itself in the namespace when it connected; 0 if there was none.
        reference_ns: when that was.
    """

    slots: tuple[tuple[int, int], ...]
    sent: int
    lost: int
    tgid: int
    reference_ns: int


def read_namespaces(table: npt.NDArray[np.void], since_ns: int = 0) -> Mapping[int, NamespaceCounts]:
    """Return the counts of namespaces that have a slot, by inode number of the namespace.

    Args:
        table: the mapped slots, shape (NETNS_SLOTS,), dtype `NETNS_COUNTERS`.
        since_ns: leave out slots without an attempt since this time.
    """
    used = np.flatnonzero((table["netns"] != 0) & (table["used_ns"] >= since_ns))
    # Unsent ones first: what ends in between then never makes fewer attempts than unsent ones.
    unsent = table["unsent"][used].tolist()
    slots = table[used]
    counts: dict[int, NamespaceCounts] = {}
    for index, slot, not_sent in zip(used.tolist(), slots.tolist(), unsent, strict=True):
        attempts, _, lost, _, reference_ns, number, generation, tgid, _ = slot
        netns = 0 if number == NETNS_ONLY else number
        counted = NamespaceCounts(
            ((index, generation),), attempts - not_sent, lost, tgid, reference_ns if tgid else 0
        )
        counts[netns] = _add(counts[netns], counted) if netns in counts else counted
    return counts


def _add(one: NamespaceCounts, other: NamespaceCounts) -> NamespaceCounts:
    newest = max(one, other, key=lambda counted: counted.reference_ns)
    return NamespaceCounts(
        one.slots + other.slots,
        one.sent + other.sent,
        one.lost + other.lost,
        newest.tgid,
        newest.reference_ns,
    )
