"""Accept queues of this host that overflow and so lose SYNs."""

from __future__ import annotations

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import Finding, FindingKind, Severity, plural
from tcpconntop.core.format import elapsed
from tcpconntop.core.view.groups import address_port_text

MAX_ASKED = 64
"""Destinations that are compared with the host's own addresses, those that lost most SYNs first."""


class AcceptQueue(FindingKind):
    """An accept queue of this host that overflows while connects to its own address lose SYNs."""

    kind = "accept-queue"
    severity = Severity.BAD
    shows = "an accept queue of this host overflows while connects to its own address lose SYNs"
    based_on = "growth of ListenOverflows within the window; SYN retransmissions to an address of this host"
    silent = "a counter that does not grow; SYNs that are lost to other hosts"
    absent = "no full accept queue"

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return at most one finding: the counter is of the host, so that it cannot name the port."""
        host = evidence.host
        if host is None or not evidence.retransmits.any():
            return []
        growth = host.queue_growth(evidence.began_ns)
        if growth.overflows <= 0:
            return []
        resent = evidence.by_dest(evidence.retransmits)
        dests = evidence.dests
        local = [
            int(dest)
            for dest in largest_first(resent)[:MAX_ASKED]
            if host.is_local(dests[dest]["daddr"].tobytes(), int(dests[dest]["family"]))
        ]
        if not local:
            return []
        several = len(local) > 1
        others = f" (and {plural(len(local) - 1, 'more port')})" if several else ""
        addresses = "these addresses" if several else "this address"
        n, span = int(resent[local].sum()), elapsed(evidence.snapshot.span_s)
        title = f"an accept queue of this host is full: {address_port_text(dests[local[0]])}{others}"
        proof = (
            f"accept queues of this host overflowed {plural(growth.overflows, 'time')} in {span}"
            f" (ListenOverflows) while {plural(n, 'SYN')} to {addresses} {'was' if n == 1 else 'were'}"
            " retransmitted: the server accepts too slowly, or its backlog is too small"
        )
        return [self.finding(evidence, evidence.keys_to(local[0]), title, proof, n, named=False)]

    def unchecked(self, evidence: Evidence) -> str:
        """Return that nothing is known of the host, as in a recording."""
        return "" if evidence.host else "accept queues (no data about the host)"
