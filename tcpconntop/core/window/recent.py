"""The last connects one by one, for the lists and findings that need single records. Bounded in memory.

The last `PER_PROCESS` records of every process are kept, however busy the others are. If these are more than
`MAX_RECORDS` in all, the oldest records of every process are dropped first. The last `MAX_NOTABLE` records
that failed or needed a second SYN are kept as well, of any process: they are few, and they explain something.

What it buys: 12 ns a record to choose the ones to keep, where a `deque` for each process takes 140 ns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import radix_order, run_starts
from tcpconntop.core.types import Ints, Mask
from tcpconntop.core.wire import EVENT, Events, Outcome

PER_PROCESS = 64
"""How many records of each process are kept."""

MAX_RECORDS = 16_384
"""How many records of processes are kept in all: 2.4 MB."""

MAX_NOTABLE = 4_096
"""How many records of failures and of lost SYNs are kept: 0.6 MB."""

MAX_PENDING = 32_768
"""After how many new records the log is trimmed: 4.7 MB."""

SAMPLE_SIZE = 4_096
"""How many of the newest records are looked at to find the busy processes."""


@dataclass(frozen=True, eq=False)
class RecentConnects:
    """The last records of each process at one moment.

    Attributes:
        records: oldest first; read-only.
        complete_since_ns: all records that failed or lost a SYN and ended after this are among them.
    """

    records: Events
    complete_since_ns: int = 0

    def __len__(self) -> int:
        return len(self.records)

    def of_process(self, tgid: int, limit: int = PER_PROCESS) -> Events:
        """Return up to `limit` (at least 1) records of a process, newest first."""
        return self.records[np.flatnonzero(self.records["tgid"] == tgid)[-limit:]][::-1]


class RecentLog:
    """Collects records and keeps the last ones of each process."""

    def __init__(self) -> None:
        self._parts: list[Events] = [np.empty(0, EVENT)]
        self._tgids: list[npt.NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        self._notable: list[Mask] = [np.empty(0, np.bool_)]
        self._pending = 0  # records added since the last trim
        self._complete_since_ns = 0

    def add(self, events: Events) -> None:
        """Add records that ended after all before. They are not copied: nothing may write to them later."""
        self._parts.append(events)
        self._tgids.append(events["tgid"].copy())
        self._notable.append((events["outcome"] != Outcome.OK) | (events["syn_retransmits"] > 0))
        self._pending += len(events)
        if self._pending >= MAX_PENDING:
            self._trim()

    def state(self) -> RecentConnects:
        """Return the records that are kept."""
        if self._pending:
            self._trim()
        self._parts[0].flags.writeable = False
        return RecentConnects(self._parts[0], self._complete_since_ns)

    def _trim(self) -> None:
        """Drop the records beyond the bounds, and join the others into one array."""
        tgids = np.concatenate(self._tgids)
        notable = np.concatenate(self._notable)
        stays = np.zeros(len(tgids), np.bool_)
        stays[last_of_each(tgids, PER_PROCESS, MAX_RECORDS)] = True
        are_notable = np.flatnonzero(notable)
        stays[are_notable[-MAX_NOTABLE:]] = True
        kept = np.flatnonzero(stays)
        starts = np.cumsum([0, *map(len, self._parts)])
        dropped = are_notable[~stays[are_notable]]
        if len(dropped):
            part = int(np.searchsorted(starts, dropped[-1], side="right")) - 1
            end_ns = int(self._parts[part]["end_ns"][dropped[-1] - starts[part]])
            self._complete_since_ns = max(self._complete_since_ns, end_ns)
        bounds = np.searchsorted(kept, starts)
        chosen = [
            part.take(kept[bounds[i] : bounds[i + 1]] - starts[i]) for i, part in enumerate(self._parts)
        ]
        self._parts, self._tgids, self._notable = [np.concatenate(chosen)], [tgids[kept]], [notable[kept]]
        self._pending = 0


def last_of_each(names: npt.NDArray[np.unsignedinteger], per_name: int, limit: int) -> Ints:
    """Choose the last `per_name` of those that share a name, and no more than `limit` in all.

    Above the limit, the newest of every name are chosen first, then the second newest, and so on.

    Returns:
        Their indices in `names`, ascending.
    """
    # Of a busy name, only what is in the sample can be among its last ones: this saves most of the sorting.
    sample_start = max(len(names) - SAMPLE_SIZE, 0)
    sample, counts = np.unique(names[sample_start:], return_counts=True)
    before = np.flatnonzero(np.isin(names[:sample_start], sample[counts >= per_name], invert=True))
    index = np.concatenate((before, np.arange(sample_start, len(names))))
    order = radix_order(names[index])
    starts = run_starts(names[index[order]])
    lengths = np.diff(starts, append=len(order))
    age = np.full(len(names), per_name)  # 0 is the newest of its name
    age[index[order]] = np.repeat(starts + lengths, lengths) - np.arange(len(order)) - 1
    kept = np.flatnonzero(age < per_name)
    if len(kept) > limit:
        newest_first = kept[::-1]
        kept = np.sort(newest_first[radix_order(age[newest_first])[:limit]])
    return kept
