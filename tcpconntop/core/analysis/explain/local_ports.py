"""Local ports that run out."""

from __future__ import annotations

from errno import EADDRNOTAVAIL

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text

SCARCE = 0.8
"""Share of the local ports in use from which they are reported."""

PLENTY = 0.5
"""Below this share of the local ports in use, EADDRNOTAVAIL has another cause."""

_ADVICE = (
    "a local port stays in use until a minute after its connection is closed: reuse connections,"
    " or widen net.ipv4.ip_local_port_range"
)


class LocalPorts(FindingKind):
    """A destination towards which local ports have run out, or soon will."""

    kind = "ports"
    severity = Severity.BAD
    shows = "local ports towards a destination have run out, or are 80% used"
    based_on = "connects that failed with EADDRNOTAVAIL; this host's sockets towards the destination"
    silent = "fewer than 80% in use, or a port range that is not known, while no connect fails for it"
    absent = "no lack of local ports"
    after = (Ipv6Broken,)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most failures and ports in use; claim their keys."""
        failed, used = _failed(evidence), _used(evidence)
        total = evidence.host.port_count if evidence.host else 0
        scarce = used >= SCARCE * total if total else np.zeros(len(used), np.bool_)
        order = largest_first(np.where(scarce | (failed > 0), failed + used, 0))[:MAX_FINDINGS]
        return [self._towards(evidence, int(n), int(failed[n]), int(used[n]), total) for n in order]

    def unchecked(self, evidence: Evidence) -> str:
        """Return that nothing is known of the host, as in a recording."""
        return "" if evidence.host else "local ports (no data about the host)"

    def _towards(self, evidence: Evidence, dest: int, failed: int, used: int, total: int) -> Finding:
        place, keys = address_port_text(evidence.dests[dest]), evidence.keys_to(dest)
        evidence.claim(keys)
        use = f"{used:,} of {total:,} local ports in use towards {place}"
        if not failed:
            proof = f"when none is left, connects fail with EADDRNOTAVAIL; {_ADVICE}"
            affected = int(evidence.attempts[keys].sum())
            return self.finding(evidence, keys, use, proof, affected, severity=Severity.WARN)
        title = f"{plural(failed, 'connect')} to {place} found no free local port (EADDRNOTAVAIL)"
        proof = f"{use}; {_ADVICE}" if used else _ADVICE
        if total and used < PLENTY * total:
            title = f"{plural(failed, 'connect')} to {place} failed with EADDRNOTAVAIL"
            proof = (
                f"local ports are not the cause (less than half of {total:,} are in use towards it):"
                " this host has no local address from which it may connect there"
            )
        return self.finding(evidence, keys, title, proof, failed)


def _failed(evidence: Evidence) -> Rows:
    """Return the connects that found no local address or port, by destination; claimed keys are left out."""
    errors = evidence.snapshot.window.errors
    which = np.flatnonzero(errors.cells() == EADDRNOTAVAIL)
    if not len(which):
        return np.zeros(len(evidence.dests), np.int64)
    failed = np.bincount(errors.rows()[which], errors.counts[which], len(evidence.snapshot.window.keys))
    return evidence.by_dest(np.where(evidence.claimed, 0, failed[evidence.rows]).astype(np.int64))


def _used(evidence: Evidence) -> Rows:
    """Return the local ports in use by destination, where the host's sockets were counted."""
    used = np.zeros(len(evidence.dests), np.int64)
    for (address, family, port), n in (evidence.host.port_use if evidence.host else {}).items():
        same_port = np.flatnonzero((evidence.dests["dport"] == port) & (evidence.dests["family"] == family))
        for dest in same_port:
            if evidence.dests[dest]["daddr"].tobytes() == address:
                used[dest] = n
    return used
