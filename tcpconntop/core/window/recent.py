"""The last connects one by one, for what lists and explains them: a log that is bounded in all.

Of every process the last `PER_PROCESS` records are kept, however busy the others are. Where that would be more than
`MAX_RECORDS` in all, every process gives up its oldest ones first. Beside them the last `MAX_NOTABLE` are kept that
failed or waited for a SYN to be sent again, whoever's they are: few, and those that explain something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tcpconntop.core.counts import radix_order, run_starts
from tcpconntop.core.types import Ints
from tcpconntop.core.wire import EVENT, Events, Outcome

PER_PROCESS = 64
"""How many records of a process are kept."""

MAX_RECORDS = 16_384
"""How many records of processes are kept in all: 2.4 MB."""

MAX_NOTABLE = 4_096
"""How many records of failures and of lost SYNs are kept: 0.6 MB."""

MAX_PENDING = 32_768
"""How many records may wait for the log to be cut: 4.7 MB."""

SAMPLE_SIZE = 4_096
"""How many of the newest records tell which processes are busy."""


@dataclass(frozen=True, eq=False)
class RecentConnects:
    """The last records of each process at one moment.

    Attributes:
        records: all of them, oldest first; read-only.
    """

    records: Events

    def __len__(self) -> int:
        return len(self.records)

    def of_process(self, tgid: int, most: int = PER_PROCESS) -> Events:
        """Give at most `most` (at least 1) records of a process, newest first."""
        return self.records[np.flatnonzero(self.records["tgid"] == tgid)[-most:]][::-1]


class RecentLog:
    """Collects records and keeps the last ones of each process."""

    def __init__(self) -> None:
        self._parts: list[Events] = [np.empty(0, EVENT)]
        self._tgids: list[npt.NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        self._telling: list[npt.NDArray[np.bool_]] = [np.empty(0, np.bool_)]
        self._waiting = 0

    def add(self, events: Events) -> None:
        """Take in records that ended after all before. They are not copied: nobody may write to them."""
        self._parts.append(events)
        self._tgids.append(events["tgid"].copy())
        self._telling.append((events["outcome"] != Outcome.OK) | (events["syn_retransmits"] > 0))
        self._waiting += len(events)
        if self._waiting >= MAX_PENDING:
            self._cut()

    def state(self) -> RecentConnects:
        """Give what is kept."""
        if self._waiting:
            self._cut()
        self._parts[0].flags.writeable = False
        return RecentConnects(self._parts[0])

    def _cut(self) -> None:
        """Drop what is beyond the bounds."""
        tgids = np.concatenate(self._tgids)
        telling = np.concatenate(self._telling)
        stays = np.zeros(len(tgids), np.bool_)
        stays[last_of_each(tgids, PER_PROCESS, MAX_RECORDS)] = True
        stays[np.flatnonzero(telling)[-MAX_NOTABLE:]] = True
        kept = np.flatnonzero(stays)
        begins = np.cumsum([0, *map(len, self._parts)])
        bounds = np.searchsorted(kept, begins)
        chosen = [
            part.take(kept[bounds[i] : bounds[i + 1]] - begins[i]) for i, part in enumerate(self._parts)
        ]
        self._parts, self._tgids, self._telling = [np.concatenate(chosen)], [tgids[kept]], [telling[kept]]
        self._waiting = 0


def last_of_each(names: npt.NDArray[np.unsignedinteger], each: int, at_most: int) -> Ints:
    """Choose the last `each` of those that share a name, and no more than `at_most` in all.

    Where there are more, the newest of every name come first, then the second newest, and so on.

    Returns:
        Their places in `names`, ascending.
    """
    # What is older than the last `each` of a busy name need not be sorted: most of it, mostly.
    young = max(len(names) - SAMPLE_SIZE, 0)
    sample, counts = np.unique(names[young:], return_counts=True)
    old = np.flatnonzero(np.isin(names[:young], sample[counts >= each], invert=True))
    places = np.concatenate((old, np.arange(young, len(names))))
    order = radix_order(names[places])
    starts = run_starts(names[places[order]])
    lengths = np.diff(starts, append=len(order))
    age = np.full(len(names), each)  # 0 is the newest of its name
    age[places[order]] = np.repeat(starts + lengths, lengths) - np.arange(len(order)) - 1
    kept = np.flatnonzero(age < each)
    if len(kept) > at_most:
        newest_first = kept[::-1]
        kept = np.sort(newest_first[radix_order(age[newest_first])[:at_most]])
    return kept
