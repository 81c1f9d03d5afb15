"""The filters of the kernel side, for records that were traced without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tcpconntop.core.host import HostFacts
from tcpconntop.core.ledger import Ledger
from tcpconntop.core.snapshot import SourceInfo
from tcpconntop.core.stats import latency_ns
from tcpconntop.core.wire import N_OUTCOMES, Events
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.sources.base import Source


class Selection:
    """A `Source` of those records of another one that a request lets pass.

    Its ledger is of what passed: how many of those are in flight nobody knows, and none is assumed. What
    was lost is told as it is, since nobody knows whether it would have passed.
    """

    def __init__(self, source: Source, request: TraceRequest) -> None:
        self._source, self._request = source, request
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self._retransmits = self._below_minimum = 0

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        return self._source.info

    @property
    def ended(self) -> bool:
        """Whether no record will come any more."""
        return self._source.ended

    def read(self, timeout_s: float) -> Events:
        """Give the records that pass."""
        events, request = self._source.read(timeout_s), self._request
        for field, wanted in (("tgid", request.pids), ("uid", request.uids), ("dport", request.ports)):
            if wanted:
                events = events[np.isin(events[field], wanted)]
        if request.family:
            events = events[events["family"] == request.family]
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        self._retransmits += int(events["syn_retransmits"].sum())
        slow = latency_ns(events) >= round(request.min_latency_ms * 1e6)
        self._below_minimum += int((~slow).sum())
        return events[slow]

    def ledger(self) -> Ledger:
        """Give the totals of what passed so far."""
        outcomes = tuple(self._outcomes.tolist())
        whole = self._source.ledger()
        return replace(
            whole,
            attempts=sum(outcomes),
            outcomes=outcomes,
            syn_retransmits=self._retransmits,
            below_minimum=self._below_minimum,
            completeness=None,
        )

    def units(self) -> Mapping[int, str | None]:
        """Give the names of the control groups of the records so far, by `cgroup_id`."""
        return self._source.units()

    def host(self) -> HostFacts | None:
        """Give what is known of the host beside its connects."""
        return self._source.host()

    def now_ns(self) -> int:
        """Give the time on the clock of the records."""
        return self._source.now_ns()

    def wall_offset_ns(self) -> int:
        """Give what to add to the clock of the records for Unix time."""
        return self._source.wall_offset_ns()

    def close(self) -> None:
        """Stop."""
        self._source.close()


def selected(source: Source, request: TraceRequest) -> Source:
    """Give the source itself where the request lets everything pass."""
    return Selection(source, request) if request.filters_attempts or request.min_latency_ms else source
