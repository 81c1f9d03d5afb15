"""IPv6 that fails where IPv4 works."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.anatomy import errno_name
from tcpconntop.core.analysis.explain.evidence import Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity, plural
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import Grouping, process_text
from tcpconntop.core.wire import Outcome

PROGRAM = Grouping("program", "program and port", ("comm", "cgroup_id", "dport"))
"""A process and a port; whoever starts a new process for each connect (curl) is one as well."""

MIN_ATTEMPTS = 3
"""Attempts of a family that tell whether it works."""


def ipv6_broken(evidence: Evidence) -> list[Finding]:
    """Find programs whose connects fail by IPv6 and succeed by IPv4, to the same port."""
    six = evidence.keys["family"] == 6
    if not six.any() or six.all():
        return []
    programs, program_of = PROGRAM.merge(evidence.keys)
    ok = evidence.outcomes[:, Outcome.OK]

    def total(values: Rows, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rows:
        return np.bincount(program_of[mask], values[mask], len(programs)).astype(np.int64)

    tried6, tried4 = total(evidence.attempts, six), total(evidence.attempts, ~six)
    ok6, ok4 = total(ok, six), total(ok, ~six)
    failing = (tried6 >= MIN_ATTEMPTS) & (10 * ok6 <= tried6) & (ok4 >= MIN_ATTEMPTS) & (2 * ok4 >= tried4)
    order = largest_first(np.where(failing, tried6 - ok6, 0))
    return [_failing(evidence, np.flatnonzero((program_of == at) & six), int(tried4[at]), int(ok4[at]))
            for at in order[:MAX_FINDINGS]]  # fmt: skip


def _failing(evidence: Evidence, keys: Rows, tried4: int, ok4: int) -> Finding:
    keys = evidence.busiest(keys)
    evidence.claimed.update(keys.tolist())
    outcomes = evidence.outcomes[keys].sum(axis=0)
    tried, failed = int(outcomes.sum()), int(outcomes[Outcome.OK + 1 :].sum())
    how = join_and(
        [f"{int(outcomes[outcome]):,} {outcome.label}" for outcome in Outcome
         if outcome is not Outcome.OK and outcomes[outcome]]
    )  # fmt: skip
    key = evidence.keys[keys[0]]
    return Finding(
        Kind.FAMILY, Severity.WARN,
        f"IPv6 of {process_text(key)} to port {key['dport']} fails, IPv4 works",
        f"IPv6: {failed:,} of {plural(tried, 'connect')} failed ({how}{_errors(evidence, keys)});"
        f" IPv4: {ok4:,} of {tried4:,} ok: each attempt by IPv6 costs time before IPv4 is tried",
        failed, "process+dest", evidence.raw_keys(keys),
    )  # fmt: skip


def _errors(evidence: Evidence, keys: Rows) -> str:
    """Name the most frequent errno of some keys."""
    errors = evidence.snapshot.window.errors
    inside = np.isin(errors.rows(), evidence.rows[keys])
    counts = np.bincount(errors.cells()[inside], errors.counts[inside], 1)
    counts[0] = 0  # a socket without an error
    most = int(np.argmax(counts))
    return f", {errno_name(most)}" if most else ""
