"""Applies the kernel side's filters to a recording, whose records were traced without them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tcpconntop.core.places import Names
from tcpconntop.core.types import Mask
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import N_OUTCOMES, Events
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.sources.base import Source
from tcpconntop.sources.player import Keep, Player
from tcpconntop.sources.wrapper import SourceWrapper

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import OverviewBuilder


def passes(events: Events, request: TraceRequest) -> Mask:
    """Return which records pass the filters of a request, shape (n,)."""
    mask: Mask = attempt_passes(events, request) & _is_slow(events, request)
    return mask


def attempt_passes(events: Events, request: TraceRequest) -> Mask:
    """Return which records are of attempts that a request traces, however long they took; shape (n,)."""
    mask: Mask = np.ones(len(events), np.bool_)
    for field, wanted in (("tgid", request.pids), ("uid", request.uids), ("dport", request.ports)):
        if wanted:
            mask &= np.isin(events[field], wanted)
    if request.family:
        mask &= events["family"] == request.family
    return mask


def _is_slow(events: Events, request: TraceRequest) -> Mask:
    mask: Mask = latency_ns(events) >= round(request.min_latency_ms * 1e6)
    return mask


class ReplayFilter(SourceWrapper):
    """A `Source` of those records of another source that pass the filters of a request.

    The ledger counts the records that passed. In flight is 0: a recording has no record of an attempt before
    its end. Lost records are all counted, because it is unknown which of them would have passed.
    """

    def __init__(self, source: Source, request: TraceRequest) -> None:
        super().__init__(source)
        self._request = request
        self.reset()

    def reset(self) -> None:
        """Set the totals to zero."""
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self._retransmits = self._below_minimum = 0

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready and pass."""
        events, request = self._source.read(timeout_s), self._request
        events = events[attempt_passes(events, request)]
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        self._retransmits += int(events["syn_retransmits"].sum())
        slow = _is_slow(events, request)
        self._below_minimum += int((~slow).sum())
        return events[slow]

    def passing(self, events: Events) -> Events:
        """Return the records that pass, without counting them."""
        return events[passes(events, self._request)]

    def ledger(self) -> Ledger:
        """Return the totals of what passed so far."""
        outcomes = tuple(self._outcomes.tolist())
        return replace(
            self._source.ledger(),
            attempts=sum(outcomes),
            outcomes=outcomes,
            syn_retransmits=self._retransmits,
            below_minimum=self._below_minimum,
            completeness=None,
            unseen=0,
            namespaces_compared=0,
        )

    @property
    def player(self) -> Player | None:
        """The playback controls of the source; a seek back also resets the totals of this filter."""
        player = self._source.player
        return _FilterPlayer(player, self) if player is not None else None


class _FilterPlayer:
    """A `Player` that controls a recording, and resets the filter's totals when the recording is rewound."""

    def __init__(self, player: Player, replay_filter: ReplayFilter) -> None:
        self._player, self._filter = player, replay_filter
        self.playback, self.set_speed, self.restarts = player.playback, player.set_speed, player.restarts

    @property
    def seek_done(self) -> bool:
        """True if no seek is running."""
        return self._player.seek_done

    @property
    def batch_span(self) -> tuple[int, int] | None:
        """First second and length of the slice that the records of the last read are to be counted in."""
        return self._player.batch_span

    def count_all(self, keep: Keep | None = None) -> Iterator[OverviewBuilder]:
        """Read the whole recording by itself; see `Player.count_all`."""

        def kept(events: Events, names: Names) -> Events:
            passing = self._filter.passing(events)
            return passing if keep is None else keep(passing, names)

        return self._player.count_all(kept)

    def seek(self, to_ns: int) -> None:
        """Start to seek."""
        if self.restarts(to_ns):
            self._filter.reset()
        self._player.seek(to_ns)


def apply_request_filters(source: Source, request: TraceRequest) -> Source:
    """Return a source of the records that pass the request's filters; the same source if it has none."""
    return ReplayFilter(source, request) if request.filters_attempts or request.min_latency_ms else source
