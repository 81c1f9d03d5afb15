"""SYNs that were lost on the way of connects that succeeded."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import retried_connects
from tcpconntop.core.analysis.explain.evidence import MAX_KEYS, Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.others import step_here_or_at_peer
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.analysis.explain.waits import Waits
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import NOTABLE_SHARE, RETRANSMITTED_US
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Outcome

NOTE_SHARE = 0.001
"""Below this share of the connects a lost SYN is only worth a note."""

_DOUBT = " or were answered later than 1s"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class LostSyns(FindingKind):
    """Connects that succeeded only after their SYN was sent again."""

    kind = "lost-syns"
    severity = Severity.BAD
    shows = "connects succeeded only after their SYN was sent again, because it or its answer was lost"
    based_on = (
        "the SYN retransmissions of each connect that succeeded (of counts alone: retransmissions, and"
        " connects of 1s or more), and the round trip by the kernel's own measure or the fastest connect"
        " there; where neither is known it says so; bad from 1% of the connects on"
    )
    silent = (
        "slow connects without a retransmission; answers slower than 1s; retransmissions of failed connects"
    )
    next_step = (
        "`ss -ltn sport = :PORT; nstat -asz TcpExtListenOverflows TcpExtListenDrops` on the peer, unless"
        " others reach it: loss, or its accept queue; to many destinations,"
        " `ip -s link show; tc -s qdisc show` here"
    )
    absent = "no retransmitted SYN"

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations that lost most SYNs; one finding for all when they are many."""
        if not evidence.retransmits.any():
            return []
        waits = evidence.once(Waits)
        order = largest_first(waits.all - waits.slow)
        for dest in order:
            evidence.explained[evidence.dest_of == dest, Outcome.OK] = True
        if len(order) > MAX_FINDINGS:
            return [self._to_many(evidence, order, waits)]
        p99s_us = evidence.quantiles_us(order)[:, 1].tolist()
        return [self._to_one(evidence, n, waits, p99) for n, p99 in zip(order.tolist(), p99s_us, strict=True)]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no SYN was sent again."""
        selected = evidence.selection.group_of == 0
        return not evidence.snapshot.window.stats["syn_retransmits"][selected].any()

    def _to_many(self, evidence: Evidence, order: Rows, waits: Waits) -> Finding:
        """Return one finding for SYNs lost to many destinations: the loss is probably not at one of them."""
        lossy = waits.all - waits.slow
        n, ok = int(lossy.sum()), int(evidence.dest_outcomes[:, Outcome.OK].sum())
        records = waits.records.where(~waits.records.anatomy.slow)
        counted = retried_connects(evidence, evidence.keys_to_any(order), n, records)
        when = when_text(evidence, counted, most=False)
        each = not when.startswith("all ")  # else that is when
        worst = [_dest_text(evidence, waits, dest, with_times=each) for dest in order[:MAX_FINDINGS].tolist()]
        busiest = np.array([evidence.keys_to(int(dest))[0] for dest in order[:MAX_KEYS]])
        doubt = _DOUBT if waits.doubtful[order].any() else ""
        proof = (
            f"{len(order):,} of {plural(len(evidence.dests), 'destination')} are"
            f" affected: the more there are, the nearer to this host is the cause; most: {join_and(worst)}"
        )
        return self.finding(
            evidence,
            busiest,
            f"{n:,} of {plural(ok, 'connect')} lost a SYN{doubt}, to {len(order):,} destinations",
            "; ".join(filter(None, (when, proof))),
            n,
            steps.own_link(evidence, busiest),
            severity=_severity(n, ok),
            named=False,
        )

    def _to_one(self, evidence: Evidence, dest: int, waits: Waits, p99_us: float) -> Finding:
        keys = evidence.keys_to(dest)
        ok, lossy = int(evidence.dest_outcomes[dest, Outcome.OK]), int(waits.all[dest] - waits.slow[dest])
        records = waits.to(dest, ~waits.records.anatomy.slow)
        doubtful = bool(waits.doubtful[dest])
        losses = "" if doubtful else _losses(records)
        counted = retried_connects(evidence, keys, lossy, records)
        lossy_keys = keys[evidence.ok_after_retransmit[keys] > 0]
        others, step = step_here_or_at_peer(
            evidence, lossy_keys, counted, steps.loss_or_accept_queue, lost=True
        )
        ground = others.text or _ground(waits, dest, doubtful)
        parts = (_example(records, p99_us, doubtful), losses, ground)
        return self.finding(
            evidence,
            lossy_keys if others.text else keys,
            f"{lossy:,} of {plural(ok, 'connect')} to {evidence.dest_text(dest)} lost a SYN"
            f"{_DOUBT * doubtful}",
            "; ".join(filter(None, parts)),
            lossy,
            step,
            severity=_severity(lossy, ok),
            named=not others.names_own,
            counted=counted,
        )


def _dest_text(evidence: Evidence, waits: Waits, dest: int, *, with_times: bool) -> str:
    """Return a destination and how many connects there lost a SYN, and when, if that is not said of all."""
    n, records = int(waits.all[dest] - waits.slow[dest]), waits.to(dest, ~waits.records.anatomy.slow)
    counted = retried_connects(evidence, evidence.keys_to(dest), n, records)
    when = when_text(evidence, counted, "all") if with_times and n > 1 else ""
    return f"{evidence.dest_text(dest)} ({', '.join(filter(None, (f'{n:,}', when)))})"


def _severity(lossy: int, ok: int) -> Severity:
    share = lossy / max(ok, 1)
    if share >= NOTABLE_SHARE:
        return Severity.BAD
    return Severity.WARN if share >= NOTE_SHARE else Severity.NOTE


def _ground(waits: Waits, dest: int, doubtful: bool) -> str:
    """Return why SYNs must have been lost, and where they can be."""
    if doubtful:
        return "which of the two is not known: no round trip was measured, and no connect there was faster"
    fastest = duration(float(waits.fastest_us[dest]))
    return f"an answer there took {fastest}, so lost on the way, or by a full accept queue there"


def _example(records: RecentRecords, p99_us: float, doubtful: bool) -> str:
    """Return the parts of the connect nearest to the p99, or of the median one when the p99 lost no SYN."""
    if not len(records.events):
        return "an unanswered SYN is retransmitted after 1s, then after 2s, 4s, …"
    if not doubtful:
        records = records.where(records.anatomy.lost)
        if not len(records.events):
            return "each waited until its SYN was sent again"
    latency = records.anatomy.latency
    is_p99 = p99_us >= RETRANSMITTED_US
    nearest = int(np.argmin(np.abs(latency - (p99_us if is_p99 else np.median(latency)))))
    which = "p99" if is_p99 else "one of them:"
    if doubtful:
        event = records.events[nearest]
        again_us = max(float(event["last_rtx_ns"]) - float(event["begin_ns"]), 0.0) / 1000
        after_us = latency[nearest] - again_us
        parts = f"{duration(again_us)} until the SYN was sent again + {duration(after_us)} until an answer"
    else:
        wire_us = float(records.anatomy.wire[nearest])
        wait_us = float(records.anatomy.rto[nearest])
        parts = f"{duration(wait_us)} waiting to resend + {duration(wire_us)} network"
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
