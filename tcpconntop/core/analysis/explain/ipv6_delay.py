"""How long programs that try IPv6 first wait for it before they connect over IPv4.

IPv6  ├─────────── 1.00s ───────────┤ given up
IPv4                                 ├──┤             one after the other: the delay is 1.00s
IPv4           ├──┤                                   a head start: the delay is shorter (RFC 8305)
"""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.given_up import AGE_SPREAD
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import FELT_US, MIN_FAILURES
from tcpconntop.core.types import Rows
from tcpconntop.core.window.recent import MAX_RECORDS, PER_PROCESS
from tcpconntop.core.wire import Events, Outcome

FOLLOWS_NS = 20_000_000
"""A connect over IPv4 that begins so soon after IPv6 has failed was waiting for that."""

_NS_BITS = 48
"""Bits of a time within the window: 78 hours. The number of a process is above them."""


def delay_text(evidence: Evidence, keys: Rows, failed: int) -> str:
    """Return by how much failed IPv6 connects delay a program; empty where the records do not show it.

    Such as `a program that tries IPv6 first is delayed by it, by 1.00s each time`.

    Args:
        evidence: what is explained.
        keys: keys of a program's connects over IPv6.
        failed: how many of these failed.
    """
    recent = evidence.recent
    over_ipv6 = (recent.outcome != Outcome.OK) & (recent.events["family"] == 6)
    kept = evidence.match_keys(recent.where(over_ipv6))
    kept = kept.where(np.isin(kept.key_index, keys))
    ages_us = np.sort(kept.anatomy.latency)
    if len(ages_us) < MIN_FAILURES or ages_us[-1] < FELT_US:
        return ""
    low, high = float(ages_us[0]), float(ages_us[-1])
    if not _is_one_after_the_other(recent, kept.events):
        by = f"up to {duration(high)}"
    elif high <= AGE_SPREAD * low:
        by = duration(float(np.median(ages_us)))
    else:
        by = f"{duration(low)} to {duration(high)}"
    times = "each time" if len(ages_us) == failed else f"each of the last {len(ages_us):,} times"
    return f"a program that tries IPv6 first is delayed by it, by {by} {times}"


def _is_one_after_the_other(recent: RecentRecords, over_ipv6: Events) -> bool:
    """Return True if after each connect over IPv6 its process began one over IPv4, none before its end."""
    processes, of_ipv6 = np.unique(over_ipv6["tgid"], return_inverse=True)
    events = recent.events[np.isin(recent.events["tgid"], processes)]
    n_kept = np.bincount(np.searchsorted(processes, events["tgid"]))
    events = events[(events["family"] == 4) & (events["dport"] == over_ipv6["dport"][0])]
    of_ipv4 = np.searchsorted(processes, events["tgid"])
    begin_ns, end_ns = (over_ipv6[name].astype(np.int64) for name in ("begin_ns", "end_ns"))
    # That none began before is known only if what is kept of the process reaches back so far.
    oldest_ns = np.full(len(processes), np.iinfo(np.int64).max)
    np.minimum.at(oldest_ns, of_ipv4, events["end_ns"].astype(np.int64))
    all_kept = (n_kept < PER_PROCESS) & (len(recent.events) < MAX_RECORDS)
    if not (all_kept[of_ipv6] | (oldest_ns[of_ipv6] <= begin_ns)).all():
        return False
    first_ns = int(begin_ns.min())
    if int(recent.events["begin_ns"].max()) - first_ns >= 1 << _NS_BITS:
        return False
    after = np.flatnonzero(events["begin_ns"].astype(np.int64) >= first_ns)
    begins = np.sort(of_ipv4[after] << _NS_BITS | events["begin_ns"][after].astype(np.int64) - first_ns)
    index = np.searchsorted(begins, of_ipv6 << _NS_BITS | begin_ns - first_ns)
    if index.max() >= len(begins):
        return False
    following = begins[index]
    waits_ns = (following & (1 << _NS_BITS) - 1) + first_ns - end_ns
    return bool(((following >> _NS_BITS == of_ipv6) & (waits_ns >= 0) & (waits_ns <= FOLLOWS_NS)).all())
