"""Destinations that time out, cannot be reached or fail with an error, always or sometimes."""

from __future__ import annotations

from errno import EACCES, EPERM
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.errnos import errno_name, outcome_of_errno
from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.accept_queue import AcceptQueue
from tcpconntop.core.analysis.explain.client_timeout import ClientTimeout
from tcpconntop.core.analysis.explain.counted import failed_connects
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_firewall import LocalFirewall
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.analysis.explain.others import reached_by_others
from tcpconntop.core.format import percent
from tcpconntop.core.thresholds import MIN_FAILURES, NOTABLE_SHARE
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Outcome

_FORBIDDEN = {EACCES, EPERM}

_FAILED = [Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.ERROR]


class _Words(NamedTuple):
    """What is said of connects with one outcome: `why` is left out where others reach the destination."""

    never: str
    some: str
    what: str
    why: str = ""


_WORDS = {
    Outcome.TIMEOUT: _Words(
        "does not answer",
        "timed out",
        "no SYN was answered in time",
        ": lost on the way, dropped by a firewall or a full accept queue there,"
        " the address is wrong, or the host is down",
    ),
    Outcome.UNREACHABLE: _Words(
        "cannot be reached",
        "failed as unreachable",
        "no route, no such host on the link, or a router or a firewall rejects it",
    ),
    Outcome.CANCELLED: _Words(
        "does not answer",
        "were given up",
        "no SYN was answered before the application gave up",
    ),
    Outcome.ERROR: _Words("fails", "failed with an error", "the error"),
}


class Unanswered(FindingKind):
    """A destination that times out, cannot be reached or fails with an error."""

    kind = "unanswered"
    severity = Severity.BAD
    shows = "a destination times out, cannot be reached or fails with an error, always or sometimes"
    based_on = "2 or more failures where nothing succeeds, else 3 or more that are 1% of the attempts"
    silent = "refused connects; connects that the application gives up without a retransmitted SYN"
    next_step = (
        "`ss -ltn sport = :PORT; nstat -asz TcpExtListenOverflows TcpExtListenDrops` on the peer, unless"
        " others reach it: loss, or its accept queue; unreachable:"
        " `ip route get ADDRESS; ip neigh show to ADDRESS` here; EPERM and EACCES: as for `local-firewall`"
    )
    absent = "no timeout or error, nothing unreachable"
    after = (Ipv6Broken, LocalPorts, LocalFirewall, AcceptQueue, ClientTimeout)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most failures, without those that other findings are about."""
        explained = evidence.explained | evidence.claimed[:, np.newaxis]
        left = np.where(explained, 0, evidence.outcomes)
        outcomes, ended = evidence.dest_outcomes, evidence.dest_outcomes.sum(axis=1)
        cancelled = evidence.by_dest(left[:, Outcome.CANCELLED])
        given_up = np.where(evidence.silent_dests, cancelled, 0)
        failed = evidence.by_dest(left[:, _FAILED].sum(axis=1)) + given_up
        never = (failed >= MIN_FAILURES - 1) & (outcomes[:, Outcome.OK] == 0)
        often = (failed >= MIN_FAILURES) & (failed >= NOTABLE_SHARE * ended)
        order = largest_first(np.where(never | often, failed, 0))[:MAX_FINDINGS]
        return [self._failing(evidence, int(dest), left, bool(given_up[dest])) for dest in order]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no connect failed so."""
        return not any(evidence.selection.outcomes[outcome] for outcome in _FAILED)

    def _failing(self, evidence: Evidence, dest: int, left: Rows, with_given_up: bool) -> Finding:
        keys, place = evidence.keys_to(dest), evidence.dest_text(dest)
        candidates = [*_FAILED, Outcome.CANCELLED] if with_given_up else _FAILED
        for outcome in candidates:
            evidence.explained[keys, outcome] = True
        counts, outcomes = left[keys].sum(axis=0), evidence.dest_outcomes[dest]
        most = max(candidates, key=lambda outcome: int(counts[outcome]))
        n, ended, words = int(counts[most]), int(outcomes.sum()), _WORDS[most]
        never = not outcomes[Outcome.OK]
        if never:
            title = f"{place} {words.never}: {plural(n, 'connect')} {words.some}, none succeeded"
        else:
            share = percent(n / ended)
            title = f"{n:,} of {plural(ended, 'connect')} to {place} ({share}%) {words.some}"
        errnos = _errnos(evidence, keys, most)
        failing = keys[left[keys, most] > 0]
        counted = failed_connects(evidence, failing, n, [most])
        others = reached_by_others(evidence, failing, counted)
        what = f"{words.what}{errnos}{'' if others.text else words.why}"
        if most is Outcome.ERROR and not errnos:
            what = "no errno is known that tells why: the socket had none when the attempt ended"
        proof = "; ".join(filter(None, (what, others.text)))
        severity = Severity.BAD if never else Severity.WARN
        step = _step(evidence, keys, most, reached_by_others=bool(others.text))
        return self.finding(
            evidence,
            failing if others.text else keys,
            title,
            proof,
            n,
            step,
            severity=severity,
            named=not others.names_own,
            counted=counted,
        )


def _step(evidence: Evidence, keys: Rows, outcome: Outcome, *, reached_by_others: bool) -> steps.NextStep:
    if outcome in (Outcome.TIMEOUT, Outcome.CANCELLED):
        step = steps.treated_apart if reached_by_others else steps.loss_or_accept_queue
        return step(evidence, keys)
    if _FORBIDDEN & evidence.errors_of(keys).keys():
        return steps.firewall(evidence, keys)
    return steps.route(evidence, keys)


def _errnos(evidence: Evidence, keys: Rows, outcome: Outcome) -> str:
    """Return the errnos behind an outcome, as ` (EHOSTUNREACH, ENETUNREACH)`; empty where there is none."""
    numbers = sorted(evidence.errors_of(keys))
    names = [errno_name(number) for number in numbers if outcome_of_errno(number) is outcome]
    return f" ({', '.join(filter(None, names[:3]))})" if names else ""
