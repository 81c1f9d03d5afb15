"""One address that is slow among its siblings: of its subnet, or of those that a process connects to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.explain.evidence import RESENT_US, Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, Kind, Severity
from tcpconntop.core.counts import run_starts
from tcpconntop.core.format import duration
from tcpconntop.core.types import Rows
from tcpconntop.core.view.groups import GROUPINGS, Grouping, address_port_text, destination_text, process_text
from tcpconntop.core.wire import Outcome

MIN_FACTOR = 5
"""How many times the median of its siblings an address takes that stands out."""

MAX_COMPARED = 300
"""So many destinations are compared, the busiest: the work stays small."""


@dataclass(frozen=True)
class Measure:
    """A quantile by which addresses are compared.

    Attributes:
        name: `p50` or `p99`.
        column: where it stands among the quantiles of the evidence.
        min_connects: connects that an address must have.
        min_addresses: how many addresses there must be, itself among them.
        min_difference_us: smaller differences are nobody's concern.
    """

    name: str
    column: int
    min_connects: int
    min_addresses: int
    min_difference_us: float


MEASURES = (Measure("p50", 0, 20, 2, 1_000), Measure("p99", 1, 100, 4, 5_000))

_SUBNET, _PROCESS = (
    GROUPINGS["subnet"],
    Grouping("process port", "process and port", ("tgid", "comm", "dport")),
)


@dataclass(frozen=True, eq=False)
class _Families:
    """Which addresses are siblings of each other: arrays of one length, an element for each membership.

    Attributes:
        group: number of the family.
        place: place of the destination among those that are compared.
        key: the key of the evidence that makes it a member; -1 where it is the subnet.
    """

    group: Rows
    place: Rows
    key: Rows

    def where(self, mask: npt.NDArray[np.bool_]) -> _Families:
        """Give some of the memberships."""
        return _Families(self.group[mask], self.place[mask], self.key[mask])


@dataclass(frozen=True)
class _Outlier:
    measure: Measure
    place: int
    key: int
    siblings: int
    value_us: float
    median_us: float


def slow_addresses(evidence: Evidence) -> list[Finding]:
    """Find the slowest address of each family of siblings, where it stands out."""
    ok = evidence.dest_outcomes[:, Outcome.OK]
    dests = np.argsort(-ok, kind="stable")[:MAX_COMPARED]
    dests = np.sort(dests[ok[dests] >= min(measure.min_connects for measure in MEASURES)])
    if len(dests) < 2:
        return []
    families = (_by_subnet(evidence, dests), _by_process(evidence, dests))
    quantiles = evidence.quantiles_us(dests)
    found: dict[int, _Outlier] = {}
    for measure in MEASURES:
        values = quantiles[:, measure.column]
        enough = ok[dests] >= measure.min_connects
        if measure.name == "p99":
            enough &= values < RESENT_US  # what waits for lost SYNs is another finding
        for family in families:
            for outlier in _worst(measure, family.where(enough[family.place]), values):
                found.setdefault(outlier.place, outlier)
    most = sorted(found.values(), key=lambda outlier: outlier.median_us - outlier.value_us)
    return [_slow(evidence, int(dests[outlier.place]), outlier) for outlier in most[:MAX_FINDINGS]]


def _by_subnet(evidence: Evidence, dests: Rows) -> _Families:
    group = _SUBNET.merge(evidence.dests[dests])[1] << 16 | evidence.dests["dport"][dests]
    return _Families(group, np.arange(len(dests)), np.full(len(dests), -1))


def _by_process(evidence: Evidence, dests: Rows) -> _Families:
    """Give each process and port the destinations that it connects to, each once."""
    place_of = np.full(len(evidence.dests), -1)
    place_of[dests] = np.arange(len(dests))
    keys = np.flatnonzero(place_of[evidence.dest_of] >= 0)
    process, place = _PROCESS.merge(evidence.keys[keys])[1], place_of[evidence.dest_of[keys]]
    _, first = np.unique(process << 32 | place, return_index=True)
    return _Families(process[first], place[first], keys[first])


def _worst(measure: Measure, family: _Families, values: npt.NDArray[np.float64]) -> list[_Outlier]:
    """Give the slowest of each family that stands out against the (upper) median of the others."""
    own = values[family.place]
    order = np.lexsort((own, family.group))
    starts = run_starts(family.group[order])
    sizes = np.diff(starts, append=len(order))
    last = order[starts + sizes - 1]
    worst, median = own[last], own[order[starts + (sizes - 1) // 2]]
    out = (
        (sizes >= measure.min_addresses)
        & (worst >= MIN_FACTOR * median)
        & (worst - median >= measure.min_difference_us)
    )
    most = np.flatnonzero(out)[np.argsort(median[out] - worst[out])][:MAX_FINDINGS]
    return [
        _Outlier(
            measure, int(family.place[last[at]]), int(family.key[last[at]]), int(sizes[at]) - 1,
            float(worst[at]), float(median[at]),
        )
        for at in most
    ]  # fmt: skip


def _slow(evidence: Evidence, dest: int, outlier: _Outlier) -> Finding:
    key, keys = evidence.dests[dest], evidence.keys_to(dest)
    others = f"the {outlier.siblings} other addresses" if outlier.siblings > 1 else "the other address"
    if outlier.key < 0:
        subnet = destination_text(_SUBNET.merge(evidence.dests[[dest]])[0][0], _SUBNET)
        others += f" of {subnet} with port {key['dport']}"
    else:
        others += f" that {process_text(evidence.keys[outlier.key])} connects to at port {key['dport']}"
    return Finding(
        Kind.SLOW_ADDRESS, Severity.WARN,
        f"{address_port_text(key)} is {outlier.value_us / outlier.median_us:.0f}× slower than its"
        f" {'siblings' if outlier.siblings > 1 else 'sibling'}",
        f"{outlier.measure.name} {duration(outlier.value_us)} against {duration(outlier.median_us)}"
        f" of {others}; by {evidence.process_names(keys)}",
        int(evidence.dest_outcomes[dest, Outcome.OK]), "dest", evidence.raw_keys(keys),
    )  # fmt: skip
