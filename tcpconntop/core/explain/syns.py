"""SYNs that were lost, and accept queues of this very host that lose them."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.explain.case import RESENT_US, Case, greatest, listed
from tcpconntop.core.explain.finding import NAMED, TOP, Finding, Kind, Severity, counted
from tcpconntop.core.explain.recent import Recent
from tcpconntop.core.groups import place_text
from tcpconntop.core.keys import Rows
from tcpconntop.core.units import duration, elapsed
from tcpconntop.core.wire import Outcome


def lost_syns(case: Case) -> list[Finding]:
    """Find connects that succeeded after they had waited for a SYN that was sent again."""
    if not case.retransmits.any():
        return []
    waited = case.by_dest(case.waited)
    order = greatest(waited)
    if len(order) > TOP:
        return [_lost_everywhere(case, order, waited)]
    recent = case.recent.where(
        (case.recent.events["syn_retransmits"] > 0) & (case.recent.outcome == Outcome.OK)
    )
    recent = case.mine(recent)
    p99s = case.quantiles_us(order)[:, 1].tolist()
    return [
        _lost_to(case, int(dest), int(waited[dest]), recent.where(case.dest_of[recent.at] == dest), p99)
        for dest, p99 in zip(order, p99s, strict=True)
    ]


def _lost_everywhere(case: Case, order: Rows, waited: Rows) -> Finding:
    """Sum up when SYNs to many destinations were lost: then it is not for one of them."""
    n, ok = int(waited.sum()), int(case.dest_outcomes[:, Outcome.OK].sum())
    worst = listed([f"{place_text(case.dests[dest])} ({waited[dest]:,})" for dest in order[:TOP]])
    return Finding(
        Kind.LOST_SYNS, _severity(n, ok),
        f"{n:,} of {counted(ok, 'connect')} waited for a retransmitted SYN, to {len(order):,} destinations",
        f"each took 1s or more; of {counted(len(case.dests), 'destination')} {len(order):,} lost SYNs:"
        f" the more of them, the nearer to this host is the loss; most: {worst}",
        n, "dest", tuple(case.raw(case.keys_to(int(dest)))[0] for dest in order[:NAMED]),
    )  # fmt: skip


def _severity(waited: int, ok: int) -> Severity:
    share = waited / max(ok, 1)
    if share >= 0.01:
        return Severity.BAD
    return Severity.WARN if share >= 0.001 else Severity.NOTE


def _lost_to(case: Case, dest: int, waited: int, recent: Recent, p99_us: float) -> Finding:
    keys = case.keys_to(dest)
    ok = int(case.dest_outcomes[dest, Outcome.OK])
    evidence = [_parts(recent, p99_us), _times(recent)]
    return Finding(
        Kind.LOST_SYNS, _severity(waited, ok),
        f"{waited:,} of {counted(ok, 'connect')} to {place_text(case.dests[dest])}"
        " waited for a retransmitted SYN",
        "; ".join([*filter(None, evidence), f"by {case.who(keys)}"]),
        waited, "dest", case.raw(keys),
    )  # fmt: skip


def _parts(waited: Recent, p99_us: float) -> str:
    """Take the connect that is nearest to the p99 apart; the median one when the p99 had no wait."""
    if not len(waited.events):
        return "a SYN that gets no answer is sent again after 1s, and then after ever longer"
    latency = waited.parts.latency
    tells = p99_us >= RESENT_US
    at = int(np.argmin(np.abs(latency - (p99_us if tells else np.median(latency)))))
    wire_us, rto_us = float(waited.parts.wire[at]), float(waited.parts.rto[at])
    if np.isnan(rto_us):  # the first SYN was not seen: what comes before the last one is next to all waiting
        rto_us = latency[at] - wire_us
    of = "p99" if tells else "one of them,"
    return f"{of} {duration(latency[at])} is {duration(rto_us)} of waiting + {duration(wire_us)} of network"


def _times(waited: Recent) -> str:
    """Say how many waited for how many SYNs, as far as single records are kept."""
    times, counts = np.unique(waited.events["syn_retransmits"], return_counts=True)
    if len(times) < 2:
        return ""
    return listed([f"{n:,} waited for {counted(int(t), 'SYN')}" for t, n in zip(times, counts, strict=True)])


def accept_queue(case: Case) -> list[Finding]:
    """Find connects to this host's own addresses that lose SYNs while its accept queues overflow."""
    if case.host is None or not case.retransmits.any():
        return []
    growth = case.host.queue_growth(case.began_ns)
    if growth.overflows <= 0:
        return []
    resent = case.by_dest(case.retransmits)
    local = [
        int(dest)
        for dest in greatest(resent)[:64]
        if case.host.is_local(case.dests[dest]["daddr"].tobytes(), int(case.dests[dest]["family"]))
    ]
    if not local:
        return []
    place = place_text(case.dests[local[0]])
    times, span = counted(growth.overflows, "time"), elapsed(case.snapshot.span_s)
    others = f" (and {counted(len(local) - 1, 'more port')})" if len(local) > 1 else ""
    n = int(resent[local].sum())
    return [
        Finding(
            Kind.ACCEPT_QUEUE, Severity.BAD,
            f"an accept queue of this host is full: {place}{others}",
            f"its accept queues overflowed {times} in {span}"
            f" (ListenOverflows) while {counted(n, 'SYN')} to that address had to be sent again:"
            " the server accepts too slowly, or its backlog is too small",
            n, "dest", case.raw(case.keys_to(local[0])),
        )
    ]  # fmt: skip
