"""Explain why connects are slow or fail: findings with their evidence, the worst first. Pure functions.

To add a kind: write its module with a subclass of `FindingKind`, add it to `KINDS`, and paste the list that
`tests/unit/test_docs.py` asks for into docs/findings.md.
"""

from __future__ import annotations

from collections.abc import Callable
from graphlib import TopologicalSorter

from tcpconntop.core.analysis.explain.accept_queue import AcceptQueue
from tcpconntop.core.analysis.explain.client_timeout import ClientTimeout
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import Ipv6Broken
from tcpconntop.core.analysis.explain.local_firewall import LocalFirewall
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.analysis.explain.local_work import LocalWork
from tcpconntop.core.analysis.explain.lost_syns import LostSyns
from tcpconntop.core.analysis.explain.many_failed import ManyFailed
from tcpconntop.core.analysis.explain.order import worst_first
from tcpconntop.core.analysis.explain.refused import MoreRefused, Refused, SomeRefused
from tcpconntop.core.analysis.explain.slow_address import SlowAddress
from tcpconntop.core.analysis.explain.slow_destination import SlowDestination
from tcpconntop.core.analysis.explain.slow_host import SlowHost
from tcpconntop.core.analysis.explain.slow_path import SlowPath
from tcpconntop.core.analysis.explain.slow_process import SlowProcess
from tcpconntop.core.analysis.explain.unanswered import Unanswered
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.format import round_elapsed
from tcpconntop.core.wire import Outcome

__all__ = [
    "COMPARING",
    "KINDS",
    "Finding",
    "FindingKind",
    "Severity",
    "explain",
    "nothing_found_text",
    "parse_kinds",
]

_ALL: tuple[FindingKind, ...] = (
    LocalPorts(),
    Refused(),
    LocalFirewall(),
    Unanswered(),
    LostSyns(),
    SlowPath(),
    AcceptQueue(),
    Ipv6Broken(),
    SlowHost(),
    SlowAddress(),
    SlowProcess(),
    SlowDestination(),
    LocalWork(),
    ClientTimeout(),
    SomeRefused(),
    MoreRefused(),
    ManyFailed(),
)

KINDS: dict[str, FindingKind] = {kind.kind: kind for kind in _ALL}
"""Every kind by its name, in the order in which those that are equally bad are listed (`order.py`)."""

_BY_CLASS = {type(kind): kind for kind in _ALL}
COMPARING = frozenset(kind.kind for kind in _ALL if kind.compares_rows)
"""The kinds that compare rows with each other."""

_CHECK_ORDER = [
    _BY_CLASS[cls] for cls in TopologicalSorter({type(kind): kind.after for kind in _ALL}).static_order()
]


def explain(selection: Selection, clock: Callable[[float], str]) -> tuple[Finding, ...]:
    """Return what stands out in a selection, the worst first (`worst_first`).

    Kinds in `ViewSpec.ignore` are checked as well, so that no other kind reports what they claim, but their
    findings are left out.

    Args:
        selection: what to explain.
        clock: formats Unix time as the time of day, for sentences.
    """
    evidence = Evidence(selection, clock)
    if not len(evidence.keys):
        return ()
    ignored = selection.view.spec.ignore
    found = [
        finding for kind in _CHECK_ORDER if _can_check(kind, evidence) for finding in kind.check(evidence)
    ]
    shown = (finding for finding in found if finding.kind not in ignored)
    return worst_first(shown, evidence, list(KINDS))


def _can_check(kind: FindingKind, evidence: Evidence) -> bool:
    return evidence.snapshot.info.has_records or not kind.needs_processes


def parse_kinds(text: str) -> tuple[str, ...]:
    """Return the names of kinds in a list that is separated by commas.

    Raises:
        ValueError: there is no such kind; the message names those that there are.
    """
    names = tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    for name in names:
        if name not in KINDS:
            raise ValueError(f"no finding is called '{name}'; there are: {', '.join(sorted(KINDS))}")
    return names


def nothing_found_text(selection: Selection) -> str:
    """Return what was checked when nothing stands out, and what could not be."""
    evidence = Evidence(selection, str)
    ignored = selection.view.spec.ignore
    checked = [kind for kind in _ALL if kind.kind not in ignored]
    reasons = {
        kind: "" if _can_check(kind, evidence) else f"{kind.kind} (no process is known)" for kind in checked
    }
    reasons |= {kind: kind.unchecked(evidence) for kind in checked if not reasons[kind]}
    absent = [kind.absent for kind in checked if kind.absent and not reasons[kind] and kind.denies(evidence)]
    text = (
        f"nothing stands out in {plural(selection.attempts, 'connect')} to"
        f" {plural(len(evidence.dests), 'destination')} in {round_elapsed(selection.snapshot.span_s)}"
    )
    unchecked = [*filter(None, reasons.values())]
    parts = (
        (": ", absent),
        ("; too few or too mixed for a finding: ", _unexplained(selection)),
        ("; not checked: ", unchecked),
        ("; ignored: ", ignored),
        (
            "; ",
            ["what changed is not looked at here: it is in the table"]
            * (selection.view.baseline is not None),
        ),
    )
    return text + "".join(label + ", ".join(words) for label, words in parts if words)


def _unexplained(selection: Selection) -> list[str]:
    """Return the counts of failures and retransmitted SYNs: `2 refused`, `1 SYN retransmitted`."""
    counts = [
        f"{selection.outcomes[outcome]:,} {outcome.label}" for outcome in Outcome if outcome is not Outcome.OK
    ]
    texts = [text for text in counts if not text.startswith("0 ")]
    resent = int(selection.snapshot.window.stats["syn_retransmits"][selection.group_of == 0].sum())
    return texts + [f"{plural(resent, 'SYN')} retransmitted"] * bool(resent)
