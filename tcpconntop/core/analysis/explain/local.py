"""Time and errors before the first SYN: local ports that run out, slow local work."""

from __future__ import annotations

from errno import EADDRNOTAVAIL

import numpy as np

from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first, medians
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity, plural
from tcpconntop.core.format import duration, percent
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

PORTS_SCARCE = 0.8
"""Share of the local ports from which on few are left."""

HALF = 0.5
"""Share up to which they are not what is lacking."""

SLOW_US = 500
"""Local work takes some 10 µs; from here on it is worth a word, if it is most of the connect."""

MIN_RECORDS = 10
"""Records that a median needs."""


def local_ports(evidence: Evidence) -> list[Finding]:
    """Find destinations towards which local ports have run out, or soon will have."""
    failed, used = _unavailable(evidence), _used(evidence)
    total = evidence.host.port_count if evidence.host else 0
    short = used >= PORTS_SCARCE * total if total else np.zeros(len(used), np.bool_)
    order = largest_first(np.where(short | (failed > 0), failed + used, 0))
    return [
        _ports_to(evidence, int(dest), int(failed[dest]), int(used[dest]), total)
        for dest in order[:MAX_FINDINGS]
    ]


def _unavailable(evidence: Evidence) -> Rows:
    """Count failures for want of a local address or port, by destination."""
    errors = evidence.snapshot.window.errors
    which = np.flatnonzero(errors.cells() == EADDRNOTAVAIL)
    if not len(which):
        return np.zeros(len(evidence.dests), np.int64)
    failed = np.bincount(errors.rows()[which], errors.counts[which], len(evidence.snapshot.window.keys))
    return evidence.by_dest(np.where(evidence.claimed_mask, 0, failed[evidence.rows]).astype(np.int64))


def _used(evidence: Evidence) -> Rows:
    """Count local ports in use, by destination, as far as the host was asked."""
    used = np.zeros(len(evidence.dests), np.int64)
    for (address, family, port), n in (evidence.host.port_use if evidence.host else {}).items():
        same_port = np.flatnonzero((evidence.dests["dport"] == port) & (evidence.dests["family"] == family))
        for dest in same_port:
            if evidence.dests[dest]["daddr"].tobytes() == address:
                used[dest] = n
    return used


def _ports_to(evidence: Evidence, dest: int, failed: int, used: int, total: int) -> Finding:
    place, keys = address_port_text(evidence.dests[dest]), evidence.keys_to(dest)
    evidence.claimed.update(keys.tolist())
    use = f"{used:,} of {total:,} local ports in use towards {place}"
    advice = "each keeps its port until a minute after it is closed: reuse connections, or widen"
    advice += " net.ipv4.ip_local_port_range"
    if not failed:
        title, proof = use, f"when none is left, connects fail with EADDRNOTAVAIL; {advice}"
    else:
        title = f"{plural(failed, 'connect')} to {place} found no free local port (EADDRNOTAVAIL)"
        proof = f"{use}; {advice}" if used else advice
        if total and used < HALF * total:
            title = f"{plural(failed, 'connect')} to {place} failed with EADDRNOTAVAIL"
            proof = (
                f"local ports are not what is lacking (less than half of {total:,} are in use towards it):"
                " no local address may be used to connect there"
            )
    severity = Severity.BAD if failed else Severity.WARN
    affected = failed or int(evidence.attempts[keys].sum())
    return Finding(
        Kind.PORTS,
        severity,
        title,
        f"{proof}; by {evidence.process_names(keys)}",
        affected,
        "dest",
        evidence.raw_keys(keys),
    )


def local_work(evidence: Evidence) -> list[Finding]:
    """Find destinations to which most of the time goes before the first SYN leaves."""
    ok = evidence.recent.where(
        (evidence.recent.outcome == Outcome.OK) & (evidence.recent.events["syn_ns"] > 0)
    )
    if 2 * np.count_nonzero(ok.anatomy.local >= SLOW_US) < MIN_RECORDS:
        return []  # no median of so many can be slow
    ok = evidence.match_keys(ok)
    ok = ok.where(~evidence.claimed_mask[ok.key_index])
    if not len(ok.events):
        return []
    dest_of, n_dests = evidence.dest_of[ok.key_index], len(evidence.dests)
    count = np.bincount(dest_of, minlength=n_dests)
    median = medians(dest_of, ok.anatomy.local, n_dests)
    spent, whole = (np.bincount(dest_of, us, n_dests) for us in (ok.anatomy.local, ok.anatomy.latency))
    share = spent / np.maximum(whole, 1e-3)
    slow = (count >= MIN_RECORDS) & (np.nan_to_num(median) >= SLOW_US) & (share >= HALF)
    order = largest_first(np.where(slow, spent, 0).astype(np.int64))
    return [_slow_to(evidence, int(dest), int(count[dest]), float(median[dest]), float(share[dest]))
            for dest in order[:MAX_FINDINGS]]  # fmt: skip


def _slow_to(evidence: Evidence, dest: int, count: int, median_us: float, share: float) -> Finding:
    keys = evidence.keys_to(dest)
    return Finding(
        Kind.LOCAL_WORK, Severity.WARN,
        f"{percent(share)}% of the time to {address_port_text(evidence.dests[dest])} passes before the first SYN",
        f"half of the last {plural(count, 'connect')} spent {duration(median_us)} or more in this host:"
        " a search for a free port, the route, a firewall, a busy CPU,"
        f" or a SYN that waits for data (TCP Fast Open); by {evidence.process_names(keys)}",
        count, "dest", evidence.raw_keys(keys),
    )  # fmt: skip
