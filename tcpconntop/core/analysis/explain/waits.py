"""Connects that succeeded after a SYN was sent again: was a SYN lost, or is the answer slower than the timer?

Single records tell (`core/analysis/anatomy.py`); where they do not, a faster connect to the same destination
does.
"""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.thresholds import RETRANSMITTED_US
from tcpconntop.core.types import Floats, Mask, Rows
from tcpconntop.core.window.stats import NO_MINIMUM
from tcpconntop.core.wire import Outcome

_LEAST = 1e-9
"""The quantile of the fastest connect."""


class Waits:
    """The waits for a SYN that was sent again, by destination, of connects that succeeded.

    Attributes:
        records: single records of such connects.
        dest_of: the destination of each record.
        all: how many connects waited, shape (d,).
        slow: how many of `all` had a slow answer; all of them where only slow answers are known.
        fastest_us: the fastest connect to each, shape (d,); NaN where none succeeded.
        doubtful: True where it is not known whether those that are not slow lost a SYN, shape (d,).
    """

    def __init__(self, evidence: Evidence) -> None:
        recent = evidence.recent
        resent = (recent.events["syn_retransmits"] > 0) & (recent.outcome == Outcome.OK)
        matched = evidence.match_keys(recent.where(resent))
        # What this machine did not send was not lost on the way: that is another finding.
        kept = matched.events["syn_unsent"] == 0
        unsent = np.bincount(evidence.dest_of[matched.key_index[~kept]], minlength=len(evidence.dests))
        self.records: RecentRecords = matched.where(kept)
        self.dest_of: Rows = evidence.dest_of[self.records.key_index]
        n_dests, parts = len(evidence.dests), self.records.anatomy
        self.all: Rows = np.maximum(evidence.by_dest(evidence.ok_after_retransmit) - unsent, 0)
        lost, slow = (
            np.bincount(self.dest_of, mask, n_dests).astype(np.int64) for mask in (parts.lost, parts.slow)
        )
        self.fastest_us = _fastest_us(evidence)
        # Also a connect that waited for a SYN shows that the network is faster than the timer.
        np.minimum.at(self.fastest_us, self.dest_of[parts.lost], parts.wire[parts.lost])
        quick = self.fastest_us < RETRANSMITTED_US
        only_slow = (slow > 0) & (lost == 0) & ~quick
        self.slow: Rows = np.where(only_slow, self.all, np.minimum(slow, self.all))
        self.doubtful: Mask = (lost < self.all - self.slow) & ~quick

    def to(self, dest: int, mask: Mask) -> RecentRecords:
        """Return the records of a destination that are under a mask."""
        return self.records.where(mask & (self.dest_of == dest))


def _fastest_us(evidence: Evidence) -> Floats:
    fastest_ns = np.full(len(evidence.dests), NO_MINIMUM)
    np.minimum.at(fastest_ns, evidence.dest_of, evidence.snapshot.window.stats["min_ns"][evidence.rows])
    if not evidence.snapshot.info.has_records:  # then the lowest bucket tells
        return evidence.group_quantiles_us(evidence.dest_of, np.arange(len(evidence.dests)), (_LEAST,))[:, 0]
    return np.where(fastest_ns == NO_MINIMUM, np.nan, fastest_ns / 1000)
