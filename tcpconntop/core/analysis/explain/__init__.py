"""Why connects are slow or fail: findings with their evidence, the gravest first. Pure functions.

Each file has one group of findings; each finding is a function of an `Evidence` that gives those that hold.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcpconntop.core.analysis.explain.client_timeout import client_timeout
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.failing import unanswered
from tcpconntop.core.analysis.explain.finding import Finding, Kind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import ipv6_broken
from tcpconntop.core.analysis.explain.local import local_ports, local_work
from tcpconntop.core.analysis.explain.outliers import slow_addresses
from tcpconntop.core.analysis.explain.refused import refused
from tcpconntop.core.analysis.explain.syns import accept_queue, lost_syns
from tcpconntop.core.analysis.selection import Selection

__all__ = ["Finding", "Kind", "Severity", "explain", "nothing_found_text"]

# Those that claim keys come before those that leave claimed ones out.
FINDERS: tuple[Callable[[Evidence], list[Finding]], ...] = (
    ipv6_broken,
    local_ports,
    refused,
    unanswered,
    client_timeout,
    lost_syns,
    accept_queue,
    slow_addresses,
    local_work,
)


def explain(selection: Selection, clock: Callable[[float], str]) -> tuple[Finding, ...]:
    """Give what stands out in a selection, the gravest first.

    Args:
        selection: what to explain.
        clock: spells Unix time as the time of day, where that is used in a sentence.
    """
    evidence = Evidence(selection, clock)
    if not len(evidence.keys):
        return ()
    found = [finding for find in FINDERS for finding in find(evidence)]
    return tuple(sorted(found, key=lambda finding: finding.rank))


def nothing_found_text(selection: Selection) -> str:
    """Say what was looked at when nothing stands out, and what could not be."""
    evidence = Evidence(selection, str)
    host = evidence.host
    unknown = []
    if np.isnan(evidence.recent.anatomy.local).all():
        unknown.append("time before the first SYN (these probes do not see it)")
    if host is None:
        unknown.append("local ports and accept queues (nothing is known of the host)")
    text = (
        f"nothing stands out in {plural(selection.attempts, 'connect')} to"
        f" {plural(len(evidence.dests), 'destination')}: no lost SYN, no port that refuses, no time-out"
        " or error, no slow address among its siblings, no IPv6 that fails beside IPv4,"
        " no application that gives up"
    )
    known = [
        *([] if len(unknown) and "SYN" in unknown[0] else ["no slow local work"]),
        *([] if host is None else ["no lack of local ports", "no full accept queue"]),
    ]
    text = ", ".join([text, *known])
    return f"{text}; not looked at: {', '.join(unknown)}" if unknown else text
