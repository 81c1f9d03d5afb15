"""Refused connects by destination, and what happened there before: what three kinds of findings share."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS
from tcpconntop.core.analysis.explain.over_time import Happened, happened
from tcpconntop.core.thresholds import MIN_FAILURES
from tcpconntop.core.types import Rows
from tcpconntop.core.window.keys import hash_keys, keys_from_events
from tcpconntop.core.wire import Outcome

MAX_CHANCE = 1e-6
"""Below this probability, a run of refusals is not chance: nothing listens any more."""


@dataclass(frozen=True)
class LastOk:
    """When the last success was: between two times that are equal where it is known exactly.

    Attributes:
        begin_ns, end_ns: no later success, and none before it is the last one; both 0 if there was none.
    """

    begin_ns: int = 0
    end_ns: int = 0

    def __bool__(self) -> bool:
        return self.end_ns > 0


@dataclass(frozen=True, eq=False)
class Past:
    """What is kept about a destination, from all processes, also those outside the selection.

    It is the same whatever the window: else its times would be those at which the window begins.

    Attributes:
        rows: its rows in the window, ascending.
        last_ok: the last success up to now.
        before: refusals up to the slice of the last success, that slice included.
        succeeded: successes.
        after: refusals in later slices.
        since_ns: time of the first refusal after the last success; 0 where the kept records do not tell.
    """

    rows: Rows
    last_ok: LastOk
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
        pasts: what is kept about each of `worst`.
    """

    def __init__(self, evidence: Evidence) -> None:
        refused = np.where(evidence.claimed, 0, evidence.outcomes[:, Outcome.REFUSED])
        self.by_dest = evidence.by_dest(refused)
        order = largest_first(np.where(self.by_dest >= MIN_FAILURES, self.by_dest, 0))
        self.worst: list[int] = order[:MAX_FINDINGS].tolist()
        self.rest = order[MAX_FINDINGS:]
        self.pasts = [_past(evidence, dest) for dest in self.worst]
        self._counts = evidence.dest_outcomes[self.worst, Outcome.REFUSED].tolist()

    def count(self, n: int) -> int:
        """Return the refused connects of destination `worst[n]`, claimed ones included."""
        return int(self._counts[n])

    def is_closed(self, n: int) -> bool:
        """True if nothing listens on destination `worst[n]`: it never accepted, or no longer does."""
        past = self.pasts[n]
        return not past.last_ok or past.is_over


def _past(evidence: Evidence, dest: int) -> Past:
    rows, window, now_ns = _rows_to(evidence, dest), evidence.snapshot.window, evidence.snapshot.now_ns
    past = happened(window.history or window.slices, rows, now_ns)
    ok, refused = past.counts[:, Outcome.OK], past.counts[:, Outcome.REFUSED]
    last_ok = _last_ok(evidence, rows, past)
    later = past.begin_ns > last_ok.end_ns
    after, before = int(refused[later].sum()), int(refused[~later].sum())
    return Past(rows, last_ok, before, int(ok.sum()), after, _since_ns(evidence, rows, last_ok))


def _last_ok(evidence: Evidence, rows: Rows, past: Happened) -> LastOk:
    """Return the last success: exactly, or, where a later one than now hides it, by its slice."""
    ends_ns, now_ns = evidence.snapshot.window.stats["last_end_ns"][rows], evidence.snapshot.now_ns
    exact_ns = int(ends_ns[ends_ns <= now_ns].max(initial=0))
    hidden = (past.counts[:, Outcome.OK] > 0) & np.isin(past.row, rows[ends_ns > now_ns])
    begin_ns, end_ns = (int(times[hidden].max(initial=0)) for times in (past.begin_ns, past.end_ns))
    # The end of a slice is not in it.
    return LastOk(max(exact_ns, begin_ns), max(exact_ns, end_ns - 1))


def _since_ns(evidence: Evidence, rows: Rows, last_ok: LastOk) -> int:
    """Return the time of the first refusal after the last success, from the single records.

    It is 0 where an earlier refusal may have left them, or where it is not known which records are later.
    """
    window = evidence.snapshot.window
    known = evidence.snapshot.info.has_records and last_ok.begin_ns == last_ok.end_ns
    if not (last_ok and known and window.recent.complete_since_ns <= last_ok.end_ns):
        return 0
    events = window.recent.records
    events = events[(events["outcome"] == Outcome.REFUSED) & (events["end_ns"] > last_ok.end_ns)]
    there = np.isin(hash_keys(keys_from_events(events)), hash_keys(window.keys[rows]))
    ends_ns = events["end_ns"][there]
    return int(ends_ns.min()) if len(ends_ns) else 0


def _rows_to(evidence: Evidence, dest: int) -> Rows:
    keys, key = evidence.snapshot.window.keys, evidence.dests[dest]
    same = np.flatnonzero((keys["dport"] == key["dport"]) & (keys["family"] == key["family"]))
    rows: Rows = same[keys["daddr"][same] == key["daddr"]]
    return rows[keys["netns"][rows] == key["netns"]] if key["netns"] else rows
