"""Destinations of which nothing comes back but time-outs and errors, always or now and then."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.anatomy import errno_name
from tcpconntop.core.explain.case import Case, greatest
from tcpconntop.core.explain.finding import TOP, Finding, Kind, Severity, counted
from tcpconntop.core.groups import place_text
from tcpconntop.core.keys import Rows
from tcpconntop.core.subject import outcome_of
from tcpconntop.core.units import percent
from tcpconntop.core.wire import Outcome

FEWEST = 3
"""Failures that are worth a word where other connects succeed; where none does, one less."""

LEAST_SHARE = 0.01

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


def unanswered(case: Case) -> list[Finding]:
    """Find destinations that time out, cannot be reached or fail with an error."""
    outcomes = case.dest_outcomes
    silent = _abandoned(case)
    lost = outcomes[:, _LOST].sum(axis=1) + silent
    ended = outcomes.sum(axis=1)
    left = np.ones(len(case.dests), np.bool_)
    left[case.dest_of[list(case.claimed)]] = False
    never = (lost >= FEWEST - 1) & (outcomes[:, Outcome.OK] == 0)
    often = (lost >= FEWEST) & (lost >= LEAST_SHARE * ended)
    order = greatest(np.where(left & (never | often), lost, 0))
    return [_failing(case, int(dest), int(silent[dest])) for dest in order[:TOP]]


def _abandoned(case: Case) -> Rows:
    """Count what was abandoned where nothing succeeds and SYNs were sent again: nobody answers there."""
    cancelled = case.dest_outcomes[:, Outcome.CANCELLED]
    silent = (case.dest_outcomes[:, Outcome.OK] == 0) & (2 * case.by_dest(case.retransmits) >= cancelled)
    return np.where(silent, cancelled, 0)


def _failing(case: Case, dest: int, silent: int) -> Finding:
    keys, place = case.keys_to(dest), place_text(case.dests[dest])
    outcomes = case.dest_outcomes[dest]
    lost = [*_LOST, Outcome.CANCELLED] if silent else _LOST
    most = max(lost, key=lambda outcome: int(outcomes[outcome]))
    n, ended = int(outcomes[most]), int(outcomes.sum())
    always, some, why = _WORDS[most]
    never = not outcomes[Outcome.OK]
    if never:
        title = f"{place} {always}: {counted(n, 'connect')} {some}, none succeeded"
    else:
        title = f"{n:,} of {counted(ended, 'connect')} to {place} ({percent(n / ended)}%) {some}"
    evidence = f"{why}{_named(case, keys, most)}; by {case.who(keys)}"
    severity = Severity.BAD if never else Severity.WARN
    return Finding(Kind.UNANSWERED, severity, title, evidence, n, "dest", case.raw(keys))


def _named(case: Case, keys: Rows, outcome: Outcome) -> str:
    """Name the errors of some keys that come to an outcome."""
    errors = case.snapshot.window.errors
    inside = np.isin(errors.rows(), case.rows[keys])
    numbers = [int(number) for number in np.unique(errors.cells()[inside])]
    names = [errno_name(number) for number in numbers if number and outcome_of(number) is outcome]
    return f" ({', '.join(filter(None, names[:3]))})" if names else ""
