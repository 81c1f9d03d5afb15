"""Connects that waited for one, two or three timeouts of a SYN: the modes of a distribution at 1, 3 and 7 s.

An unanswered SYN is sent again after 1 s, then after 2 s and 4 s more. So connects that lost SYNs gather just
behind these times. But a latency alone does not tell how many were lost, or whether any was: kernels have
other timeouts, and slow answers come at any time. Only the records of the connects do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.counts import bucket_of
from tcpconntop.core.thresholds import SYN_RTO_US
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import Outcome

MODES_US = (SYN_RTO_US, 3 * SYN_RTO_US, 7 * SYN_RTO_US)

BEFORE_US, BEHIND_US = 10_000, 300_000
"""How much sooner a timer may end (a tick of the kernel), and how much later an answer may come."""


class RtoMode(NamedTuple):
    """Connects that took a little longer than some timeouts of a SYN.

    Attributes:
        at_us: the sum of the timeouts.
        lost_syns: how many SYNs each of these connects lost, by its record; None if that is not known of all.
    """

    at_us: int
    lost_syns: int | None


def rto_modes(selection: Selection) -> list[RtoMode]:
    """Return the modes that a selection has."""
    bounds = [_buckets(at_us) for at_us in MODES_US]
    counts = [int(selection.buckets[first:end].sum()) for first, end in bounds]
    if not any(counts):
        return []
    evidence = Evidence(selection, lambda _: "")
    records = _records(evidence)
    buckets = bucket_of(latency_ns(records.events))
    modes = []
    for at_us, (first, end), count in zip(MODES_US, bounds, counts, strict=True):
        if count:
            at_mode = records.where((buckets >= first) & (buckets < end))
            losses = np.unique(at_mode.events["syn_retransmits"]).tolist()
            is_known = len(at_mode.events) >= count and at_mode.anatomy.lost.all() and len(losses) == 1
            modes.append(RtoMode(at_us, losses[0] if is_known else None))
    return modes


def _buckets(at_us: int) -> tuple[int, int]:
    """Return the first bucket of a mode, and the one after the last."""
    ends_ns = np.array([at_us - BEFORE_US, at_us + BEHIND_US], np.uint64) * np.uint64(1000)
    first, last = bucket_of(ends_ns).tolist()
    return first, last + 1


def _records(evidence: Evidence) -> RecentRecords:
    """Return the selection's records of success in the window and a second before it: batches come late."""
    events = evidence.snapshot.window.recent.records
    wanted = (events["outcome"] == Outcome.OK) & (
        events["end_ns"].astype(np.int64) >= evidence.began_ns - SECOND_NS
    )
    return evidence.match_keys(RecentRecords(events[wanted], np.empty(0, np.int64)))
