"""The part of the dashboard that goes to moments: those that are clicked, and spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on

from tcpconntop.core.view.filter import Filter
from tcpconntop.tui.comparing_app import ComparingApp
from tcpconntop.tui.messages import CountRequested, MomentRequested, OverviewReady
from tcpconntop.tui.spike_travel import Wish, shown_ns, to_spike, waiting
from tcpconntop.tui.state import Change

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.tui.worker import EngineThread


class MomentsApp(ComparingApp):
    """Base class of the dashboard, which sets `_engine`."""

    _engine: EngineThread
    _wish: Wish | None = None

    def report_overview(self, overview: Overview, where: str = "") -> None:
        """Take what is known of a whole recording under a filter, from the thread that reads it."""
        self.post_message(OverviewReady(overview, where))

    @property
    def _where(self) -> Filter:
        """Which connects the strip and the spikes are of: those of the visible table."""
        return self._table_screen.effective_spec().where

    def action_spike(self, by: int) -> None:
        """Stop at the next spike (1) or at the one before (-1); the strip tells of it where it has room."""
        state, where = self._store.state, self._where
        answer = to_spike(state, by, where)
        if isinstance(answer, Wish):
            self._wish = answer
            self._ask_for_count(where)
            self._store.apply(Change(state, waiting(state, where)))
            return
        self._wish = None
        is_told = answer.moved and self._table_screen.strip.has_axis
        self._store.apply(replace(answer, note="") if is_told else answer)

    @on(CountRequested)
    def _count(self, message: CountRequested) -> None:
        self._ask_for_count(message.where)

    def _ask_for_count(self, where: Filter) -> None:
        self._engine.count(where.of_keys)

    @on(OverviewReady)
    def _overview_ready(self, message: OverviewReady) -> None:
        self._store.set(self._store.state.with_count(message.overview, message.where))
        wish, state = self._wish, self._store.state
        if wish is None or state.latest is None:
            return
        if wish.from_ns is not None and state.stands_still and wish.from_ns != shown_ns(state):
            self._wish = None  # the user went elsewhere meanwhile
        elif not isinstance(to_spike(state, wish.by, self._where), Wish):
            self.action_spike(wish.by)

    @on(MomentRequested)
    def _look_at(self, message: MomentRequested) -> None:
        self._store.travel(lambda travel: travel.look_at(message.moment_ns))
