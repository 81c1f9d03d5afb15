"""Applies the kernel side's filters to a recording, whose records were traced without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tcpconntop.core.types import Mask
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import N_OUTCOMES, Events
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.sources.base import Source
from tcpconntop.sources.player import Player
from tcpconntop.sources.wrapper import SourceWrapper

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import OverviewBuilder


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
        events = self._of_scope(self._source.read(timeout_s))
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        self._retransmits += int(events["syn_retransmits"].sum())
        slow = self._are_slow(events)
        self._below_minimum += int((~slow).sum())
        return events[slow]

    def passing(self, events: Events) -> Events:
        """Return the records that pass, without counting them."""
        events = self._of_scope(events)
        return events[self._are_slow(events)]

    def _of_scope(self, events: Events) -> Events:
        request = self._request
        for field, wanted in (("tgid", request.pids), ("uid", request.uids), ("dport", request.ports)):
            if wanted:
                events = events[np.isin(events[field], wanted)]
        return events[events["family"] == request.family] if request.family else events

    def _are_slow(self, events: Events) -> Mask:
        return latency_ns(events) >= round(self._request.min_latency_ms * 1e6)

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

    def count_all(
        self, keep: Callable[[Events], Events] = lambda events: events
    ) -> Iterator[OverviewBuilder]:
        """Read the whole recording by itself; see `Player.count_all`."""
        passing = self._filter.passing
        return self._player.count_all(lambda events: keep(passing(events)))

    def seek(self, to_ns: int) -> None:
        """Start to seek."""
        if self.restarts(to_ns):
            self._filter.reset()
        self._player.seek(to_ns)


def apply_request_filters(source: Source, request: TraceRequest) -> Source:
    """Return a source of the records that pass the request's filters; the same source if it has none."""
    return ReplayFilter(source, request) if request.filters_attempts or request.min_latency_ms else source
