"""Time and errors before the first SYN: local ports that run out, slow local work."""

from __future__ import annotations

from errno import EADDRNOTAVAIL

import numpy as np

from tcpconntop.core.explain.case import Case, greatest, medians
from tcpconntop.core.explain.finding import TOP, Finding, Kind, Severity, counted
from tcpconntop.core.groups import place_text
from tcpconntop.core.keys import Rows
from tcpconntop.core.units import duration, percent
from tcpconntop.core.wire import Outcome

NEARLY = 0.8
"""Share of the local ports from which on few are left."""

PLENTY = 0.5
"""Share up to which they are not what is lacking."""

SLOW_US = 500
"""Local work takes some 10 µs; from here on it is worth a word, if it is most of the connect."""

ENOUGH = 10
"""Records that a median needs."""


def local_ports(case: Case) -> list[Finding]:
    """Find destinations towards which local ports have run out, or soon will have."""
    failed, used = _unavailable(case), _used(case)
    total = case.host.port_count if case.host else 0
    short = used >= NEARLY * total if total else np.zeros(len(used), np.bool_)
    order = greatest(np.where(short | (failed > 0), failed + used, 0))
    return [_ports_to(case, int(dest), int(failed[dest]), int(used[dest]), total) for dest in order[:TOP]]


def _unavailable(case: Case) -> Rows:
    """Count failures for want of a local address or port, by destination."""
    errors = case.snapshot.window.errors
    which = np.flatnonzero(errors.cells() == EADDRNOTAVAIL)
    if not len(which):
        return np.zeros(len(case.dests), np.int64)
    failed = np.bincount(errors.rows()[which], errors.counts[which], len(case.snapshot.window.keys))
    return case.by_dest(np.where(case.explained, 0, failed[case.rows]).astype(np.int64))


def _used(case: Case) -> Rows:
    """Count local ports in use, by destination, as far as the host was asked."""
    used = np.zeros(len(case.dests), np.int64)
    for (address, family, port), n in (case.host.port_use if case.host else {}).items():
        same_port = np.flatnonzero((case.dests["dport"] == port) & (case.dests["family"] == family))
        for dest in same_port:
            if case.dests[dest]["daddr"].tobytes() == address:
                used[dest] = n
    return used


def _ports_to(case: Case, dest: int, failed: int, used: int, total: int) -> Finding:
    place, keys = place_text(case.dests[dest]), case.keys_to(dest)
    case.claimed.update(keys.tolist())
    use = f"{used:,} of {total:,} local ports in use towards {place}"
    advice = "each keeps its port until a minute after it is closed: reuse connections, or widen"
    advice += " net.ipv4.ip_local_port_range"
    if not failed:
        title, evidence = use, f"when none is left, connects fail with EADDRNOTAVAIL; {advice}"
    else:
        title = f"{counted(failed, 'connect')} to {place} found no free local port (EADDRNOTAVAIL)"
        evidence = f"{use}; {advice}" if used else advice
        if total and used < PLENTY * total:
            title = f"{counted(failed, 'connect')} to {place} failed with EADDRNOTAVAIL"
            evidence = (
                f"local ports are not what is lacking (less than half of {total:,} are in use towards it):"
                " no local address may be used to connect there"
            )
    severity = Severity.BAD if failed else Severity.WARN
    affected = failed or int(case.attempts[keys].sum())
    return Finding(
        Kind.PORTS, severity, title, f"{evidence}; by {case.who(keys)}", affected, "dest", case.raw(keys)
    )


def local_work(case: Case) -> list[Finding]:
    """Find destinations to which most of the time goes before the first SYN leaves."""
    ok = case.recent.where((case.recent.outcome == Outcome.OK) & (case.recent.events["syn_ns"] > 0))
    if 2 * np.count_nonzero(ok.parts.local >= SLOW_US) < ENOUGH:
        return []  # no median of so many can be slow
    ok = case.mine(ok)
    ok = ok.where(~case.explained[ok.at])
    if not len(ok.events):
        return []
    dest_of, n_dests = case.dest_of[ok.at], len(case.dests)
    count = np.bincount(dest_of, minlength=n_dests)
    median = medians(dest_of, ok.parts.local, n_dests)
    spent, whole = (np.bincount(dest_of, us, n_dests) for us in (ok.parts.local, ok.parts.latency))
    share = spent / np.maximum(whole, 1e-3)
    slow = (count >= ENOUGH) & (np.nan_to_num(median) >= SLOW_US) & (share >= PLENTY)
    order = greatest(np.where(slow, spent, 0).astype(np.int64))
    return [_slow_to(case, int(dest), int(count[dest]), float(median[dest]), float(share[dest]))
            for dest in order[:TOP]]  # fmt: skip


def _slow_to(case: Case, dest: int, count: int, median_us: float, share: float) -> Finding:
    keys = case.keys_to(dest)
    return Finding(
        Kind.LOCAL_WORK, Severity.WARN,
        f"{percent(share)}% of the time to {place_text(case.dests[dest])} passes before the first SYN",
        f"half of the last {counted(count, 'connect')} spent {duration(median_us)} or more in this host:"
        " a search for a free port, the route, a firewall, a busy CPU,"
        f" or a SYN that waits for data (TCP Fast Open); by {case.who(keys)}",
        count, "dest", case.raw(keys),
    )  # fmt: skip
