"""Destinations that time out, cannot be reached or fail with an error, always or sometimes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.errnos import errno_name, outcome_of_errno
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.format import percent
from tcpconntop.core.thresholds import MIN_FAILURES, NOTABLE_SHARE
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

_FAILED = [Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.ERROR]


class _Words(NamedTuple):
    never: str
    some: str
    why: str


_WORDS = {
    Outcome.TIMEOUT: _Words(
        "does not answer",
        "timed out",
        "no SYN was answered: a firewall drops them, the address is wrong, or the host is down",
    ),
    Outcome.UNREACHABLE: _Words(
        "cannot be reached",
        "were answered by an ICMP error",
        "a router, a firewall or this host reports it",
    ),
    Outcome.CANCELLED: _Words(
        "does not answer",
        "were abandoned",
        "neither the first SYN nor its retransmissions were answered",
    ),
    Outcome.ERROR: _Words("fails", "failed with an error", "the error comes from this host"),
}


class Unanswered(FindingKind):
    """A destination that times out, cannot be reached or fails with an error."""

    kind = "unanswered"
    severity = Severity.BAD
    shows = "a destination times out, cannot be reached or fails with an error, always or sometimes"
    based_on = "2 or more failures where nothing succeeds, else 3 or more that are 1% of the attempts"
    silent = "refused connects; connects that the application abandons without a lost SYN"
    absent = "no timeout or error"
    after = (Ipv6Broken, LocalPorts)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most failures, without those that have a claimed key."""
        outcomes = evidence.dest_outcomes
        abandoned = _abandoned(evidence)
        failed = outcomes[:, _FAILED].sum(axis=1) + abandoned
        ended = outcomes.sum(axis=1)
        free = np.ones(len(evidence.dests), np.bool_)
        free[evidence.dest_of[evidence.claimed]] = False
        never = (failed >= MIN_FAILURES - 1) & (outcomes[:, Outcome.OK] == 0)
        often = (failed >= MIN_FAILURES) & (failed >= NOTABLE_SHARE * ended)
        order = largest_first(np.where(free & (never | often), failed, 0))[:MAX_FINDINGS]
        return [self._failing(evidence, int(dest), bool(abandoned[dest])) for dest in order]

    def _failing(self, evidence: Evidence, dest: int, with_abandoned: bool) -> Finding:
        keys, place = evidence.keys_to(dest), address_port_text(evidence.dests[dest])
        outcomes = evidence.dest_outcomes[dest]
        candidates = [*_FAILED, Outcome.CANCELLED] if with_abandoned else _FAILED
        most = max(candidates, key=lambda outcome: int(outcomes[outcome]))
        n, ended, words = int(outcomes[most]), int(outcomes.sum()), _WORDS[most]
        never = not outcomes[Outcome.OK]
        if never:
            title = f"{place} {words.never}: {plural(n, 'connect')} {words.some}, none succeeded"
        else:
            share = percent(n / ended)
            title = f"{n:,} of {plural(ended, 'connect')} to {place} ({share}%) {words.some}"
        proof = f"{words.why}{_errnos(evidence, keys, most)}"
        severity = Severity.BAD if never else Severity.WARN
        return self.finding(evidence, keys, title, proof, n, severity=severity)


def _abandoned(evidence: Evidence) -> Rows:
    """Return the cancelled attempts of destinations that answer nothing: none succeeded, SYNs were resent."""
    cancelled = evidence.dest_outcomes[:, Outcome.CANCELLED]
    resent = evidence.by_dest(evidence.retransmits)
    silent = (evidence.dest_outcomes[:, Outcome.OK] == 0) & (2 * resent >= cancelled)
    return np.where(silent, cancelled, 0)


def _errnos(evidence: Evidence, keys: Rows, outcome: Outcome) -> str:
    """Return the errnos behind an outcome, as ` (EHOSTUNREACH, ENETUNREACH)`; empty where there is none."""
    numbers = sorted(evidence.errors_of(keys))
    names = [errno_name(number) for number in numbers if outcome_of_errno(number) is outcome]
    return f" ({', '.join(filter(None, names[:3]))})" if names else ""
