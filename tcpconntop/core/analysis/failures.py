"""Failures by outcome and errno: how many, when, in which processes, to which destinations."""

from __future__ import annotations

import errno as e
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.errnos import errno_name, outcome_of_errno
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import CELLS, SparseCounts, find
from tcpconntop.core.places import Places
from tcpconntop.core.types import SECOND_NS, Ints
from tcpconntop.core.view.groups import (
    GROUPINGS,
    Grouping,
    address_port_text,
    destination_text,
    located_key,
    process_text,
)
from tcpconntop.core.window.keys import KEY_FIELDS, Keys, hash_fields, keys_from_events
from tcpconntop.core.window.selected import SelectedCounts, selected_counts
from tcpconntop.core.wire import Outcome

OUTCOME_MEANINGS = {
    Outcome.REFUSED: "a reset answered: nothing listens there, or a firewall rejects it",
    Outcome.TIMEOUT: "no SYN was answered in time: dropped or lost, or the host is down",
    Outcome.UNREACHABLE: "no route, or an ICMP error: the network cannot reach it",
    Outcome.CANCELLED: "the program gave up before an answer: it closed the socket, or died",
    Outcome.ERROR: "it failed; no errno is known that tells why",
}
"""What an outcome means, where its errno has no text of its own in `ERRNO_MEANINGS`."""

ERRNO_MEANINGS = {
    e.EHOSTUNREACH: "no such host there, or a firewall rejects it",
    e.ENETUNREACH: "there is no route to that network",
    e.EACCES: "a firewall on the way, or a rule of this machine, forbids it",
    e.EPERM: "a firewall or a security policy of this machine forbids it",
    e.EADDRNOTAVAIL: "no free local port, or no such local address",
    e.EADDRINUSE: "the local address and port are taken",
    e.ECONNRESET: "the connection was reset while it was set up",
    e.EINVAL: "the address does not fit the socket",
    e.ENETDOWN: "the network interface is down",
    e.ENOBUFS: "the kernel had no memory for it",
    e.ENOMEM: "the kernel had no memory for it",
}

MAX_NAMES = 8
"""How many processes and destinations of a failure are named; the others are counted."""

_BY_NAME = Grouping("comm", "process name", ("comm",))
_OUTCOME_BITS = 3
_OUTCOME_MASK = (1 << _OUTCOME_BITS) - 1
_OUTCOME_OF = np.full(CELLS, int(Outcome.ERROR))
_OUTCOME_OF[list(e.errorcode)] = [outcome_of_errno(number) for number in e.errorcode]
_WITHOUT_ERRNO = tuple(outcome for outcome in Outcome if outcome is not Outcome.OK)


class TopNames(NamedTuple):
    """Names with the highest counts.

    Attributes:
        names: at most `MAX_NAMES`, the highest count first, without control characters.
        others: number of names beyond them.
    """

    names: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class Failure:
    """Attempts of the window that failed in one way.

    Ages are exact to one slice, which is a second long in the last minute and up to thirty further back: no
    attempt is older than `first_s` or younger than `last_s`. There are no slices beyond the longest rolling
    window; an age from there is NaN.

    Attributes:
        outcome: the outcome of all of them.
        errno: the socket's error; 0 where it had none.
        count: number of attempts.
        share: share of all ended attempts, 0 … 1.
        rate_hz: attempts per second, over the window.
        first_s, last_s: age of the first and of the last one in the window, in seconds.
        began_before: True if connects also failed so before the window, as far back as it is long:
            then `first_s` is not when it began.
        syn_retransmits: SYN retransmissions of these attempts; None unless the record of each is still kept.
        processes: names of the processes that failed so.
        destinations: where they tried to connect to.
    """

    outcome: Outcome
    errno: int
    count: int
    share: float
    rate_hz: float
    first_s: float
    last_s: float
    began_before: bool
    syn_retransmits: int | None
    processes: TopNames
    destinations: TopNames

    @property
    def title(self) -> str:
        """Outcome and errno: `unreachable EHOSTUNREACH`."""
        return f"{self.outcome.label} {errno_name(self.errno) or ''}".strip()

    @property
    def meaning(self) -> str:
        """The likely cause, in one line."""
        if self.outcome is Outcome.ERROR and self.errno:
            return ERRNO_MEANINGS.get(self.errno, "the kernel reported this error")
        return ERRNO_MEANINGS.get(self.errno, OUTCOME_MEANINGS[self.outcome])


def failures(selection: Selection) -> tuple[Failure, ...]:
    """Return the failures of a selection by kind, the most frequent first; of equal ones the latest first."""
    snapshot, window = selection.snapshot, selection.snapshot.window
    errors, outcomes = window.errors, window.stats["outcomes"]
    rows, kinds, counts = _count_kinds(errors, outcomes, selection.group_of)
    spans, now_s = _time_spans(selection), snapshot.now_ns / SECOND_NS
    earlier = _kinds_before(selection)
    kept = _kept_records(selection)
    processes = _Names(window.keys[rows], _BY_NAME, process_text)
    destinations = _Names(window.keys[rows], GROUPINGS["dest"], partial(_destination, snapshot.places))
    result = []
    for kind in np.unique(kinds).tolist():
        index = np.flatnonzero(kinds == kind)
        n = int(counts[index].sum())
        in_slices, first, end = spans.get(kind, (0, 0, 0))
        n_kept, retransmits = kept.get(kind, (0, 0))
        result.append(
            Failure(
                Outcome(kind & _OUTCOME_MASK),
                kind >> _OUTCOME_BITS,
                n,
                n / selection.attempts,
                n / max(snapshot.span_s, 1e-9),
                min(now_s - first, snapshot.span_s) if in_slices == n else math.nan,
                max(now_s - end, 0.0) if in_slices else math.nan,
                kind in earlier,
                retransmits if n_kept == n else None,
                processes.most(index, counts[index]),
                destinations.most(index, counts[index]),
            )
        )
    return tuple(sorted(result, key=lambda failure: (-failure.count, failure.last_s, failure.title)))


def _count_kinds(errors: SparseCounts, outcomes: Ints, group_of: Ints) -> tuple[Ints, Ints, Ints]:
    """Return row, kind (errno and outcome in one number) and count of the failures of a selection.

    Every errno has one outcome, except 0: a socket without an error was cancelled, or it failed inside the
    call, where no probe sees the errno. So failures with the outcome `error` and no errno are one more kind.
    """
    rows, errnos = errors.rows(), errors.cells()
    inside = np.flatnonzero((group_of[rows] >= 0) & (errnos > 0))
    rows, errnos, counts = rows[inside], errnos[inside], errors.counts[inside]
    named = _OUTCOME_OF[errnos]
    without = {outcome: np.where(group_of >= 0, outcomes[:, outcome], 0) for outcome in _WITHOUT_ERRNO}
    for outcome, left in without.items():
        same = named == outcome
        np.subtract.at(left, rows[same], counts[same])
    parts = [(rows, errnos << _OUTCOME_BITS | named, counts)]
    for outcome, left in without.items():
        some = np.flatnonzero(left > 0)
        parts.append((some, np.full(len(some), int(outcome)), left[some]))
    rows, kinds, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return rows, kinds, counts


def _time_spans(selection: Selection) -> dict[int, tuple[int, int, int]]:
    """Return for each kind: count in the slices, begin of the first slice and end of the last, in s."""
    spans: dict[int, tuple[int, int, int]] = {}
    slices = selection.snapshot.window.slices
    for part, sums in zip(slices, selected_counts(slices, selection.group_of >= 0), strict=True):
        if not sums.failed:
            continue
        for kind, n in sums.once(_kinds_in):
            total, first, _ = spans.get(kind, (0, part.second, 0))
            spans[kind] = (total + n, first, part.second + part.seconds)
    return spans


def _kinds_before(selection: Selection) -> set[int]:
    """Return the kinds of failures in the kept slices before the window, as far back as it is long."""
    snapshot, history = selection.snapshot, selection.snapshot.window.history
    if snapshot.window_s is None:
        return set()
    begin_s = snapshot.now_ns / SECOND_NS - snapshot.span_s
    earlier = [
        part
        for part in history
        if begin_s - snapshot.span_s <= part.second and part.second + part.seconds <= begin_s
    ]
    kinds = (
        sums.once(_kinds_in) for sums in selected_counts(earlier, selection.group_of >= 0) if sums.failed
    )
    return {kind for found in kinds for kind, _ in found}


def _kinds_in(counts: SelectedCounts) -> list[tuple[int, int]]:
    """Return kind and count of the failures in a slice."""
    outcomes, one_row = counts.outcomes[np.newaxis], np.zeros(1, np.int64)
    _, kinds, numbers = _count_kinds(counts.errors, outcomes, one_row)
    return list(zip(kinds.tolist(), numbers.tolist(), strict=True))


def _kept_records(selection: Selection) -> dict[int, tuple[int, int]]:
    """Return for each kind: number of records in the window that are kept, and their SYN retransmissions."""
    snapshot, window = selection.snapshot, selection.snapshot.window
    events = window.recent.records
    since_ns = snapshot.now_ns - round(snapshot.span_s * SECOND_NS)
    events = events[(events["outcome"] != Outcome.OK) & (events["end_ns"] >= max(since_ns, 0))]
    hashes = np.sort(hash_fields(window.keys[selection.group_of >= 0], KEY_FIELDS))
    events = events[find(hashes, hash_fields(keys_from_events(events), KEY_FIELDS))[1]]
    errnos = events["error"].astype(np.int64)
    outcomes = np.where(errnos > 0, _OUTCOME_OF[np.minimum(errnos, CELLS - 1)], events["outcome"])
    kinds, retransmits = errnos << _OUTCOME_BITS | outcomes, events["syn_retransmits"]
    return {
        kind: (int((kinds == kind).sum()), int(retransmits[kinds == kind].sum()))
        for kind in np.unique(kinds).tolist()
    }


class _Names:
    """Names for groups of keys."""

    def __init__(self, keys: Keys, grouping: Grouping, text: Callable[[np.void], str]) -> None:
        self._keys, (self._groups, self._group_of) = keys, grouping.merge(keys)
        self._text = text

    def most(self, some: Ints, counts: Ints) -> TopNames:
        """Return the names of the groups with the highest sums of `counts`, which belong to `some` keys."""
        totals = np.bincount(self._group_of[some], counts, len(self._groups))
        order = np.argsort(-totals, kind="stable")[: np.count_nonzero(totals)]
        named = order[:MAX_NAMES]
        located = (located_key(self._groups[n], self._keys[self._group_of == n]) for n in named)
        names = tuple(map(self._text, located))
        return TopNames(names, len(order) - len(names))


def _destination(places: Places, key: np.void) -> str:
    """Format address and port."""
    return destination_text(key, GROUPINGS["dest"]) if key["special"] else address_port_text(key, places)
