"""IPv6 that fails where IPv4 works."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.errnos import errno_name
from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import failed_connects
from tcpconntop.core.analysis.explain.evidence import Evidence, join_and, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_delay import delay_text
from tcpconntop.core.analysis.explain.others import Others, step_here_or_at_peer
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.thresholds import MIN_FAILURES
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.view.groups import Grouping, process_text
from tcpconntop.core.wire import Outcome

PROGRAM = Grouping("program", "program and port", ("comm", "cgroup_id", "dport"))
"""A program and a port; one that starts a process for each connect, such as curl, is one program too."""

_PROGRAM_THERE = Grouping("program there", "program, port and namespace", (*PROGRAM.fields, "netns"))
"""A namespace has IPv6 and services of its own: what works in another one proves nothing."""


class Ipv6Broken(FindingKind):
    """A program whose connects fail over IPv6 and succeed over IPv4, to the same port."""

    kind = "family"
    severity = Severity.WARN
    shows = "a program's connects fail over IPv6 and succeed over IPv4, to the same port"
    based_on = (
        "3 or more attempts over each in one network namespace: 90% fail over IPv6, half or more succeed over"
        " IPv4"
    )
    silent = "IPv4 that fails as well; IPv6 that works to some addresses"
    next_step = (
        "`ip -6 route get ADDRESS; ip -6 addr show scope global` here; where it is refused, as for `refused`"
    )
    absent = "no failure over IPv6"

    needs_processes = True

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the programs with most failed IPv6 attempts; claim the keys of those attempts."""
        ipv6 = evidence.keys["family"] == 6
        if not ipv6.any() or ipv6.all():
            return []
        programs, program_of = _PROGRAM_THERE.merge(evidence.keys)
        ok = evidence.outcomes[:, Outcome.OK]

        def total(values: Rows, mask: Mask) -> Rows:
            return np.bincount(program_of[mask], values[mask], len(programs)).astype(np.int64)

        tried6, tried4 = total(evidence.attempts, ipv6), total(evidence.attempts, ~ipv6)
        ok6, ok4 = total(ok, ipv6), total(ok, ~ipv6)
        enough = (tried6 >= MIN_FAILURES) & (ok4 >= MIN_FAILURES)
        failing = enough & (10 * ok6 <= tried6) & (2 * ok4 >= tried4)
        order = largest_first(np.where(failing, tried6 - ok6, 0))[:MAX_FINDINGS]
        return [
            self._broken(evidence, np.flatnonzero((program_of == n) & ipv6), int(tried4[n]), int(ok4[n]))
            for n in order
        ]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no IPv6 attempt failed."""
        return not evidence.outcomes[evidence.keys["family"] == 6, Outcome.OK + 1 :].any()

    def _broken(self, evidence: Evidence, keys: Rows, tried4: int, ok4: int) -> Finding:
        keys = evidence.busiest(keys)
        evidence.claim(keys)
        outcomes = evidence.outcomes[keys].sum(axis=0)
        tried, failed = int(outcomes.sum()), int(outcomes[Outcome.OK + 1 :].sum())
        failures = [outcome for outcome in Outcome if outcome is not Outcome.OK and outcomes[outcome]]
        counts = join_and([f"{int(outcomes[outcome]):,} {outcome.label}" for outcome in failures])
        key = evidence.keys[keys[0]]
        is_refused = 2 * outcomes[Outcome.REFUSED] > failed
        counted = failed_connects(evidence, keys, failed, failures)
        others, step = Others(), steps.ipv6(evidence, keys)
        if is_refused:
            others, step = step_here_or_at_peer(evidence, keys, counted, steps.look_for_listener)
        works, when = f"IPv4: {ok4:,} of {tried4:,} ok", when_text(evidence, counted)
        failed_text = f"{failed:,} of {plural(tried, 'connect')} failed ({counts}{_errno(evidence, keys)})"
        failed_text = ", ".join(filter(None, (failed_text, when)))
        return self.finding(
            evidence,
            keys,
            f"{process_text(key)} to port {key['dport']}: IPv6 fails, IPv4 works",
            "; ".join(
                filter(None, (f"IPv6: {failed_text}", works, delay_text(evidence, keys, failed), others.text))
            ),
            failed,
            step,
            group_by="process+dest",
            named=False,
        )


def _errno(evidence: Evidence, keys: Rows) -> str:
    """Return the most frequent errno of some keys, as `, ENETUNREACH`; empty where there is none."""
    counts = evidence.errors_of(keys)
    return f", {errno_name(next(iter(counts)))}" if counts else ""
