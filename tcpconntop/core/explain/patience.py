"""Applications that give up: always at the same age, because that is how long they wait."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.explain.case import RESENT_US, Case, Floats
from tcpconntop.core.explain.families import PROGRAM
from tcpconntop.core.explain.finding import TOP, Finding, Kind, Severity, counted
from tcpconntop.core.explain.recent import Recent
from tcpconntop.core.groups import place_text
from tcpconntop.core.keys import Rows
from tcpconntop.core.units import duration, percent
from tcpconntop.core.wire import Outcome

WIDTH = 1.04
"""The oldest of the same age over the youngest: ± 2 %."""

FEWEST = 4
"""Abandoned connects of the same age that are no coincidence."""

SHARE = 0.6
"""Share of a program's abandoned connects that must be of that age."""

SHORTEST_US = 10_000
"""What is given up sooner was not given up for taking long."""


def gives_up(case: Case) -> list[Finding]:
    """Find programs that abandon connects at the same age each time."""
    left = case.mine(case.recent.where(case.recent.outcome == Outcome.CANCELLED))
    left = left.where(~case.explained[left.at] & (left.parts.latency > 0))
    if len(left.events) < FEWEST:
        return []
    program = PROGRAM.merge(case.keys[left.at])[1]
    order, start, size = _densest(program, np.log(left.parts.latency))
    found = []
    for group in np.argsort(-size, kind="stable")[: 4 * TOP]:
        mine = np.flatnonzero(program == group)
        same = order[start[group] : start[group] + size[group]]
        young = float(np.median(left.parts.latency[same])) < SHORTEST_US if len(same) else True
        if size[group] >= FEWEST and size[group] >= SHARE * len(mine) and not young:
            found.append(_impatient(case, _some(left, same), len(mine)))
    return found[:TOP]


def _some(recent: Recent, at: Rows) -> Recent:
    mask = np.zeros(len(recent.events), np.bool_)
    mask[at] = True
    return recent.where(mask)


def _densest(group: Rows, log_age: Floats) -> tuple[Rows, Rows, Rows]:
    """Find for each group where most of its ages lie within `WIDTH` of each other.

    Returns:
        The order of the ages by group and age; and by group the first place in that order and the number
        of those ages, which is 0 for groups that have none.
    """
    apart = 64.0  # more than the logarithm of any age in µs
    codes = group * apart + log_age
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    ends = np.searchsorted(codes, codes + np.log(WIDTH), side="right")
    sizes = ends - np.arange(len(codes))
    start, size = np.zeros((2, int(group.max()) + 1), np.int64)
    for_group = np.lexsort((sizes, group[order]))  # of each group, the greatest is written last
    start[group[order][for_group]] = for_group
    size[group[order][for_group]] = sizes[for_group]
    return order, start, size


def _impatient(case: Case, same: Recent, of: int) -> Finding:
    ages = same.parts.latency
    age_us, n = float(np.median(ages)), len(ages)
    spread = (float(ages.max()) - float(ages.min())) / 2 / age_us
    keys = case.busiest(np.unique(same.at))
    first = case.dests[case.dest_of[keys[0]]]
    who, places = case.who(keys), len(np.unique(case.dest_of[keys]))
    more = f" and {counted(places - 1, 'more destination')}" if places > 1 else ""
    again = int(same.events["syn_retransmits"].sum())
    if again:
        why = f"{counted(again, 'SYN')} had been sent again by then, and nothing answered"
    elif age_us < RESENT_US:
        why = "nothing answered by then, and a lost SYN is sent again only after 1s"
    else:
        why = "nothing answered by then"
    return Finding(
        Kind.GIVES_UP, Severity.WARN,
        f"{who} gives up after {duration(age_us)}: that is its own time-out",
        f"{n:,} of the last {of:,} that it abandoned were {duration(age_us)} ± {percent(spread)}% old,"
        f" to {place_text(first)}{more}; {why}",
        n, "process", case.raw(keys),
    )  # fmt: skip
