"""One of several hosts that is slower than the others, to one destination or to most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tcpconntop.core.analysis.explain import steps
from tcpconntop.core.analysis.explain.evidence import Evidence
from tcpconntop.core.analysis.explain.finding import MAX_FINDINGS, Finding, FindingKind, Severity
from tcpconntop.core.analysis.explain.lost_syns import LostSyns
from tcpconntop.core.analysis.explain.slow_path import SlowPath
from tcpconntop.core.format import duration
from tcpconntop.core.hosts import only_host
from tcpconntop.core.thresholds import FELT_US, RETRANSMITTED_US
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.window.keys import Keys, address_octets
from tcpconntop.core.wire import Outcome

MIN_FACTOR = 5
"""How many times the median of the other hosts one must take to be reported."""

MIN_CONNECTS = 20
"""How many connects to a destination a host must have to be compared."""

MAX_COMPARED = 500
"""Pairs of destination and host that are compared, the busiest: it bounds the work."""


@dataclass(frozen=True, eq=False)
class _Compared:
    """A destination from one host, beside the same destination from the other hosts.

    Attributes:
        host: what the network namespaces of the host have in common (`only_host`).
        keys: the keys of the evidence, the busiest first.
        value_us: p50 from this host.
        median_us: median of the p50 of the other hosts.
        others: what the network namespaces of each of those have in common.
        left_out: other hosts that connect there, too seldom to be compared.
        connects: connects of this host that succeeded.
    """

    host: int
    keys: Rows
    value_us: float
    median_us: float
    others: tuple[int, ...]
    left_out: int
    connects: int

    @property
    def is_slow(self) -> bool:
        """True if a user would feel the difference."""
        return self.value_us >= MIN_FACTOR * self.median_us and self.difference_us >= FELT_US

    @property
    def difference_us(self) -> float:
        """By how much it is slower."""
        return self.value_us - self.median_us


class SlowHost(FindingKind):
    """A host that is slower than the others."""

    kind = "slow-host"
    compares_rows = True
    severity = Severity.WARN
    shows = (
        "one of several hosts is 5 times slower than the median of the others, to a destination or to most"
    )
    based_on = "p50 of the destinations that several hosts connect to (20 connects each)"
    silent = "a single host; loopback and link-local addresses; differences below 1ms; a wait for a lost SYN"
    next_step = "`ss -tin dst ADDRESS:PORT` on that host"
    absent = "no host slower than the others"
    after = (LostSyns, SlowPath)

    def check(self, evidence: Evidence) -> list[Finding]:
        """Return the hosts that are slow to most destinations; of the others, the pairs that differ most."""
        compared = evidence.once(_compare_hosts)
        by_host: dict[int, list[_Compared]] = {}
        for pair in compared:
            by_host.setdefault(pair.host, []).append(pair)
        hosts, pairs = [], []
        for of_host in by_host.values():
            slow = sorted((pair for pair in of_host if pair.is_slow), key=lambda pair: -pair.difference_us)
            if len(slow) >= 2 and 2 * len(slow) > len(of_host):
                hosts.append(self._slow_host(evidence, slow, len(of_host)))
            else:
                pairs += slow
        hosts.sort(key=lambda finding: -finding.affected)
        pairs.sort(key=lambda pair: -pair.difference_us)
        return [*hosts, *(self._slow_pair(evidence, pair) for pair in pairs)][:MAX_FINDINGS]

    def denies(self, evidence: Evidence) -> bool:
        """Return True if hosts were compared, and all of them."""
        return 0 < len(evidence.once(_compare_hosts)) < MAX_COMPARED

    def _slow_host(self, evidence: Evidence, slow: list[_Compared], compared: int) -> Finding:
        keys = np.concatenate([pair.keys for pair in slow])
        evidence.explained[keys, Outcome.OK] = True
        host = evidence.snapshot.places.host(int(evidence.keys[keys[0]]["netns"]))
        return self.finding(
            evidence,
            keys,
            f"{host} is slower than the other hosts to {len(slow)} of {compared} destinations compared",
            f"such as {_text(evidence, slow[0])}: {_figures(evidence, slow[0])}; "
            "if these are the same machines for every host",
            sum(pair.connects for pair in slow),
            steps.open_connections(evidence, keys),
            group_by="host",
        )

    def _slow_pair(self, evidence: Evidence, pair: _Compared) -> Finding:
        host = evidence.snapshot.places.host(int(evidence.keys[pair.keys[0]]["netns"]))
        evidence.explained[pair.keys, Outcome.OK] = True
        factor = f"{pair.value_us / pair.median_us:.0f}× slower"
        return self.finding(
            evidence,
            pair.keys,
            f"{_text(evidence, pair)} is {factor} from {host} than from {_others(evidence, pair)}",
            f"{_figures(evidence, pair)}; if it is the same machine for every host",
            pair.connects,
            steps.open_connections(evidence, pair.keys),
            group_by="host+dest",
        )


def _text(evidence: Evidence, pair: _Compared) -> str:
    return evidence.key_text(evidence.keys[pair.keys[0]])


def _figures(evidence: Evidence, pair: _Compared) -> str:
    others = _others(evidence, pair)
    of = f" of {others}" if len(pair.others) == 1 else f", the median of {others}"
    few = f" ({pair.left_out:,} more had fewer than {MIN_CONNECTS} connects there)" if pair.left_out else ""
    return f"p50 {duration(pair.value_us)} against {duration(pair.median_us)}{of}{few}"


def _others(evidence: Evidence, pair: _Compared) -> str:
    """Return the hosts that one is compared with: the only one by its name."""
    if len(pair.others) > 1:
        return f"{len(pair.others)} other hosts"
    return evidence.snapshot.places.host(pair.others[0])


def _compare_hosts(evidence: Evidence) -> list[_Compared]:
    """Return every destination from each host, where another host connects to it too."""
    if not evidence.snapshot.places.hosts:
        return []
    ok = evidence.outcomes[:, Outcome.OK]
    keys = np.flatnonzero((ok > 0) & ~_means_another_machine(evidence.keys))
    dest = GROUPINGS["dest"].merge(evidence.keys[keys])[1]
    host = only_host(evidence.keys["netns"][keys]).astype(np.int64)
    codes, pair_of = np.unique(dest << 32 | host, return_inverse=True)
    connects = np.bincount(pair_of, ok[keys], len(codes)).astype(np.int64)
    busiest = np.argsort(-connects, kind="stable")[:MAX_COMPARED]
    chosen = np.sort(busiest[connects[busiest] >= MIN_CONNECTS])
    pair_of_key = np.full(len(evidence.keys), -1)
    pair_of_key[keys] = pair_of
    medians_us = evidence.group_quantiles_us(pair_of_key, chosen)[:, 0]
    known = medians_us < RETRANSMITTED_US  # waits for SYNs that were sent again are another finding
    chosen, medians_us = chosen[known], medians_us[known]
    dests = codes[chosen] >> 32
    compared = []
    n_hosts = np.bincount(codes >> 32)
    hosts = (codes & 0xFFFFFFFF)[chosen]
    for n, pair in enumerate(chosen.tolist()):
        same = (dests == dests[n]) & (np.arange(len(chosen)) != n)
        if same.any():
            others = tuple(hosts[same].tolist())
            compared.append(
                _Compared(
                    int(hosts[n]),
                    evidence.busiest(keys[pair_of == pair]),
                    float(medians_us[n]),
                    float(np.median(medians_us[same])),
                    others,
                    int(n_hosts[dests[n]]) - len(others) - 1,
                    int(connects[pair]),
                )
            )
    return compared


def _means_another_machine(keys: Keys) -> Mask:
    """Return where an address is one of each host alone: loopback and link-local ones."""
    octets, is_v4 = address_octets(keys), keys["family"] == 4
    v4 = (octets[:, 0] == 127) | ((octets[:, 0] == 169) & (octets[:, 1] == 254))
    loopback = (octets[:, :15] == 0).all(axis=1) & (octets[:, 15] == 1)
    v6 = loopback | ((octets[:, 0] == 0xFE) & (octets[:, 1] & 0xC0 == 0x80))
    mask: Mask = np.where(is_v4, v4, v6)
    return mask
