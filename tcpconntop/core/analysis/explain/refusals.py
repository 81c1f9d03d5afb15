"""Refused connects by destination, and what happened there before: what three kinds of findings share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS
from tcpconntop.core.counts import find
from tcpconntop.core.thresholds import MIN_FAILURES
from tcpconntop.core.types import SECOND_NS, Rows
from tcpconntop.core.wire import Outcome

MAX_CHANCE = 1e-6
"""Below this probability, a run of refusals is not chance: nothing listens any more."""


@dataclass(frozen=True, eq=False)
class Past:
    """What the window holds about a destination, from all processes, also those outside the selection.

    Attributes:
        rows: its rows in the window, ascending.
        last_ok_ns: time of the last success since tracing began; 0 if there was none.
        before: refusals up to the slice of the last success, that slice included.
        succeeded: successes.
        after: refusals in later slices.
        since_ns: begin of the first slice that has one of those; 0 if there is none.
    """

    rows: Rows
    last_ok_ns: int
    before: int
    succeeded: int
    after: int
    since_ns: int

    @property
    def is_over(self) -> bool:
        """True if nothing listens any more; False if the last refusals may be chance.

        The share of refusals before the last success estimates the probability of one; the run after it
        must be too long for that probability.
        """
        share = self.before / max(self.before + self.succeeded, 1)
        certain = share == 0 or self.after * math.log(share) < math.log(MAX_CHANCE)
        return self.after >= MIN_FAILURES and certain


class Refusals:
    """Destinations that refuse, without the keys that are claimed.

    It keeps no reference to the evidence, because the evidence keeps this object: in a cycle, the arrays of
    both would stay in memory until the garbage collector runs.

    Attributes:
        by_dest: refused connects of each destination, shape (d,).
        worst: the destinations with most of them, at most `MAX_FINDINGS`.
        rest: the other destinations with `MIN_FAILURES` or more.
        pasts: what the window holds about each of `worst`.
    """

    def __init__(self, evidence: Evidence) -> None:
        refused = np.where(evidence.claimed, 0, evidence.outcomes[:, Outcome.REFUSED])
        self.by_dest = evidence.by_dest(refused)
        order = largest_first(np.where(self.by_dest >= MIN_FAILURES, self.by_dest, 0))
        self.worst: list[int] = order[:MAX_FINDINGS].tolist()
        self.rest = order[MAX_FINDINGS:]
        self.pasts = _pasts(evidence, self.worst) if self.worst else []
        self._counts = evidence.dest_outcomes[self.worst, Outcome.REFUSED].tolist()

    def count(self, n: int) -> int:
        """Return the refused connects of destination `worst[n]`, claimed ones included."""
        return int(self._counts[n])

    def is_closed(self, n: int) -> bool:
        """True if nothing listens on destination `worst[n]`: it never accepted, or no longer does."""
        past = self.pasts[n]
        return not past.last_ok_ns or past.is_over

    def first_ns(self, evidence: Evidence, n: int) -> int:
        """Return the time of the first refusal after the last success at `worst[n]`.

        It is exact where the single records reach back to the success; else it is the begin of a slice.
        """
        past = self.pasts[n]
        events = evidence.recent.events
        if not len(events) or int(events["end_ns"][0]) > past.last_ok_ns:
            return past.since_ns  # an earlier refusal may have left the records
        later = (evidence.recent.outcome == Outcome.REFUSED) & (events["end_ns"] > past.last_ok_ns)
        found = evidence.match_keys(evidence.recent.where(later))
        ends = found.events["end_ns"][np.isin(evidence.rows[found.key_index], past.rows)]
        return int(ends.min()) if len(ends) else past.since_ns


def _pasts(evidence: Evidence, dests: list[int]) -> list[Past]:
    window = evidence.snapshot.window
    rows = [_rows_to(evidence, dest) for dest in dests]
    last_ok = [int(window.stats["last_end_ns"][some].max(initial=0)) for some in rows]
    all_rows = np.concatenate(rows)
    order = np.argsort(all_rows)
    owner = np.repeat(np.arange(len(rows)), [len(some) for some in rows])[order]
    owners, begins, ended = [], [], []
    for part in window.slices:
        places, found = find(part.packed_rows, all_rows[order])
        owners.append(owner[found])
        begins.append(np.full(len(places), part.second * SECOND_NS))
        ended.append(part.outcomes(places))
    owner, begin_ns, outcomes = np.concatenate(owners), np.concatenate(begins), np.concatenate(ended)
    pasts = []
    for n, (some, ok_ns) in enumerate(zip(rows, last_ok, strict=True)):
        refused, succeeded = np.where(owner == n, outcomes[:, (Outcome.REFUSED, Outcome.OK)].T, 0)
        later = (begin_ns > ok_ns) & (refused > 0)
        after, before = int(refused[later].sum()), int(refused[~later].sum())
        since_ns = int(begin_ns[later].min()) if after else 0
        pasts.append(Past(some, ok_ns, before, int(succeeded.sum()), after, since_ns))
    return pasts


def _rows_to(evidence: Evidence, dest: int) -> Rows:
    keys, key = evidence.snapshot.window.keys, evidence.dests[dest]
    same = np.flatnonzero((keys["dport"] == key["dport"]) & (keys["family"] == key["family"]))
    rows: Rows = same[keys["daddr"][same] == key["daddr"]]
    return rows[keys["netns"][rows] == key["netns"]] if key["netns"] else rows
