"""Failures that no destination has enough of: of a port, a subnet, a process, or of everything together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.client_timeout import ClientTimeout
from tcpconntop.core.analysis.explain.counted import failed_connects
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.local_firewall import LocalFirewall
from tcpconntop.core.analysis.explain.others import step_for_busiest
from tcpconntop.core.analysis.explain.refused import MoreRefused, Refused, SomeRefused
from tcpconntop.core.analysis.explain.unanswered import Unanswered
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.format import percent
from tcpconntop.core.thresholds import BAD_SHARE, GIVEN_UP_SHARE, MIN_FAILURES, NOTABLE_SHARE
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import GROUPINGS, process_text
from tcpconntop.core.window.keys import OTHER_ROW
from tcpconntop.core.wire import Outcome

_WORDS = {
    Outcome.REFUSED: "were refused",
    Outcome.TIMEOUT: "timed out",
    Outcome.UNREACHABLE: "failed as unreachable",
    Outcome.CANCELLED: "were given up before an answer",
    Outcome.ERROR: "failed with an error",
}
_SCOPES = ("port", "subnet", "process")
_SCOPES_WITHOUT_PROCESS = _SCOPES[:2]


class _Scope(NamedTuple):
    """Keys that have something in common, and how many of their attempts failed."""

    grouping: str
    name: str
    keys: Rows
    failed: int
    attempts: int

    @property
    def score(self) -> float:
        return self.failed * self.failed / max(self.attempts, 1)


class ManyFailed(FindingKind):
    """Connects that fail at many destinations, each too seldom for a finding of its own."""

    kind = "many-failed"
    severity = Severity.BAD
    shows = "connects fail at many destinations: those to one port or subnet, of one process, or all"
    based_on = (
        "3 or more failures of one outcome at 2 or more destinations, which no other finding is about, and"
        " which are 1% or more of the attempts"
    )
    silent = "failures that another finding is about; cancelled connects, unless they are 5% of the attempts"
    next_step = (
        "`ss -tnop state syn-sent dport = :PORT` (or `dst SUBNET`) here; where it is refused or unreachable,"
        " as for `refused` and `unanswered`, of the destination with most"
    )
    after = (Refused, SomeRefused, MoreRefused, Unanswered, LocalFirewall, ClientTimeout)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return for each outcome what the unexplained failures have in common, the most first."""
        found = []
        for outcome in _WORDS:
            left = np.where(
                evidence.explained[:, outcome] | evidence.claimed, 0, evidence.outcomes[:, outcome]
            )
            for _ in range(MAX_FINDINGS):
                least = GIVEN_UP_SHARE if outcome is Outcome.CANCELLED else NOTABLE_SHARE
                scopes = _scopes(evidence, left, _folded(evidence, outcome))
                several = (scope for scope in scopes if _is_about_several(evidence, scope, outcome))
                best = max(several, key=lambda scope: scope.score, default=None)
                if best is None or best.failed < MIN_FAILURES or best.failed < least * best.attempts:
                    break
                found.append(self._failing(evidence, outcome, best))
                left = left.copy()
                left[best.keys] = 0
                if best.grouping == "dest":
                    break
        return sorted(found, key=lambda finding: -finding.affected)[:MAX_FINDINGS]

    def _failing(self, evidence: Evidence, outcome: Outcome, scope: _Scope) -> Finding:
        failing = scope.keys
        evidence.explained[failing, outcome] = True
        share = scope.failed / scope.attempts
        n_dests = len(np.unique(evidence.dest_of[failing]))
        more = " or more" if scope.grouping == "dest" and _folded(evidence, outcome) else ""
        is_named = scope.grouping != "process" and evidence.snapshot.info.has_records
        names = f", by {evidence.process_names(failing)}" if is_named else ""
        others, step = _step(evidence, outcome, scope)
        when = when_text(evidence, failed_connects(evidence, failing, scope.failed, [outcome]))
        graded = Severity.BAD if share >= BAD_SHARE else Severity.WARN
        return self.finding(
            evidence,
            failing,
            f"{scope.failed:,} of {plural(scope.attempts, 'connect')}{scope.name} ({percent(share)}%)"
            f" {_WORDS[outcome]}",
            "; ".join(filter(None, (f"at {plural(n_dests, 'destination')}{more}{names}", when, others))),
            scope.failed,
            step,
            severity=Severity.NOTE if outcome is Outcome.CANCELLED else graded,
            group_by=scope.grouping,
            named=False,
        )


def _step(evidence: Evidence, outcome: Outcome, scope: _Scope) -> tuple[str, steps.NextStep]:
    """Return who else reaches the destination with most, and the next step."""
    if outcome is Outcome.REFUSED:
        return step_for_busiest(evidence, scope.keys, outcome, steps.look_for_listener)
    if outcome in (Outcome.UNREACHABLE, Outcome.ERROR):
        return "", steps.route(evidence, scope.keys)
    return "", steps.waiting_of_scope(evidence, scope.keys, scope.grouping)


def _scopes(evidence: Evidence, left: Rows, folded: int) -> Iterator[_Scope]:
    """Yield the port, the subnet and the process with most of the failures `left`, and everything."""
    total = int(left.sum())
    if total:
        for name in _SCOPES if evidence.snapshot.info.has_records else _SCOPES_WITHOUT_PROCESS:
            grouping = GROUPINGS[name]
            groups, group_of = grouping.merge(evidence.keys)
            failed = np.bincount(group_of, left, len(groups))
            attempts = np.bincount(group_of, evidence.attempts, len(groups))
            worst = int(np.argmax(failed * failed / np.maximum(attempts, 1)))
            key = groups[worst]
            of = {
                "port": f" to port {key['dport']}",
                "subnet": f" to {evidence.subnet_text(np.flatnonzero(group_of == worst))}",
                "process": f" of {process_text(key)} (PID {key['tgid']})",
            }[name]
            inside = np.flatnonzero((group_of == worst) & (left > 0))
            keys = inside[np.argsort(-left[inside], kind="stable")]
            yield _Scope(name, of, keys, int(failed[worst]), int(attempts[worst]))
    if total or folded:
        keys = np.flatnonzero(left > 0)
        keys = keys[np.argsort(-left[keys], kind="stable")]
        if len(keys):
            yield _Scope("dest", "", keys, total + folded, evidence.selection.attempts)


def _is_about_several(evidence: Evidence, scope: _Scope, outcome: Outcome) -> bool:
    """True if the failures are at more than one destination: what is wrong with one is for other kinds."""
    if scope.grouping == "dest" and _folded(evidence, outcome):
        return True
    return len(np.unique(evidence.dest_of[scope.keys])) > 1


def _folded(evidence: Evidence, outcome: Outcome) -> int:
    """Return the attempts with an outcome of folded keys, which belong to no port, subnet or process."""
    window = evidence.snapshot.window
    if not window.keys["special"][OTHER_ROW] or evidence.selection.group_of[OTHER_ROW] < 0:
        return 0
    return int(window.stats["outcomes"][OTHER_ROW, outcome])
