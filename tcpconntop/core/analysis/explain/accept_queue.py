"""Accept queues that overflow and so lose SYNs, in the network namespaces of the connects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import counted_records
from tcpconntop.core.analysis.explain.evidence import Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.given_up import waited_text
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.format import elapsed
from tcpconntop.core.types import Rows
from tcpconntop.core.window.host import ListenQueue, NetnsFacts
from tcpconntop.core.wire import Outcome

MAX_ASKED = 64
"""Destinations that are compared with own addresses in each namespace, those that lost most SYNs first."""


class _Suspect(NamedTuple):
    """A local destination of retransmitted SYNs, with the accept queue behind it where it was seen."""

    dest: int
    resent: int
    queue: ListenQueue | None

    @property
    def waiting(self) -> int:
        return self.queue.waiting if self.queue else 0

    @property
    def backlog(self) -> int:
        return (self.queue.backlog or 0) if self.queue else 0

    @property
    def is_full(self) -> bool:
        return self.queue is not None and self.queue.is_full

    @property
    def is_cleared(self) -> bool:
        """True if the queue and its backlog are known, and it was never seen full."""
        return self.queue is not None and self.queue.backlog is not None and not self.queue.is_full


class AcceptQueue(FindingKind):
    """An accept queue that overflows while connects in its network namespace, to an address there, wait."""

    kind = "accept-queue"
    severity = Severity.BAD
    shows = "an accept queue of this host overflows while connects to its own address lose SYNs"
    based_on = (
        "growth of ListenOverflows within the window, in the network namespace of the connects; SYN"
        " retransmissions to an address there; a listener is named when its queue was seen full"
    )
    silent = (
        "a counter that does not grow, or grows in another namespace; SYNs that are lost to other hosts;"
        " a listener that was never seen full while another one was"
    )
    next_step = "`ss -ltnp sport = :PORT; nstat -asz TcpExtListenOverflows TcpExtListenDrops` here"
    absent = "no overflow of an accept queue there"

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the full listeners of each namespace, or that it is not known which one was full."""
        if not evidence.retransmits.any():
            return []
        found = []
        for netns, facts in evidence.facts.items():
            overflows = facts.queue_growth(evidence.began_ns).overflows
            if overflows > 0:
                found += self._of_namespace(evidence, netns, facts, overflows)
        return sorted(found, key=lambda finding: -finding.affected)[:MAX_FINDINGS]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if the counters of all namespaces are known and did not grow."""
        facts = [evidence.facts.get(netns) for netns in np.unique(evidence.keys["netns"]).tolist()]
        return all(
            known is not None and known.queues and known.queue_growth(evidence.began_ns).overflows == 0
            for known in facts
        )

    def unchecked(self, evidence: Evidence) -> str:
        """Return that nothing is known of a namespace in which SYNs were sent again, as in a recording."""
        netns = np.unique(evidence.keys["netns"][evidence.retransmits > 0]).tolist()
        unknown = any(n not in evidence.facts or not evidence.facts[n].queues for n in netns)
        return "accept queues (no data about their network namespace)" if unknown else ""

    def _of_namespace(
        self, evidence: Evidence, netns: int, facts: NetnsFacts, overflows: int
    ) -> list[Finding]:
        here = evidence.keys["netns"] == netns
        resent = evidence.by_dest(np.where(here, evidence.retransmits, 0))
        suspects = []
        for dest in largest_first(resent)[:MAX_ASKED].tolist():
            key = evidence.dests[dest]
            place = key["daddr"].tobytes(), int(key["family"])
            if facts.is_local(*place):
                queue = facts.listen_queue(*place, int(key["dport"]), evidence.began_ns)
                suspects.append(_Suspect(dest, int(resent[dest]), queue))
        where = "this host" if facts.own else f"network namespace {evidence.netns_text(netns)}"
        span = elapsed(evidence.snapshot.span_s)
        growth = (
            f"accept queues of {where} overflowed {plural(overflows, 'time')} in {span} (ListenOverflows)"
        )
        full = [suspect for suspect in suspects if suspect.is_full][:MAX_FINDINGS]
        if full:
            return [self._full(evidence, suspect, growth, here) for suspect in full]
        if any(queue.is_full and queue.at_ns >= evidence.began_ns for queue in facts.listeners.values()):
            return []  # another listener is the one that overflows
        open_ = [suspect for suspect in suspects if not suspect.is_cleared]
        return [self._unknown(evidence, open_, growth, where, here)] if open_ else []

    def _full(self, evidence: Evidence, suspect: _Suspect, growth: str, here: Rows) -> Finding:
        n, waiting = suspect.resent, plural(suspect.waiting, "connection")
        place = evidence.dest_text(suspect.dest)
        proof = (
            f"{waiting} waited for accept() with a backlog of {suspect.backlog:,}; {growth} while"
            f" {plural(n, 'SYN')} to this address {'was' if n == 1 else 'were'} retransmitted: the server"
            " accepts too slowly, or its backlog is too small"
        )
        waiting_keys = np.flatnonzero((evidence.dest_of == suspect.dest) & here)
        for outcome in (Outcome.TIMEOUT, Outcome.CANCELLED):  # other kinds have nothing to add
            evidence.explained[waiting_keys, outcome] = True
        keys = evidence.busiest(waiting_keys)
        step = steps.accept_queue(evidence, keys, of_one=True)
        resent = evidence.match_keys(evidence.recent.where(evidence.recent.events["syn_retransmits"] > 0))
        records = resent.where(np.isin(resent.key_index, waiting_keys))
        when = when_text(evidence, counted_records(evidence, records), "those connects")
        proof = "; ".join(filter(None, (proof, when, waited_text(evidence, keys))))
        return self.finding(evidence, keys, f"the accept queue of {place} is full", proof, n, step)

    def _unknown(
        self, evidence: Evidence, suspects: list[_Suspect], growth: str, where: str, here: Rows
    ) -> Finding:
        n = sum(suspect.resent for suspect in suspects)
        waiting = [
            f"{plural(suspect.waiting, 'connection')} waited for accept() at"
            f" {evidence.dest_text(suspect.dest)}"
            for suspect in suspects[:MAX_FINDINGS]
            if suspect.waiting
        ]
        addresses = "one address" if len(suspects) == 1 else f"{len(suspects):,} addresses"
        proof = (
            f"{growth} while {plural(n, 'SYN')} to {addresses} there {'was' if n == 1 else 'were'}"
            " retransmitted; which listener was full is not known"
        )
        keys = evidence.busiest(np.flatnonzero((evidence.dest_of == suspects[0].dest) & here))
        return self.finding(
            evidence,
            keys,
            f"an accept queue of {where} overflowed",
            "; ".join(filter(None, (proof, join_and(waiting)))),
            n,
            steps.accept_queue(evidence, keys, of_one=len(suspects) == 1),
            severity=Severity.WARN,
            named=False,
        )
