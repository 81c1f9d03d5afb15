"""Processes that are slower than all others to the same destination."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.counted import slow_connects
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity, plural
from tcpconntop.core.analysis.explain.local_work import LocalWork, local_dests
from tcpconntop.core.analysis.explain.when import when_text
from tcpconntop.core.counts import SparseCounts, run_starts
from tcpconntop.core.format import duration
from tcpconntop.core.hosts import only_host
from tcpconntop.core.thresholds import (
    MIN_FAILURES,
    MIN_SAMPLES,
    NOTABLE_SHARE,
    RETRANSMITTED_US,
    SLOW_US,
)
from tcpconntop.core.types import Floats, Rows
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.noise import FALSE_ALARMS, Interval, quantile_interval
from tcpconntop.core.view.trouble import ok_at_least
from tcpconntop.core.wire import Outcome

MIN_FACTOR = 5
"""How many times the p50 of all others one must take to be reported."""

MIN_DIFFERENCE_US = 10_000
"""A smaller difference of p50 matters to few."""

MAX_COMPARED = 2_000
"""Pairs of process and destination that are compared, the busiest: it bounds the work."""

_PROCESS = GROUPINGS["process"]
_LIMIT = duration(SLOW_US)


@dataclass(frozen=True, eq=False)
class SlowProcesses:
    """The processes that are slow to a destination, beside the others of their host.

    Attributes:
        dest: the destination.
        keys: the keys of the slow ones.
        others: the keys of the others.
        n_others: how many processes those are.
        p50_us: p50 of the slow ones together.
        others_us: lowest and highest p50 of the others.
    """

    dest: int
    keys: Rows
    others: Rows
    n_others: int
    p50_us: float
    others_us: Interval


class SlowProcess(FindingKind):
    """A process that is slower to a destination than all others."""

    kind = "slow-process"
    compares_rows = True
    severity = Severity.WARN
    shows = "a process is 5 times slower to a destination than all other processes there"
    based_on = (
        "p50 of the processes of one host that connect to the same destination (10 connects each), further"
        " apart than chance explains; a note while fewer than 1% of its connects take 100ms"
    )
    silent = (
        "differences below 10ms; processes that are slow at random; as many slow processes as others, or more"
    )
    next_step = "`ss -tin dst ADDRESS:PORT` here"
    absent = "no process slower than others to one destination"
    after = (LocalWork,)

    needs_processes = True

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the processes that differ most from the others."""
        return [self._slow(evidence, slow) for slow in evidence.once(slow_processes)[:MAX_FINDINGS]]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if processes were compared, and all of them."""
        pairs = evidence.once(_pairs)
        return 0 < len(pairs.dest) < MAX_COMPARED

    def _slow(self, evidence: Evidence, slow: SlowProcesses) -> Finding:
        keys = evidence.busiest(slow.keys)
        evidence.explained[keys, Outcome.OK] = True
        ok = int(evidence.outcomes[keys, Outcome.OK].sum())
        n = int(late_connects(evidence)[keys].sum())
        low, high = map(duration, slow.others_us)
        against = low if low == high else f"{low} to {high}"
        names, others = evidence.process_names(keys), f"{slow.n_others} other processes"
        if slow.n_others == 1:
            others = evidence.process_names(slow.others)
        proof = f"p50 {duration(slow.p50_us)} against {against}"
        if n:
            when = when_text(evidence, slow_connects(evidence, keys, n))
            proof += f"; {n:,} of its {plural(ok, 'connect')} took {_LIMIT} or more{when and f', {when}'}"
        netns = np.unique(evidence.keys["netns"][keys])
        if len(netns) == 1 and netns[0] and netns[0] not in evidence.keys["netns"][slow.others]:
            proof += f"; it is in network namespace {evidence.netns_text(int(netns[0]))}, the others are not"
        is_bad = n >= MIN_FAILURES and n >= NOTABLE_SHARE * ok
        factor = f"{slow.p50_us / slow.others_us.high:.0f}× slower"
        return self.finding(
            evidence,
            keys,
            f"{evidence.dest_text(slow.dest)} is {factor} from {names} than from {others}",
            proof,
            ok,
            steps.open_connections(evidence, keys),
            severity=Severity.WARN if is_bad else Severity.NOTE,
            group_by="process+dest",
            named=False,
        )


def late_connects(evidence: Evidence) -> Rows:
    """Return the slow connects of each key that waited for no SYN that was sent again, shape (keys,)."""
    late = ok_at_least(evidence.snapshot.window, SLOW_US)[evidence.rows] - evidence.ok_after_retransmit
    late_only: Rows = np.maximum(late, 0)
    return late_only


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Processes and destinations that are compared: arrays with an element for each pair.

    Attributes:
        dest: the destination.
        host: what the network namespaces of its host have in common.
        p50_us: the p50.
        of_key: the pair of each key of the evidence; -1 for none, shape (keys,).
    """

    dest: Rows
    host: Rows
    p50_us: Floats
    of_key: Rows


def slow_processes(evidence: Evidence) -> list[SlowProcesses]:
    """Return the processes that are slower than all others to a destination, the largest difference first.

    Destinations where the time is spent before the first SYN are left out: `LocalWork` explains them.
    """
    pairs = evidence.once(_pairs)
    local = {dest for dest, *_ in evidence.once(local_dests)}
    order = np.lexsort((pairs.p50_us, pairs.host, pairs.dest))
    dest, host, p50_us = pairs.dest[order], pairs.host[order], pairs.p50_us[order]
    starts = run_starts(dest << 32 | host)
    found = []
    for start, end in pairwise([*starts.tolist(), len(order)]):
        gaps = p50_us[start + 1 : end] / p50_us[start : end - 1]
        n_fast = int(np.argmax(gaps)) + 1 if len(gaps) else 0
        if not n_fast or 2 * n_fast < end - start or gaps[n_fast - 1] < MIN_FACTOR:
            continue
        others, slow = order[start : start + n_fast], order[start + n_fast : end]
        others_us = Interval(float(p50_us[start]), float(p50_us[start + n_fast - 1]))
        if p50_us[start + n_fast] - others_us.high < MIN_DIFFERENCE_US or int(dest[start]) in local:
            continue
        if not _is_apart(evidence, pairs, slow, others):
            continue
        keys, fast_keys = (np.flatnonzero(np.isin(pairs.of_key, some)) for some in (slow, others))
        together = np.where(np.isin(pairs.of_key, slow), 0, -1)
        own_us = float(evidence.group_quantiles_us(together, np.zeros(1, np.int64), (0.5,))[0, 0])
        found.append(SlowProcesses(int(dest[start]), keys, fast_keys, n_fast, own_us, others_us))
    return sorted(found, key=lambda slow: slow.others_us.high - slow.p50_us)


def _pairs(evidence: Evidence) -> _Pairs:
    """Return the pairs with enough connects, of destinations that have several."""
    ok = evidence.outcomes[:, Outcome.OK]
    process = _PROCESS.merge(evidence.keys)[1].astype(np.int64)
    codes, pair_of = np.unique(evidence.dest_of.astype(np.int64) << 32 | process, return_inverse=True)
    pair_of = pair_of.reshape(-1)
    connects = np.bincount(pair_of, ok, len(codes))
    several = np.bincount(codes >> 32, connects >= MIN_SAMPLES)[codes >> 32] > 1
    chosen = np.argsort(np.where(several, -connects, 0), kind="stable")[:MAX_COMPARED]
    chosen = np.sort(chosen[several[chosen] & (connects[chosen] >= MIN_SAMPLES)])
    p50_us = evidence.group_quantiles_us(pair_of, chosen, (0.5,))[:, 0]
    # Waits for SYNs that were sent again are another finding.
    chosen, p50_us = chosen[p50_us < RETRANSMITTED_US], p50_us[p50_us < RETRANSMITTED_US]
    number = np.full(len(codes), -1)
    number[chosen] = np.arange(len(chosen))
    host = np.zeros(len(codes), np.int64)
    host[pair_of] = only_host(evidence.keys["netns"])
    return _Pairs((codes >> 32)[chosen], host[chosen], p50_us, number[pair_of])


def _is_apart(evidence: Evidence, pairs: _Pairs, slow: Rows, others: Rows) -> bool:
    """Return True if the p50 of each slow pair is beyond those of all others by more than chance explains."""
    counts = _counts(evidence, pairs, np.concatenate((slow, others)))
    alpha = FALSE_ALARMS / len(pairs.dest)
    intervals = []
    for n in range(len(slow) + len(others)):
        own = counts.rows() == n
        intervals.append(quantile_interval(counts.cells()[own], counts.counts[own], 0.5, alpha))
    return min(i.low for i in intervals[: len(slow)]) > max(i.high for i in intervals[len(slow) :])


def _counts(evidence: Evidence, pairs: _Pairs, some: Rows) -> SparseCounts:
    """Return the latency buckets of some pairs; the rows are their places in `some`."""
    place = np.full(len(pairs.dest) + 1, -1)  # index -1 reads the last one, which is no pair
    place[some] = np.arange(len(some))
    group = np.full(len(evidence.snapshot.window.keys), -1)
    group[evidence.rows] = place[pairs.of_key]
    return evidence.snapshot.window.latency_pages.regroup(group).to_sparse()
