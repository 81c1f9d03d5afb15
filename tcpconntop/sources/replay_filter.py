"""The filters of the kernel side, for records that were traced without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.stats import latency_ns
from tcpconntop.core.wire import N_OUTCOMES, Events
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.sources.base import Source
from tcpconntop.sources.player import Player
from tcpconntop.sources.wrapper import SourceWrapper


class ReplayFilter(SourceWrapper):
    """A `Source` of those records of another one that a request lets pass.

    Its ledger is of what passed: how many of those are in flight nobody knows, and none is assumed. What
    was lost is told as it is, since nobody knows whether it would have passed.
    """

    def __init__(self, source: Source, request: TraceRequest) -> None:
        super().__init__(source)
        self._request = request
        self.reset()

    def reset(self) -> None:
        """Forget what was counted."""
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self._retransmits = self._below_minimum = 0

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

    @property
    def player(self) -> Player | None:
        """What steers the source; what was counted here goes back with it."""
        player = self._source.player
        return _Steered(player, self) if player is not None else None


class _Steered:
    """Steers what is selected from, and the selection with it."""

    def __init__(self, player: Player, selection: ReplayFilter) -> None:
        self._player, self._selection = player, selection
        self.playback, self.set_pace = player.playback, player.set_pace

    @property
    def seek_done(self) -> bool:
        """Whether the last seek is done."""
        return self._player.seek_done

    def seek(self, to_ns: int) -> None:
        """Go to a moment."""
        if to_ns < self._selection.now_ns():
            self._selection.reset()
        self._player.seek(to_ns)


def apply_request_filters(source: Source, request: TraceRequest) -> Source:
    """Give the source itself where the request lets everything pass."""
    return ReplayFilter(source, request) if request.filters_attempts or request.min_latency_ms else source
