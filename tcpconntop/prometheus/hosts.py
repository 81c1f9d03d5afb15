"""The hosts of a Prometheus server: their names, counters and states."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tcpconntop.core.hosts import BEHIND, GONE, LIVE, MAX_HOSTS, HostState, distinct_names
from tcpconntop.core.places import Places
from tcpconntop.core.window.counted import CountedConnects
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.prometheus.answers import shown
from tcpconntop.prometheus.counters import HostCounters
from tcpconntop.prometheus.queries import Target
from tcpconntop.prometheus.samples import Samples
from tcpconntop.prometheus.slots import Slots

STEPS_AT_ONCE = 30
NOT_SCRAPED = "Prometheus does not scrape it now"
NOT_TRACING = "its exporter does not trace any more: the counters stand still"


@dataclass(frozen=True)
class HostPicture:
    """What is known of a host at one moment. Immutable.

    Attributes:
        name, scraped_s, read_until_s, is_present, failure: see `Host`.
        records: how many connects were counted in its series.
        ledger: its totals.
        is_tracing: False if its counters stand still.
        is_native: True if its histogram is a native one.
        edges_s: the edges of its buckets.
    """

    name: str
    scraped_s: float
    read_until_s: int
    is_present: bool
    failure: str
    records: int
    ledger: Ledger
    is_tracing: bool
    is_native: bool
    edges_s: frozenset[float]

    def state(self, now_s: float, late_s: float, failure: str) -> HostState:
        """Return its state now.

        Args:
            now_s: Unix time of the server.
            late_s: from how many seconds on its news are late.
            failure: why the server does not answer; empty if it does.
        """
        ledger, age_s = self.ledger, max(int(now_s - min(self.scraped_s, self.read_until_s)), 0)
        is_late = age_s >= late_s
        state, note = (BEHIND, failure or self.failure) if is_late else (LIVE, "")
        if not self.is_present and not failure:
            state, note = GONE, NOT_SCRAPED
        elif not note and not self.is_tracing:
            note = NOT_TRACING
        return HostState(
            self.name,
            state,
            self.records,
            ledger.attempts,
            ledger.lost,
            ledger.completeness,
            age_s if state == BEHIND else 0,
            None,
            note,
        )


@dataclass
class Host:
    """One host.

    Attributes:
        target: the labels that tell it from the others.
        name: the value of its label `instance`.
        counters: its counters.
        slots: where its series belong.
        scraped_s: when it was scraped last, as Unix time of the server.
        is_present: True if it was scraped lately.
        read_until_s: up to which moment its counters were read.
        failure: why they could not be read; empty if they were.
        steps_at_once: how many moments one query asks for: fewer where an answer would be too long.
    """

    target: Target
    name: str
    counters: HostCounters
    slots: Slots
    scraped_s: float
    read_until_s: int
    is_present: bool = True
    failure: str = ""
    steps_at_once: int = STEPS_AT_ONCE

    @property
    def has_news(self) -> bool:
        """True if it is scraped now, or was since its counters were read."""
        return self.is_present or self.scraped_s > self.read_until_s

    def take(self, samples: Samples, moments: Sequence[int], step_s: int) -> list[CountedConnects]:
        """Return what was counted up to each moment."""
        counted = self.counters.take(samples, moments[0] - step_s, step_s)
        self.read_until_s, self.failure = moments[-1], ""
        return counted

    def picture(self) -> HostPicture:
        """Return what is known of it."""
        counters = self.counters
        return HostPicture(
            self.name,
            self.scraped_s,
            self.read_until_s,
            self.is_present,
            self.failure,
            counters.records,
            counters.ledger(),
            counters.is_tracing,
            counters.is_native,
            counters.edges_s(),
        )


def common_edges_us(hosts: Sequence[HostPicture]) -> tuple[float, ...]:
    """Return the edges between which a percentile of several hosts may be anywhere, ascending.

    Those of classic buckets that all hosts have; those of native ones, which differ by what was seen in them,
    where there are no others.
    """
    classic = [host.edges_s for host in hosts if host.edges_s and not host.is_native]
    native = [host.edges_s for host in hosts if host.edges_s and host.is_native]
    edges_s = frozenset.intersection(*classic) if classic else frozenset().union(*native)
    return tuple(sorted(edge * 1e6 for edge in edges_s if math.isfinite(edge)))


class Hosts:
    """All hosts, in the order in which they were seen first.

    Attributes:
        left_out: how many there are beyond `MAX_HOSTS`.
    """

    def __init__(self) -> None:
        self._by_target: dict[Target, Host] = {}
        self.left_out = 0

    def __iter__(self) -> Iterator[Host]:
        return iter(self._by_target.values())

    def __len__(self) -> int:
        return len(self._by_target)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names by number, each one different."""
        return tuple(host.name for host in self._by_target.values())

    def update(self, scraped: Mapping[Target, float], began_s: int) -> None:
        """Take in when each host was scraped last; add those that are new, to be read from `began_s` on."""
        new = sorted(target for target in scraped if target not in self._by_target)
        room = MAX_HOSTS - len(self._by_target)
        self.left_out = len(new[room:])
        for target in new[:room]:
            name = shown(dict(target).get("instance", "")) or "-"
            names = distinct_names([*self.names, name])
            counters = HostCounters(len(self._by_target) + 1, began_s)
            self._by_target[target] = Host(
                target, names[-1], counters, Slots(target), scraped[target], began_s
            )
        for target, host in self._by_target.items():
            host.is_present = target in scraped
            host.scraped_s = max(host.scraped_s, scraped.get(target, 0.0))

    def places(self) -> Places:
        """Return the names of the hosts and of their interfaces."""
        interfaces: dict[tuple[int, int], str] = {}
        for host in self._by_target.values():
            interfaces |= host.counters.keys.interfaces
        return Places(interfaces, hosts=self.names)

    def units(self) -> dict[int, str | None]:
        """Return the names of the units."""
        units: dict[int, str | None] = {}
        for host in self._by_target.values():
            units |= host.counters.keys.units
        return units
