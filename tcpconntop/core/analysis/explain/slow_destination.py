"""Destinations that are slow, whatever the others are: from all processes, or only from some."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import slow_connects
from tcpconntop.core.analysis.explain.evidence import Evidence, largest_first
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.local_work import LocalWork
from tcpconntop.core.analysis.explain.lost_syns import LostSyns
from tcpconntop.core.analysis.explain.slow_address import SlowAddress
from tcpconntop.core.analysis.explain.slow_host import SlowHost
from tcpconntop.core.analysis.explain.slow_path import SlowPath
from tcpconntop.core.analysis.explain.slow_process import SlowProcess, late_connects
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import MIN_FAILURES, MIN_SAMPLES, NOTABLE_SHARE, SLOW_US
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.wire import Outcome

_PROCESS = GROUPINGS["process"]
_LIMIT = duration(SLOW_US)


class SlowDestination(FindingKind):
    """A destination whose connects take long."""

    kind = "slow"
    severity = Severity.WARN
    shows = "1% or more of the connects to a destination took 100ms or more; whether from some processes only"
    based_on = "10 or more connects that succeeded, 3 or more of them slow; a process is compared from 10 on"
    silent = "waits for a SYN that was sent again; addresses that another finding says are slow"
    next_step = "`ss -tin dst ADDRESS:PORT` here"
    after = (LostSyns, SlowPath, SlowAddress, SlowHost, SlowProcess, LocalWork)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the destinations with most slow connects that no other finding is about."""
        late = late_connects(evidence)
        slow = evidence.by_dest(late)
        explained = evidence.by_dest(evidence.explained[:, Outcome.OK].astype(np.int64)) > 0
        ok = evidence.dest_outcomes[:, Outcome.OK]
        many = (ok >= MIN_SAMPLES) & (slow >= MIN_FAILURES) & (slow >= NOTABLE_SHARE * ok) & ~explained
        order = largest_first(np.where(many, slow, 0))[:MAX_FINDINGS]
        return [self._slow(evidence, int(dest), late) for dest in order]

    def _slow(self, evidence: Evidence, dest: int, late: Rows) -> Finding:
        place, (slow, fast, fast_us) = evidence.dest_text(dest), _by_process(evidence, evidence.keys_to(dest))
        group = np.full(len(evidence.keys), -1)
        group[slow] = 0
        p50, p99 = evidence.group_quantiles_us(group, np.zeros(1, np.int64))[0]
        only = others = ""
        is_of_one_name = False
        if len(fast_us):
            names = evidence.keys["comm"]
            is_of_one_name = bool(np.isin(names[slow], names[fast]).any())
            n_slow = len(_PROCESS.merge(evidence.keys[slow])[0])
            whose = f"{n_slow:,} of {n_slow + len(fast_us):,} processes" if is_of_one_name else ""
            only = f" from {whose or evidence.process_names(slow)} only"
            most = "at most " if len(fast_us) > 1 else ""
            (high, high_p99), n_others = (
                fast_us.max(axis=0),
                plural(len(fast_us), "other process", "other processes"),
            )
            others = f"; {n_others}: p50 {most}{duration(float(high))}, p99 {most}{duration(float(high_p99))}"
        ok = int(evidence.outcomes[slow, Outcome.OK].sum())
        n = int(late[slow].sum())
        return self.finding(
            evidence,
            slow,
            f"{place} is slow{only}: {n:,} of {plural(ok, 'connect')} took {_LIMIT} or more",
            f"p50 {duration(float(p50))}, p99 {duration(float(p99))}{others}; without a SYN that was sent"
            " again: the answer came late, or the SYN left late",
            n,
            steps.open_connections(evidence, slow),
            named=not others or is_of_one_name,
            counted=slow_connects(evidence, slow, n),
        )


def _by_process(evidence: Evidence, keys: Rows) -> tuple[Rows, Rows, Floats]:
    """Return which processes are slow and how fast the others are; too few connects tell nothing.

    Returns:
        The keys that are slow, all of them where no process is fast; the others; and p50 and p99 in µs of the
        processes that are not slow, shape (n, 2).
    """
    process_of = np.full(len(evidence.keys), -1)
    process_of[keys] = _PROCESS.merge(evidence.keys[keys])[1]
    n = int(process_of.max()) + 1
    ok = np.bincount(process_of[keys], evidence.outcomes[keys, Outcome.OK], n)
    quantiles_us = evidence.group_quantiles_us(process_of, np.arange(n))
    fast = np.flatnonzero((ok >= MIN_SAMPLES) & (quantiles_us[:, 1] < SLOW_US))
    is_fast = np.isin(process_of[keys], fast)
    return keys[~is_fast], keys[is_fast], quantiles_us[fast]
