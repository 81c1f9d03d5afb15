"""Destinations of which nothing comes back but time-outs and errors, always or now and then."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.anatomy import errno_name
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity, plural
from tcpconntop.core.analysis.selection import outcome_of_errno
from tcpconntop.core.format import percent
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

MIN_FAILURES = 3
"""Failures that are worth a word where other connects succeed; where none does, one less."""

MIN_SHARE = 0.01

_LOST = [Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.ERROR]
_WORDS = {
    Outcome.TIMEOUT: ("does not answer", "timed out",
                      "no SYN was answered: a firewall drops them, the address is wrong, the host is down"),
    Outcome.UNREACHABLE: ("cannot be reached", "were answered by an ICMP error",
                          "a router, a firewall or this host says so"),
    Outcome.CANCELLED: ("does not answer", "were abandoned",
                        "no SYN was answered, nor were those that were sent again"),
    Outcome.ERROR: ("fails", "failed with an error", "this host fails them"),
}  # fmt: skip


def unanswered(evidence: Evidence) -> list[Finding]:
    """Find destinations that time out, cannot be reached or fail with an error."""
    outcomes = evidence.dest_outcomes
    silent = _abandoned(evidence)
    lost = outcomes[:, _LOST].sum(axis=1) + silent
    ended = outcomes.sum(axis=1)
    left = np.ones(len(evidence.dests), np.bool_)
    left[evidence.dest_of[list(evidence.claimed)]] = False
    never = (lost >= MIN_FAILURES - 1) & (outcomes[:, Outcome.OK] == 0)
    often = (lost >= MIN_FAILURES) & (lost >= MIN_SHARE * ended)
    order = largest_first(np.where(left & (never | often), lost, 0))
    return [_failing(evidence, int(dest), int(silent[dest])) for dest in order[:MAX_FINDINGS]]


def _abandoned(evidence: Evidence) -> Rows:
    """Count what was abandoned where nothing succeeds and SYNs were sent again: nobody answers there."""
    cancelled = evidence.dest_outcomes[:, Outcome.CANCELLED]
    silent = (evidence.dest_outcomes[:, Outcome.OK] == 0) & (
        2 * evidence.by_dest(evidence.retransmits) >= cancelled
    )
    return np.where(silent, cancelled, 0)


def _failing(evidence: Evidence, dest: int, silent: int) -> Finding:
    keys, place = evidence.keys_to(dest), address_port_text(evidence.dests[dest])
    outcomes = evidence.dest_outcomes[dest]
    lost = [*_LOST, Outcome.CANCELLED] if silent else _LOST
    most = max(lost, key=lambda outcome: int(outcomes[outcome]))
    n, ended = int(outcomes[most]), int(outcomes.sum())
    always, some, why = _WORDS[most]
    never = not outcomes[Outcome.OK]
    if never:
        title = f"{place} {always}: {plural(n, 'connect')} {some}, none succeeded"
    else:
        title = f"{n:,} of {plural(ended, 'connect')} to {place} ({percent(n / ended)}%) {some}"
    proof = f"{why}{_named(evidence, keys, most)}; by {evidence.process_names(keys)}"
    severity = Severity.BAD if never else Severity.WARN
    return Finding(Kind.UNANSWERED, severity, title, proof, n, "dest", evidence.raw_keys(keys))


def _named(evidence: Evidence, keys: Rows, outcome: Outcome) -> str:
    """Name the errors of some keys that come to an outcome."""
    errors = evidence.snapshot.window.errors
    inside = np.isin(errors.rows(), evidence.rows[keys])
    numbers = [int(number) for number in np.unique(errors.cells()[inside])]
    names = [errno_name(number) for number in numbers if number and outcome_of_errno(number) is outcome]
    return f" ({', '.join(filter(None, names[:3]))})" if names else ""
