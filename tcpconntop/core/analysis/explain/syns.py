"""SYNs that were lost, and accept queues of this very host that lose them."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import RESENT_US, Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, MAX_KEYS, Finding, Kind, Severity, plural
from tcpconntop.core.analysis.explain.recent import RecentRecords
from tcpconntop.core.format import duration, elapsed
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome


def lost_syns(evidence: Evidence) -> list[Finding]:
    """Find connects that succeeded after they had waited for a SYN that was sent again."""
    if not evidence.retransmits.any():
        return []
    waited = evidence.by_dest(evidence.ok_after_retransmit)
    order = largest_first(waited)
    if len(order) > MAX_FINDINGS:
        return [_lost_everywhere(evidence, order, waited)]
    recent = evidence.recent.where(
        (evidence.recent.events["syn_retransmits"] > 0) & (evidence.recent.outcome == Outcome.OK)
    )
    recent = evidence.match_keys(recent)
    p99s = evidence.quantiles_us(order)[:, 1].tolist()
    return [
        _lost_to(
            evidence,
            int(dest),
            int(waited[dest]),
            recent.where(evidence.dest_of[recent.key_index] == dest),
            p99,
        )
        for dest, p99 in zip(order, p99s, strict=True)
    ]


def _lost_everywhere(evidence: Evidence, order: Rows, waited: Rows) -> Finding:
    """Sum up when SYNs to many destinations were lost: then it is not for one of them."""
    n, ok = int(waited.sum()), int(evidence.dest_outcomes[:, Outcome.OK].sum())
    worst = join_and(
        [f"{address_port_text(evidence.dests[dest])} ({waited[dest]:,})" for dest in order[:MAX_FINDINGS]]
    )
    return Finding(
        Kind.LOST_SYNS, _severity(n, ok),
        f"{n:,} of {plural(ok, 'connect')} waited for a retransmitted SYN, to {len(order):,} destinations",
        f"each took 1s or more; of {plural(len(evidence.dests), 'destination')} {len(order):,} lost SYNs:"
        f" the more of them, the nearer to this host is the loss; most: {worst}",
        n, "dest", tuple(evidence.raw_keys(evidence.keys_to(int(dest)))[0] for dest in order[:MAX_KEYS]),
    )  # fmt: skip


def _severity(waited: int, ok: int) -> Severity:
    share = waited / max(ok, 1)
    if share >= 0.01:
        return Severity.BAD
    return Severity.WARN if share >= 0.001 else Severity.NOTE


def _lost_to(evidence: Evidence, dest: int, waited: int, recent: RecentRecords, p99_us: float) -> Finding:
    keys = evidence.keys_to(dest)
    ok = int(evidence.dest_outcomes[dest, Outcome.OK])
    proof = [_parts(recent, p99_us), _times(recent)]
    return Finding(
        Kind.LOST_SYNS, _severity(waited, ok),
        f"{waited:,} of {plural(ok, 'connect')} to {address_port_text(evidence.dests[dest])}"
        " waited for a retransmitted SYN",
        "; ".join([*filter(None, proof), f"by {evidence.process_names(keys)}"]),
        waited, "dest", evidence.raw_keys(keys),
    )  # fmt: skip


def _parts(waited: RecentRecords, p99_us: float) -> str:
    """Take the connect that is nearest to the p99 apart; the median one when the p99 had no wait."""
    if not len(waited.events):
        return "a SYN that gets no answer is sent again after 1s, and then after ever longer"
    latency = waited.anatomy.latency
    tells = p99_us >= RESENT_US
    at = int(np.argmin(np.abs(latency - (p99_us if tells else np.median(latency)))))
    wire_us, rto_us = float(waited.anatomy.wire[at]), float(waited.anatomy.rto[at])
    if np.isnan(rto_us):  # the first SYN was not seen: what comes before the last one is next to all waiting
        rto_us = latency[at] - wire_us
    of = "p99" if tells else "one of them,"
    return f"{of} {duration(latency[at])} is {duration(rto_us)} of waiting + {duration(wire_us)} of network"


def _times(waited: RecentRecords) -> str:
    """Say how many waited for how many SYNs, as far as single records are kept."""
    times, counts = np.unique(waited.events["syn_retransmits"], return_counts=True)
    if len(times) < 2:
        return ""
    return join_and([f"{n:,} waited for {plural(int(t), 'SYN')}" for t, n in zip(times, counts, strict=True)])


def accept_queue(evidence: Evidence) -> list[Finding]:
    """Find connects to this host's own addresses that lose SYNs while its accept queues overflow."""
    if evidence.host is None or not evidence.retransmits.any():
        return []
    growth = evidence.host.queue_growth(evidence.began_ns)
    if growth.overflows <= 0:
        return []
    resent = evidence.by_dest(evidence.retransmits)
    local = [
        int(dest)
        for dest in largest_first(resent)[:64]
        if evidence.host.is_local(
            evidence.dests[dest]["daddr"].tobytes(), int(evidence.dests[dest]["family"])
        )
    ]
    if not local:
        return []
    place = address_port_text(evidence.dests[local[0]])
    times, span = plural(growth.overflows, "time"), elapsed(evidence.snapshot.span_s)
    others = f" (and {plural(len(local) - 1, 'more port')})" if len(local) > 1 else ""
    n = int(resent[local].sum())
    return [
        Finding(
            Kind.ACCEPT_QUEUE, Severity.BAD,
            f"an accept queue of this host is full: {place}{others}",
            f"its accept queues overflowed {times} in {span}"
            f" (ListenOverflows) while {plural(n, 'SYN')} to that address had to be sent again:"
            " the server accepts too slowly, or its backlog is too small",
            n, "dest", evidence.raw_keys(evidence.keys_to(local[0])),
        )
    ]  # fmt: skip
