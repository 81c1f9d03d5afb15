"""Local ports that run out, in the network namespaces of the connects."""

from __future__ import annotations

from errno import EADDRNOTAVAIL
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import connects_without_port
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import Grouping
from tcpconntop.core.window.host import NetnsFacts

SCARCE = 0.8
"""Share of the local ports in use from which they are reported."""

PLENTY = 0.5
"""Below this share of the local ports in use, EADDRNOTAVAIL may have another cause."""

_PLACE = Grouping("place", "namespace and destination", ("netns", "daddr", "family", "dport"))
_ADVICE = (
    "a local port stays in use until a minute after its connection is closed: reuse connections,"
    " or widen net.ipv4.ip_local_port_range"
)
_OWN_SOCKET = "the socket is bound to a port, to a range of its own (IP_LOCAL_PORT_RANGE) or to an address"


class _PortUse(NamedTuple):
    """A destination as seen from one network namespace, and the state of the local ports towards it there.

    Attributes:
        keys: numbers of its keys, the busiest first.
        failed: connects that failed with EADDRNOTAVAIL.
        used: local ports in use there.
        facts: what is known of the namespace; None if nothing is.
    """

    keys: Rows
    failed: int
    used: int
    facts: NetnsFacts | None

    @property
    def total(self) -> int:
        return self.facts.port_count if self.facts else 0


_STATES = 'ss -Htan dst ADDRESS:PORT | cut -d" " -f1 | sort | uniq -c'
"""What counts the sockets towards a destination by state."""


class LocalPorts(FindingKind):
    """A destination towards which local ports have run out, or soon will."""

    kind = "ports"
    severity = Severity.BAD
    shows = "local ports towards a destination have run out, or are 80% used"
    based_on = (
        "connects that failed with EADDRNOTAVAIL; range of local ports, and sockets towards the destination,"
        " both of the network namespace of the connects"
    )
    silent = "fewer than 80% in use, or a port range that is not known, while no connect fails for it"
    next_step = f"`{_STATES}; sysctl net.ipv4.ip_local_port_range` here"
    absent = "no lack of local ports"
    after = (Ipv6Broken,)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most failures and ports in use; claim their keys."""
        failed = _failed(evidence)
        busy = np.isin(evidence.keys["netns"], [n for n, facts in evidence.facts.items() if facts.port_use])
        chosen = np.flatnonzero(((failed > 0) | busy) & ~evidence.claimed)
        if not len(chosen):
            return []
        groups, group_of = _PLACE.merge(evidence.keys[chosen])
        uses = []
        for n in range(len(groups)):
            use = _port_use(evidence, groups[n], chosen[group_of == n], failed)
            if use.failed or (use.total and use.used >= SCARCE * use.total):
                uses.append(use)
        uses.sort(key=lambda use: -(use.failed + use.used))
        return [self._towards(evidence, use) for use in uses[:MAX_FINDINGS]]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no connect failed with EADDRNOTAVAIL."""
        return EADDRNOTAVAIL not in evidence.selection.errors

    def unchecked(self, evidence: Evidence) -> str:
        """Return that the local ports of a namespace are not known, as in a recording."""
        netns = np.unique(evidence.keys["netns"]).tolist()
        unknown = [n for n in netns if n not in evidence.facts or not evidence.facts[n].port_count]
        return "local ports (no data about their network namespace)" if unknown else ""

    def _towards(self, evidence: Evidence, ports: _PortUse) -> Finding:
        keys, facts = ports.keys, ports.facts
        evidence.claim(keys)
        key = evidence.keys[keys[0]]
        netns, own = int(key["netns"]), facts is not None and facts.own
        inside = f" in network namespace {evidence.netns_text(netns)}" if netns and not own else ""
        name, total, used = evidence.key_text(key), ports.total, ports.used
        step = steps.port_use(evidence, keys)
        use = f"{used:,} of {total:,} local ports in use towards {name}{inside}"
        if not ports.failed:
            proof = f"when none is left, connects fail with EADDRNOTAVAIL; {_ADVICE}"
            affected = int(evidence.attempts[keys].sum())
            return self.finding(evidence, keys, use, proof, affected, step, severity=Severity.WARN)
        connects = f"{plural(ports.failed, 'connect')} to {name}"
        counted = connects_without_port(evidence, keys, ports.failed)
        if total and used >= SCARCE * total:
            title = f"{connects} found no free local port (EADDRNOTAVAIL)"
            return self.finding(
                evidence, keys, title, f"{use}; {_ADVICE}", ports.failed, step, counted=counted
            )
        if not total:
            in_use = f"; {used:,} are in use or in TIME_WAIT towards it" if used else ""
            proof = (
                f"no free local port, or no local address from which it may connect there; the range of local"
                f" ports{inside} is not known{in_use}"
            )
        elif used < PLENTY * total:
            proof = (
                f"fewer than half of {total:,} local ports are in use towards it now, so more likely"
                f" {_OWN_SOCKET}, this host has no address from which it may connect there,"
                " or many ports were in use before"
            )
        else:
            proof = f"{use} now; all may have been in use before, or {_OWN_SOCKET}"
        title = f"{connects} failed with EADDRNOTAVAIL"
        return self.finding(evidence, keys, title, proof, ports.failed, step, counted=counted)


def _failed(evidence: Evidence) -> Rows:
    """Return the connects that found no local address or port, by key, shape (n,)."""
    errors = evidence.snapshot.window.errors
    which = np.flatnonzero(errors.cells() == EADDRNOTAVAIL)
    failed = np.bincount(errors.rows()[which], errors.counts[which], len(evidence.snapshot.window.keys))
    return failed[evidence.rows].astype(np.int64)


def _port_use(evidence: Evidence, group: np.void, keys: Rows, failed: Rows) -> _PortUse:
    facts = evidence.facts.get(int(group["netns"]))
    destination = group["daddr"].tobytes(), int(group["family"]), int(group["dport"])
    used = facts.port_use.get(destination, 0) if facts else 0
    return _PortUse(evidence.busiest(keys), int(failed[keys].sum()), used, facts)
