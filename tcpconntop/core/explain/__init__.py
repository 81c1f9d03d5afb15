"""Why connects are slow or fail: findings with their evidence, the gravest first. Pure functions.

Each file has one group of findings; each finding is a function of a `Case` that gives those that hold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcpconntop.core.explain.case import Case
from tcpconntop.core.explain.failing import unanswered
from tcpconntop.core.explain.families import families
from tcpconntop.core.explain.finding import Finding, Kind, Severity, counted
from tcpconntop.core.explain.local import local_ports, local_work
from tcpconntop.core.explain.outliers import slow_addresses
from tcpconntop.core.explain.patience import gives_up
from tcpconntop.core.explain.refused import refused
from tcpconntop.core.explain.syns import accept_queue, lost_syns
from tcpconntop.core.subject import Subject

__all__ = ["Finding", "Kind", "Severity", "explain", "nothing_found"]

# Those that claim keys come before those that leave claimed ones out.
FINDERS: tuple[Callable[[Case], list[Finding]], ...] = (
    families,
    local_ports,
    refused,
    unanswered,
    gives_up,
    lost_syns,
    accept_queue,
    slow_addresses,
    local_work,
)


def explain(subject: Subject, clock: Callable[[float], str]) -> tuple[Finding, ...]:
    """Give what stands out in a subject, the gravest first.

    Args:
        subject: what to explain.
        clock: spells Unix time as the time of day, where that is used in a sentence.
    """
    case = Case(subject, clock)
    if not len(case.keys):
        return ()
    found = [finding for find in FINDERS for finding in find(case)]
    return tuple(sorted(found, key=lambda finding: finding.rank))


def nothing_found(subject: Subject) -> str:
    """Say what was looked at when nothing stands out, and what could not be."""
    case = Case(subject, str)
    host = case.host
    unknown = []
    if np.isnan(case.recent.parts.local).all():
        unknown.append("time before the first SYN (these probes do not see it)")
    if host is None:
        unknown.append("local ports and accept queues (nothing is known of the host)")
    text = (
        f"nothing stands out in {counted(subject.attempts, 'connect')} to"
        f" {counted(len(case.dests), 'destination')}: no lost SYN, no port that refuses, no time-out"
        " or error, no slow address among its siblings, no IPv6 that fails beside IPv4,"
        " no application that gives up"
    )
    known = [
        *([] if len(unknown) and "SYN" in unknown[0] else ["no slow local work"]),
        *([] if host is None else ["no lack of local ports", "no full accept queue"]),
    ]
    text = ", ".join([text, *known])
    return f"{text}; not looked at: {', '.join(unknown)}" if unknown else text
