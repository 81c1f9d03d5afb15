"""SYNs that were lost on the way of connects that succeeded."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import MAX_KEYS, Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import NOTABLE_SHARE, RETRANSMITTED_US
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

NOTE_SHARE = 0.001
"""Below this share of the connects a lost SYN is only worth a note."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class LostSyns(FindingKind):
    """Connects that succeeded only after their SYN was sent again."""

    kind = "lost-syns"
    severity = Severity.BAD
    shows = "connects succeeded only after their SYN was sent again, a second or more later"
    based_on = "SYN retransmissions, and connects that took 1s or more; from 1% of the connects on it is bad"
    silent = "slow connects without a retransmission; retransmissions of connects that failed"
    absent = "no lost SYN"

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations that lost most SYNs; one finding for all when they are many."""
        if not evidence.retransmits.any():
            return []
        lossy = evidence.by_dest(evidence.ok_after_retransmit)
        order = largest_first(lossy)
        if len(order) > MAX_FINDINGS:
            return [self._to_many(evidence, order, lossy)]
        recent = evidence.recent
        resent = (recent.events["syn_retransmits"] > 0) & (recent.outcome == Outcome.OK)
        records = evidence.match_keys(recent.where(resent))
        p99s_us = evidence.quantiles_us(order)[:, 1].tolist()
        found = []
        for dest, p99_us in zip(order.tolist(), p99s_us, strict=True):
            of_dest = records.where(evidence.dest_of[records.key_index] == dest)
            found.append(self._to_one(evidence, dest, int(lossy[dest]), of_dest, p99_us))
        return found

    def _to_many(self, evidence: Evidence, order: Rows, lossy: Rows) -> Finding:
        """Return one finding for SYNs lost to many destinations: the loss is probably not at one of them."""
        n, ok = int(lossy.sum()), int(evidence.dest_outcomes[:, Outcome.OK].sum())
        worst = [
            f"{address_port_text(evidence.dests[dest])} ({lossy[dest]:,})" for dest in order[:MAX_FINDINGS]
        ]
        busiest = np.array([evidence.keys_to(int(dest))[0] for dest in order[:MAX_KEYS]])
        return self.finding(
            evidence,
            busiest,
            f"{n:,} of {plural(ok, 'connect')} lost a SYN, to {len(order):,} destinations",
            f"each took 1s or more; {len(order):,} of {plural(len(evidence.dests), 'destination')} are"
            f" affected: the more there are, the nearer to this host is the loss; most: {join_and(worst)}",
            n,
            severity=_severity(n, ok),
            named=False,
        )

    def _to_one(
        self, evidence: Evidence, dest: int, lossy: int, records: RecentRecords, p99_us: float
    ) -> Finding:
        ok = int(evidence.dest_outcomes[dest, Outcome.OK])
        return self.finding(
            evidence,
            evidence.keys_to(dest),
            f"{lossy:,} of {plural(ok, 'connect')} to {address_port_text(evidence.dests[dest])} lost a SYN",
            "; ".join(filter(None, (_example(records, p99_us), _losses(records)))),
            lossy,
            severity=_severity(lossy, ok),
        )


def _severity(lossy: int, ok: int) -> Severity:
    share = lossy / max(ok, 1)
    if share >= NOTABLE_SHARE:
        return Severity.BAD
    return Severity.WARN if share >= NOTE_SHARE else Severity.NOTE


def _example(records: RecentRecords, p99_us: float) -> str:
    """Return the parts of the connect nearest to the p99, or of the median one when the p99 lost no SYN."""
    if not len(records.events):
        return "an unanswered SYN is retransmitted after 1s, then after 2s, 4s, …"
    latency = records.anatomy.latency
    is_p99 = p99_us >= RETRANSMITTED_US
    nearest = int(np.argmin(np.abs(latency - (p99_us if is_p99 else np.median(latency)))))
    wire_us, rto_us = float(records.anatomy.wire[nearest]), float(records.anatomy.rto[nearest])
    if np.isnan(rto_us):  # the first SYN was not seen: nearly all of the time before the last one is waiting
        rto_us = latency[nearest] - wire_us
    which = "p99" if is_p99 else "one of them:"
    parts = f"{duration(rto_us)} waiting to resend + {duration(wire_us)} network"
    return f"{which} {duration(latency[nearest])} = {parts}"


def _losses(records: RecentRecords) -> str:
    """Return how many connects lost how many SYNs, of those kept as single records."""
    losses, counts = np.unique(records.events["syn_retransmits"], return_counts=True)
    if len(losses) < 2:
        return ""
    words = [_NUMBERS[n] if n < len(_NUMBERS) else str(n) for n in losses.tolist()]
    first = f"{counts[0]:,} lost {words[0]} {'SYN' if words[0] == 'one' else 'SYNs'}"
    rest = [f"{n:,} lost {word}" for n, word in zip(counts[1:], words[1:], strict=True)]
    return ", ".join([first, *rest])
