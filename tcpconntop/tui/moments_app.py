"""The part of the dashboard that goes to moments: those that are clicked, and spikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from tcpconntop.tui.messages import MomentRequested, OverviewReady
from tcpconntop.tui.spike_travel import Wish, shown_ns, to_spike, waiting
from tcpconntop.tui.state import Change
from tcpconntop.tui.state_store import StateStore
from tcpconntop.tui.terminal_app import TerminalApp

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import Overview


class MomentsApp(TerminalApp):
    """Base class of the dashboard, which sets `_store`."""

    _store: StateStore
    _wish: Wish | None = None

    def report_overview(self, overview: Overview) -> None:
        """Take what is known of a whole recording, from the thread that reads it."""
        self.post_message(OverviewReady(overview))

    def action_spike(self, by: int) -> None:
        """Stop at the next spike (1) or at the one before (-1)."""
        answer = to_spike(self._store.state, by)
        if isinstance(answer, Wish):
            self._wish = answer
            self._store.apply(Change(self._store.state, waiting(self._store.state)))
        else:
            self._wish = None
            self._store.apply(answer)

    @on(OverviewReady)
    def _overview_ready(self, message: OverviewReady) -> None:
        self._store.set(self._store.state.with_count_all(message.overview))
        wish, state = self._wish, self._store.state
        if wish is None or state.latest is None:
            return
        if wish.from_ns is not None and state.stands_still and wish.from_ns != shown_ns(state):
            self._wish = None  # the user went elsewhere meanwhile
        elif not isinstance(to_spike(state, wish.by), Wish):
            self.action_spike(wish.by)

    @on(MomentRequested)
    def _look_at(self, message: MomentRequested) -> None:
        self._store.travel(lambda travel: travel.look_at(message.moment_ns))
