"""Connects that spend most of their time on this host."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first, medians
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.format import duration, percent
from tcpconntop.core.thresholds import MIN_SAMPLES
from tcpconntop.core.wire import Outcome

SLOW_LOCAL_US = 500
"""Local work usually takes some 10 µs."""

MIN_SHARE = 0.5
"""Local work is reported when it is at least this share of the whole latency."""


class LocalWork(FindingKind):
    """A destination whose connects spend most of their time before the first SYN."""

    kind = "local-work"
    severity = Severity.WARN
    shows = "connects to a destination spend half of their time or more before the first SYN"
    based_on = "the time before the first SYN of 10 or more recent connects, with a median of 500µs or more"
    silent = "few slow connects among fast ones; probes that do not see the first SYN"
    next_step = "`cat /proc/loadavg; nproc; ss -Htan dst ADDRESS:PORT | wc -l; nft list ruleset | wc -l` here"
    absent = "no slow local work in recent connects"
    after = (Ipv6Broken, LocalPorts)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations where most local time is spent."""
        found = evidence.once(local_dests)
        return [self._slow(evidence, *dest) for dest in found[:MAX_FINDINGS]]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no recent connect spent long before its first SYN."""
        local = evidence.match_keys(evidence.recent).anatomy.local
        return not (np.nan_to_num(local) >= SLOW_LOCAL_US).any()

    def unchecked(self, evidence: Evidence) -> str:
        """Return that the probes in use do not see the first SYN, or that no single connect is known."""
        if not evidence.snapshot.info.has_records:
            return "time before the first SYN (no single connect is known)"
        unknown = np.isnan(evidence.recent.anatomy.local).all()
        return "time before the first SYN (these probes do not see it)" if unknown else ""

    def _slow(self, evidence: Evidence, dest: int, count: int, median_us: float, share: float) -> Finding:
        keys = evidence.keys_to(dest)
        evidence.explained[keys, Outcome.OK] = True
        return self.finding(
            evidence,
            keys,
            f"connects to {evidence.dest_text(dest)} spend {percent(share)}% of their time"
            " before the first SYN",
            f"half of the last {plural(count, 'connect')} spent {duration(median_us)} or more there;"
            " possible: search for a free port, route lookup, firewall rules, a busy CPU,"
            " or a SYN that waits for data (TCP Fast Open)",
            count,
            steps.local_work(evidence, keys),
        )


def local_dests(evidence: Evidence) -> list[tuple[int, int, float, float]]:
    """Return the destinations where most local time is spent, the most first.

    Returns:
        For each its number, the recent connects, their median local time in µs, and its share of the whole.
    """
    recent = evidence.recent
    ok = recent.where((recent.outcome == Outcome.OK) & (recent.events["syn_ns"] > 0))
    if 2 * np.count_nonzero(ok.anatomy.local >= SLOW_LOCAL_US) < MIN_SAMPLES:
        return []  # with so few slow ones, the median of MIN_SAMPLES connects cannot be slow
    ok = evidence.match_keys(ok)
    ok = ok.where(~evidence.claimed[ok.key_index])
    if not len(ok.events):
        return []
    dest_of, n_dests = evidence.dest_of[ok.key_index], len(evidence.dests)
    count = np.bincount(dest_of, minlength=n_dests)
    median = medians(dest_of, ok.anatomy.local, n_dests)
    local, whole = (np.bincount(dest_of, us, n_dests) for us in (ok.anatomy.local, ok.anatomy.latency))
    share = local / np.maximum(whole, 1e-3)
    slow = (count >= MIN_SAMPLES) & (np.nan_to_num(median) >= SLOW_LOCAL_US) & (share >= MIN_SHARE)
    order = largest_first(np.where(slow, local, 0).astype(np.int64))
    return [(int(n), int(count[n]), float(median[n]), float(share[n])) for n in order]
