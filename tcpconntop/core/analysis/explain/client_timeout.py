"""Applications that give up: always at the same age, because that is how long they wait."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain.evidence import RESENT_US, Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity, plural
from tcpconntop.core.analysis.explain.ipv6_broken import PROGRAM
from tcpconntop.core.analysis.explain.recent import RecentRecords
from tcpconntop.core.format import duration, percent
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.view.groups import address_port_text
from tcpconntop.core.wire import Outcome

AGE_SPREAD = 1.04
"""The oldest of the same age over the youngest: ± 2 %."""

MIN_ABANDONED = 4
"""Abandoned connects of the same age that are no coincidence."""

MIN_SHARE = 0.6
"""Share of a program's abandoned connects that must be of that age."""

MIN_AGE_US = 10_000
"""What is given up sooner was not given up for taking long."""


def client_timeout(evidence: Evidence) -> list[Finding]:
    """Find programs that abandon connects at the same age each time."""
    left = evidence.match_keys(evidence.recent.where(evidence.recent.outcome == Outcome.CANCELLED))
    left = left.where(~evidence.claimed_mask[left.key_index] & (left.anatomy.latency > 0))
    if len(left.events) < MIN_ABANDONED:
        return []
    program = PROGRAM.merge(evidence.keys[left.key_index])[1]
    order, start, size = _densest(program, np.log(left.anatomy.latency))
    found = []
    for group in np.argsort(-size, kind="stable")[: 4 * MAX_FINDINGS]:
        mine = np.flatnonzero(program == group)
        same = order[start[group] : start[group] + size[group]]
        young = float(np.median(left.anatomy.latency[same])) < MIN_AGE_US if len(same) else True
        if size[group] >= MIN_ABANDONED and size[group] >= MIN_SHARE * len(mine) and not young:
            found.append(_impatient(evidence, _some(left, same), len(mine)))
    return found[:MAX_FINDINGS]


def _some(recent: RecentRecords, at: Rows) -> RecentRecords:
    mask = np.zeros(len(recent.events), np.bool_)
    mask[at] = True
    return recent.where(mask)


def _densest(group: Rows, log_age: Floats) -> tuple[Rows, Rows, Rows]:
    """Find for each group where most of its ages lie within `AGE_SPREAD` of each other.

    Returns:
        The order of the ages by group and age; and by group the first place in that order and the number
        of those ages, which is 0 for groups that have none.
    """
    apart = 64.0  # more than the logarithm of any age in µs
    codes = group * apart + log_age
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    ends = np.searchsorted(codes, codes + np.log(AGE_SPREAD), side="right")
    sizes = ends - np.arange(len(codes))
    start, size = np.zeros((2, int(group.max()) + 1), np.int64)
    for_group = np.lexsort((sizes, group[order]))  # of each group, the greatest is written last
    start[group[order][for_group]] = for_group
    size[group[order][for_group]] = sizes[for_group]
    return order, start, size


def _impatient(evidence: Evidence, same: RecentRecords, of: int) -> Finding:
    ages = same.anatomy.latency
    age_us, n = float(np.median(ages)), len(ages)
    spread = (float(ages.max()) - float(ages.min())) / 2 / age_us
    keys = evidence.busiest(np.unique(same.key_index))
    first = evidence.dests[evidence.dest_of[keys[0]]]
    who, places = evidence.process_names(keys), len(np.unique(evidence.dest_of[keys]))
    more = f" and {plural(places - 1, 'more destination')}" if places > 1 else ""
    again = int(same.events["syn_retransmits"].sum())
    if again:
        why = f"{plural(again, 'SYN')} had been sent again by then, and nothing answered"
    elif age_us < RESENT_US:
        why = "nothing answered by then, and a lost SYN is sent again only after 1s"
    else:
        why = "nothing answered by then"
    return Finding(
        Kind.GIVES_UP, Severity.WARN,
        f"{who} gives up after {duration(age_us)}: that is its own time-out",
        f"{n:,} of the last {of:,} that it abandoned were {duration(age_us)} ± {percent(spread)}% old,"
        f" to {address_port_text(first)}{more}; {why}",
        n, "process", evidence.raw_keys(keys),
    )  # fmt: skip
