"""One address that is slower than comparable ones: of its subnet, or of those a process connects to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity
from tcpconntop.core.analysis.explain.lost_syns import LostSyns
from tcpconntop.core.analysis.explain.slow_path import SlowPath
from tcpconntop.core.analysis.explain.slow_process import SlowProcess, slow_processes
from tcpconntop.core.counts import run_starts
from tcpconntop.core.format import duration
from tcpconntop.core.thresholds import FELT_US, RETRANSMITTED_US
from tcpconntop.core.types import Floats, Mask, Rows
from tcpconntop.core.view.groups import GROUPINGS, Grouping, process_text
from tcpconntop.core.wire import Outcome

MIN_FACTOR = 5
"""How many times the median of comparable addresses one must take to be reported."""

MAX_COMPARED = 300
"""Destinations that are compared, the busiest: it bounds the work."""


@dataclass(frozen=True)
class Measure:
    """A quantile by which addresses are compared.

    Attributes:
        name: `p50` or `p99`.
        column: its column in `Evidence.quantiles_us`.
        min_connects: connects that each address must have.
        min_addresses: size of a group of comparable addresses, this one included.
        min_difference_us: smaller differences do not matter.
    """

    name: str
    column: int
    min_connects: int
    min_addresses: int
    min_difference_us: float


MEASURES = (Measure("p50", 0, 20, 2, FELT_US), Measure("p99", 1, 100, 4, 5 * FELT_US))

_SUBNET = GROUPINGS["subnet"]
_PROCESS = Grouping("process port", "process and port", ("tgid", "comm", "dport"))


@dataclass(frozen=True, eq=False)
class _Memberships:
    """Which addresses are comparable: arrays of one length, an element for each membership in a group.

    Attributes:
        group: number of the group.
        dest: index of the destination among those that are compared.
        key: the key of the evidence that makes it a member; -1 where it is the subnet.
    """

    group: Rows
    dest: Rows
    key: Rows

    def where(self, mask: Mask) -> _Memberships:
        """Return the memberships under a mask."""
        return _Memberships(self.group[mask], self.dest[mask], self.key[mask])


@dataclass(frozen=True)
class _Outlier:
    """A slow address: `dest` and `key` as in `_Memberships`; `others` are what it is compared with."""

    measure: Measure
    dest: int
    key: int
    others: tuple[int, ...]
    value_us: float
    median_us: float


class SlowAddress(FindingKind):
    """An address that is slower than comparable ones."""

    kind = "slow-address"
    compares_rows = True
    severity = Severity.WARN
    shows = "one address is 5 times slower than the median of comparable ones"
    based_on = (
        "p50 (20 connects each) or p99 (100 connects each, 4 addresses) of the addresses of one subnet"
        " and port, or that one process connects to at one port"
    )
    silent = "half of the addresses being slow; differences below 1ms (p99: 5ms); a wait for a lost SYN"
    next_step = "`ss -tin dst ADDRESS:PORT` here"
    absent = "no address slower than comparable ones"
    after = (LostSyns, SlowPath, SlowProcess)

    needs_processes = True

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the addresses that differ most, at most one for each group of comparable ones."""
        ok = evidence.dest_outcomes[:, Outcome.OK]
        dests = np.argsort(-ok, kind="stable")[:MAX_COMPARED]
        dests = np.sort(dests[ok[dests] >= min(measure.min_connects for measure in MEASURES)])
        if len(dests) < min(measure.min_addresses for measure in MEASURES):
            return []
        of_process = [slow.dest for slow in evidence.once(slow_processes)]
        dests = dests[~np.isin(dests, of_process)]  # it is not the address
        waited = evidence.by_dest(evidence.explained[:, Outcome.OK].astype(np.int64)) > 0
        groups = (_by_subnet(evidence, dests), _by_process(evidence, dests))
        quantiles = evidence.quantiles_us(dests)
        by_dest: dict[int, _Outlier] = {}
        for measure in MEASURES:
            values = quantiles[:, measure.column]
            enough = ok[dests] >= measure.min_connects
            waits = values >= RETRANSMITTED_US  # waits for SYNs that were sent again are another finding
            enough &= ~waits if measure.name == "p99" else ~(waits & waited[dests])
            for group in groups:
                for outlier in _slowest(measure, group.where(enough[group.dest]), values):
                    by_dest.setdefault(outlier.dest, outlier)
        most = sorted(by_dest.values(), key=lambda outlier: outlier.median_us - outlier.value_us)
        return [self._slow(evidence, dests, outlier) for outlier in most[:MAX_FINDINGS]]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if several addresses have enough connects, and all of those were compared."""
        enough = evidence.dest_outcomes[:, Outcome.OK] >= min(measure.min_connects for measure in MEASURES)
        return 2 <= int(np.count_nonzero(enough)) <= MAX_COMPARED

    def _slow(self, evidence: Evidence, dests: Rows, outlier: _Outlier) -> Finding:
        dest, n = int(dests[outlier.dest]), len(outlier.others)
        keys = evidence.keys_to(dest)
        evidence.explained[keys, Outcome.OK] = True
        factor = f"{outlier.value_us / outlier.median_us:.0f}× slower"
        values = f"{outlier.measure.name} {duration(outlier.value_us)} against {duration(outlier.median_us)}"
        only = evidence.dest_text(int(dests[outlier.others[0]])) if n == 1 else ""
        of_all = _members(evidence, dest, outlier) - 1
        which = f"the median of the {n} other addresses" if n > 1 else "the only other address"
        if n < of_all:
            which = f"{'the median of ' * (n > 1)}{n} of the {of_all} other addresses"
        few = f"; the rest have fewer than {outlier.measure.min_connects} connects" if n < of_all else ""
        return self.finding(
            evidence,
            keys,
            f"{evidence.dest_text(dest)} is {factor} than {only or f'{n} comparable addresses'}",
            f"{values}, {which} {_group_text(evidence, dest, outlier)}{few}",
            int(evidence.dest_outcomes[dest, Outcome.OK]),
            steps.open_connections(evidence, keys),
        )


def _members(evidence: Evidence, dest: int, outlier: _Outlier) -> int:
    """Return how many destinations are in the group of an outlier, whatever their connects."""
    if outlier.key < 0:
        same = _SUBNET.merge(evidence.dests)[1]
        return int(((same == same[dest]) & (evidence.dests["dport"] == evidence.dests["dport"][dest])).sum())
    process = _PROCESS.merge(evidence.keys)[1]
    return len(np.unique(evidence.dest_of[process == process[outlier.key]]))


def _group_text(evidence: Evidence, dest: int, outlier: _Outlier) -> str:
    port = evidence.dests[dest]["dport"]
    if outlier.key < 0:
        return f"of {evidence.subnet_text(evidence.keys_to(dest))} with port {port}"
    return f"that {process_text(evidence.keys[outlier.key])} connects to at port {port}"


def _by_subnet(evidence: Evidence, dests: Rows) -> _Memberships:
    group = _SUBNET.merge(evidence.dests[dests])[1] << 16 | evidence.dests["dport"][dests]
    return _Memberships(group, np.arange(len(dests)), np.full(len(dests), -1))


def _by_process(evidence: Evidence, dests: Rows) -> _Memberships:
    """Return a group for each process and port: the destinations that it connects to, each once."""
    index_of = np.full(len(evidence.dests), -1)
    index_of[dests] = np.arange(len(dests))
    keys = np.flatnonzero(index_of[evidence.dest_of] >= 0)
    process, dest = _PROCESS.merge(evidence.keys[keys])[1], index_of[evidence.dest_of[keys]]
    _, first = np.unique(process << 32 | dest, return_index=True)
    return _Memberships(process[first], dest[first], keys[first])


def _slowest(measure: Measure, members: _Memberships, values: Floats) -> list[_Outlier]:
    """Return the slowest member of each group that stands out against the (upper) median of the others."""
    own = values[members.dest]
    order = np.lexsort((own, members.group))
    starts = run_starts(members.group[order])
    sizes = np.diff(starts, append=len(order))
    last = order[starts + sizes - 1]
    worst, median = own[last], own[order[starts + (sizes - 1) // 2]]
    out = (sizes >= measure.min_addresses) & (worst >= MIN_FACTOR * median)
    out &= worst - median >= measure.min_difference_us
    most = np.flatnonzero(out)[np.argsort(median[out] - worst[out])][:MAX_FINDINGS]
    return [
        _Outlier(
            measure,
            int(members.dest[last[n]]),
            int(members.key[last[n]]),
            tuple(members.dest[order[starts[n] : starts[n] + sizes[n] - 1]].tolist()),
            float(worst[n]),
            float(median[n]),
        )
        for n in most
    ]
