"""Programs that give up connects always at the same age: their own timeout."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.accept_queue import AcceptQueue
from tcpconntop.core.analysis.explain.counted import Counted, counted_records
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.given_up import AGE_SPREAD, MIN_GIVEN_UP
from tcpconntop.core.analysis.explain.ipv6_broken import PROGRAM, Ipv6Broken
from tcpconntop.core.analysis.explain.local_firewall import LocalFirewall
from tcpconntop.core.analysis.explain.local_ports import LocalPorts
from tcpconntop.core.analysis.explain.others import Others, step_here_or_at_peer
from tcpconntop.core.analysis.explain.records import RecentRecords
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.format import duration, percent
from tcpconntop.core.thresholds import RETRANSMITTED_US
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.view.groups import Grouping
from tcpconntop.core.wire import Outcome

APART_OF_AGE, APART_NS = 0.5, 100_000_000
"""Connects that ended within half their age, or 0.1 s, may have ended together: one process that was killed
closes all of its sockets at once. They prove no more than one of them."""

MIN_SHARE = 0.6
"""Share of the connects that a program gave up that must have this age."""

MIN_AGE_US = 10_000
"""Connects closed sooner were not closed because they took too long."""


_PROCESS = Grouping("name", "process name and unit", ("comm", "cgroup_id"))


class ClientTimeout(FindingKind):
    """A program that gives up connects always at the same age."""

    kind = "gives-up"
    severity = Severity.WARN
    shows = "a program gives up connects always at the same age: that is its own timeout"
    based_on = (
        "recent cancelled connects: 4 or more that did not end together, and 60% of the program's, of one age"
        " ± 2%, 10ms or more"
    )
    silent = (
        "ages that differ, as when a person presses Ctrl-C; connects that ended together, as when a process"
        " is killed"
    )
    next_step = (
        "`ss -tnop state syn-sent dst ADDRESS:PORT` here; where SYNs were sent again, as for `lost-syns`"
    )
    absent = "no connect given up"
    after = (Ipv6Broken, LocalPorts, LocalFirewall, AcceptQueue)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the programs that gave up most connects of one age."""
        recent = evidence.recent
        left = evidence.match_keys(recent.where(recent.outcome == Outcome.CANCELLED))
        explained = evidence.claimed | evidence.explained[:, Outcome.CANCELLED]
        left = left.where(~explained[left.key_index] & (left.anatomy.latency > 0))
        if len(left.events) < MIN_GIVEN_UP:
            return []
        timeouts: list[tuple[RecentRecords, int]] = []
        for grouping in (
            _PROCESS,
            PROGRAM,
        ):  # one age at all ports is one timeout; else each port has its own
            timeouts += (more := _equal_ages(evidence, left, grouping))
            for same, _ in more:
                names = grouping.merge(evidence.keys[np.concatenate((same.key_index[:1], left.key_index))])[1]
                left = left.where(names[1:] != names[0])
            if len(left.events) < MIN_GIVEN_UP:
                break
        timeouts.sort(key=lambda item: -len(item[0].events))
        return [self._timeout_of(evidence, same, total) for same, total in timeouts[:MAX_FINDINGS]]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if no connect was given up."""
        return not evidence.selection.outcomes[Outcome.CANCELLED]

    def _timeout_of(self, evidence: Evidence, same: RecentRecords, total: int) -> Finding:
        ages = same.anatomy.latency
        age_us, n = float(np.median(ages)), len(ages)
        spread = (float(ages.max()) - float(ages.min())) / 2 / age_us
        keys = evidence.busiest(np.unique(same.key_index))
        evidence.explained[keys, Outcome.CANCELLED] = True
        resent, unsent = (int(same.events[name].sum()) for name in ("syn_retransmits", "syn_unsent"))
        dests, counted = np.unique(evidence.dest_of[keys]), counted_records(evidence, same)
        others, step = _step(evidence, keys, counted, resent, unsent)
        first = evidence.dest_text(int(evidence.dest_of[keys[0]]))
        more = f" and {plural(len(dests) - 1, 'more destination')}" if len(dests) > 1 else ""
        title = f"{evidence.process_names(keys)} gives up after {duration(age_us)}: its own timeout"
        is_silent = bool(evidence.silent_dests[dests].all())
        if is_silent:
            evidence.explained[np.isin(evidence.dest_of, dests), Outcome.CANCELLED] = True
            verb = "answers nothing" if len(dests) == 1 else "answer nothing"
            title = f"{first}{more} {verb}: {title.removesuffix(': its own timeout')}"
        when = when_text(evidence, counted)
        return self.finding(
            evidence,
            keys,
            title,
            f"{n:,} of the last {plural(total, 'connect')} that it gave up lasted {duration(age_us)}"
            f" ± {percent(spread)}%, to {first}{more}{when and f', {when}'}; {_why(resent, unsent, age_us)}"
            f"{others.text and f'; {others.text}'}",
            n,
            step,
            group_by="process",
            severity=Severity.BAD if is_silent and not unsent else Severity.WARN,
            named=False,
        )


def _step(
    evidence: Evidence, keys: Rows, counted: Counted, resent: int, unsent: int
) -> tuple[Others, steps.NextStep]:
    """Return who else reaches the destination, and the next step."""
    if resent and 2 * unsent >= resent:
        return Others(), steps.firewall(evidence, keys)
    if not resent:
        return Others(), steps.waiting_connects(evidence, keys)
    return step_here_or_at_peer(evidence, keys, counted, steps.loss_or_accept_queue)


def _equal_ages(
    evidence: Evidence, left: RecentRecords, grouping: Grouping
) -> list[tuple[RecentRecords, int]]:
    """Return the records of one age of each group that has enough, and how many records the group has."""
    ages_us = left.anatomy.latency
    group_of = grouping.merge(evidence.keys[left.key_index])[1]
    order, start, size = _densest(group_of, np.log(ages_us))
    found = []
    for group in np.argsort(-size, kind="stable")[: 4 * MAX_FINDINGS]:
        same = order[start[group] : start[group] + size[group]]
        total = int(np.count_nonzero(group_of == group))
        age_us = float(np.median(ages_us[same]))
        if size[group] < max(MIN_GIVEN_UP, MIN_SHARE * total) or age_us < MIN_AGE_US:
            continue
        if not _ended_apart(left.events["end_ns"][same], age_us * 1_000):
            continue
        mask = np.zeros(len(left.events), np.bool_)
        mask[same] = True
        found.append((left.where(mask), total))
    return found


def _ended_apart(ends_ns: npt.NDArray[np.uint64], age_ns: float) -> bool:
    """Return True if at least `MIN_GIVEN_UP` of these connects did not end together."""
    ends, apart_ns = np.sort(ends_ns), round(min(APART_OF_AGE * age_ns, APART_NS))
    at = 0
    for _ in range(MIN_GIVEN_UP - 1):
        at = int(np.searchsorted(ends, ends[at] + np.uint64(apart_ns)))
        if at == len(ends):
            return False
    return True


def _why(resent: int, unsent: int, age_us: float) -> str:
    if unsent:
        return f"{unsent:,} of {plural(resent, 'retransmitted SYN')} did not leave this machine"
    if resent:
        return f"{plural(resent, 'SYN')} had been retransmitted by then, none was answered"
    if age_us < RETRANSMITTED_US:
        return "no answer by then, and a lost SYN is retransmitted only after 1s"
    return "no answer by then"


def _densest(group: Rows, log_age: Floats) -> tuple[Rows, Rows, Rows]:
    """Find for each group the largest set of ages that lie within `AGE_SPREAD` of each other.

    Returns:
        The order of the ages by group and age; and for each group the first index in that order and the
        number of those ages, 0 for groups without any.
    """
    apart = 64.0  # more than the logarithm of any age in µs
    codes = group * apart + log_age
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    ends = np.searchsorted(codes, codes + np.log(AGE_SPREAD), side="right")
    sizes = ends - np.arange(len(codes))
    start, size = np.zeros((2, int(group.max()) + 1), np.int64)
    by_size = np.lexsort((sizes, group[order]))  # the largest of each group is written last
    start[group[order][by_size]] = by_size
    size[group[order][by_size]] = sizes[by_size]
    return order, start, size
