"""What failed: by outcome and errno, with when it was seen and whom it concerns."""

from __future__ import annotations

import errno as e
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.anatomy import errno_name
from tcpconntop.core.analysis.selection import Selection, outcome_of_errno
from tcpconntop.core.counts import CELLS, SparseCounts
from tcpconntop.core.types import SECOND_NS, Ints
from tcpconntop.core.view.groups import GROUPINGS, Grouping, address_port_text, destination_text, process_text
from tcpconntop.core.window.keys import Keys
from tcpconntop.core.wire import Outcome

OUTCOME_MEANINGS = {
    Outcome.REFUSED: "a reset answered: nothing listens on that port",
    Outcome.TIMEOUT: "no answer to any SYN: dropped on the way, or the host is gone",
    Outcome.UNREACHABLE: "the network answered that there is no way to it",
    Outcome.CANCELLED: "the application closed the socket first, or died",
    Outcome.ERROR: "it failed on this machine",
}
"""What an outcome means to who reads it, where its errno says no more (`ERRNO_MEANINGS`)."""

ERRNO_MEANINGS = {
    e.EHOSTUNREACH: "no such host there, or a firewall rejects it",
    e.ENETUNREACH: "there is no route to that network",
    e.EACCES: "a firewall on the way, or a rule of this machine, forbids it",
    e.EPERM: "a firewall of this machine forbids it",
    e.EADDRNOTAVAIL: "no free local port, or no such local address",
    e.EADDRINUSE: "the local address and port are taken",
    e.ECONNRESET: "the connection was reset while it was set up",
    e.EINVAL: "the address does not fit the socket",
    e.ENETDOWN: "the network interface is down",
    e.ENOBUFS: "the kernel had no memory for it",
    e.ENOMEM: "the kernel had no memory for it",
}

MAX_NAMES = 8
"""How many processes and destinations of a failure are named; of the others it is known how many."""

_BY_NAME = Grouping("comm", "process name", ("comm",))
_OUTCOME_BITS = 3
_OUTCOME_MASK = (1 << _OUTCOME_BITS) - 1
_OUTCOME_OF = np.full(CELLS, int(Outcome.ERROR))
_OUTCOME_OF[list(e.errorcode)] = [outcome_of_errno(number) for number in e.errorcode]
_WITHOUT_ERRNO = (Outcome.CANCELLED, Outcome.ERROR)


class TopNames(NamedTuple):
    """Who had most of something.

    Attributes:
        names: the first ones, the busiest first, safe to show.
        others: how many more there are.
    """

    names: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class Failure:
    """Attempts of the window that failed in one way.

    The window is kept in slices: a second long for the last minute, up to thirty further back. So both ages
    are known to the slice, and are those of its edges: nothing is older than `first_s` or younger than
    `last_s`, and neither is off by more than that slice is long. Of what is older than the longest rolling
    window no slice is left; an age from there is NaN.

    Attributes:
        outcome: how they ended.
        errno: the socket's error; 0 where it had none.
        count: how many there were.
        share: of all attempts that ended, 0 … 1.
        rate_hz: how many a second, over the window.
        first_s, last_s: how long ago the first and the last one in the window ended, in seconds.
        syn_retransmits: SYNs that were sent again between these processes and destinations, whatever became
            of the attempts.
        processes: names of the processes that had it.
        destinations: where they wanted to connect to.
    """

    outcome: Outcome
    errno: int
    count: int
    share: float
    rate_hz: float
    first_s: float
    last_s: float
    syn_retransmits: int
    processes: TopNames
    destinations: TopNames

    @property
    def title(self) -> str:
        """Outcome and errno: `unreachable EHOSTUNREACH`."""
        return f"{self.outcome.label} {errno_name(self.errno) or ''}".strip()

    @property
    def meaning(self) -> str:
        """What it means to who reads it."""
        return ERRNO_MEANINGS.get(self.errno, OUTCOME_MEANINGS[self.outcome])


def failures(selection: Selection) -> tuple[Failure, ...]:
    """Tell the failures of a selection apart, the most frequent first; of equal ones the latest first."""
    snapshot, window = selection.snapshot, selection.snapshot.window
    errors, outcomes = window.errors, window.stats["outcomes"]
    rows, kinds, counts = _cases(errors, outcomes, selection.group_of)
    seen, now_s = _seen(selection), snapshot.now_ns / SECOND_NS
    processes = _Names(window.keys[rows], _BY_NAME, process_text)
    destinations = _Names(window.keys[rows], GROUPINGS["dest"], _destination)
    found = []
    for kind in np.unique(kinds).tolist():
        mine = np.flatnonzero(kinds == kind)
        n = int(counts[mine].sum())
        known, first, end = seen.get(kind, (0, 0, 0))
        found.append(
            Failure(
                Outcome(kind & _OUTCOME_MASK),
                kind >> _OUTCOME_BITS,
                n,
                n / selection.attempts,
                n / max(snapshot.span_s, 1e-9),
                min(now_s - first, snapshot.span_s) if known == n else math.nan,
                max(now_s - end, 0.0) if known else math.nan,
                int(window.stats["syn_retransmits"][rows[mine]].sum()),
                processes.most(mine, counts[mine]),
                destinations.most(mine, counts[mine]),
            )
        )
    return tuple(sorted(found, key=lambda failure: (-failure.count, failure.last_s, failure.title)))


def _cases(errors: SparseCounts, outcomes: Ints, group_of: Ints) -> tuple[Ints, Ints, Ints]:
    """Give row, kind (errno and outcome in one number) and count of the failures of a selection.

    An errno has one outcome, but for 0: a socket without an error was cancelled, or failed inside the call
    where no probe sees why. So what of a row's outcome `error` has no errno is a kind of its own.
    """
    rows, errnos = errors.rows(), errors.cells()
    inside = np.flatnonzero((group_of[rows] >= 0) & (errnos > 0))
    rows, errnos, counts = rows[inside], errnos[inside], errors.counts[inside]
    named = _OUTCOME_OF[errnos]
    without = {outcome: np.where(group_of >= 0, outcomes[:, outcome], 0) for outcome in _WITHOUT_ERRNO}
    for outcome, left in without.items():
        mine = named == outcome
        np.subtract.at(left, rows[mine], counts[mine])
    parts = [(rows, errnos << _OUTCOME_BITS | named, counts)]
    for outcome, left in without.items():
        some = np.flatnonzero(left > 0)
        parts.append((some, np.full(len(some), int(outcome)), left[some]))
    rows, kinds, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return rows, kinds, counts


def _seen(selection: Selection) -> dict[int, tuple[int, int, int]]:
    """Tell of each kind how many the slices hold, the first second of the first one, the end of the last."""
    seen: dict[int, tuple[int, int, int]] = {}
    one_row = np.zeros(1, np.int64)
    for part in selection.snapshot.window.slices:
        inside = np.flatnonzero(selection.group_of[part.rows] >= 0)
        outcomes = part.outcomes(inside).sum(axis=0, keepdims=True)
        if not outcomes[:, Outcome.OK + 1 :].any():
            continue
        _, kinds, counts = _cases(part.packed_errors.regroup(selection.group_of), outcomes, one_row)
        for kind, n in zip(kinds.tolist(), counts.tolist(), strict=True):
            known, first, _ = seen.get(kind, (0, part.second, 0))
            seen[kind] = (known + n, first, part.second + part.seconds)
    return seen


class _Names:
    """Names for groups of keys."""

    def __init__(self, keys: Keys, grouping: Grouping, text: Callable[[np.void], str]) -> None:
        self._groups, self._group_of = grouping.merge(keys)
        self._text = text

    def most(self, some: Ints, counts: Ints) -> TopNames:
        """Name the groups that had most; `counts` belong to `some` of the keys."""
        totals = np.bincount(self._group_of[some], counts, len(self._groups))
        order = np.argsort(-totals, kind="stable")[: np.count_nonzero(totals)]
        names = tuple(self._text(self._groups[at]) for at in order[:MAX_NAMES])
        return TopNames(names, len(order) - len(names))


def _destination(key: np.void) -> str:
    """Spell address and port."""
    return destination_text(key, GROUPINGS["dest"]) if key["special"] else address_port_text(key)
