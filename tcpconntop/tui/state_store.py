"""The newest state in one place: applies changes, makes the engine follow them and has them shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tcpconntop.tui.comparison import compared
from tcpconntop.tui.state import NOTHING_YET, Change, DashboardState
from tcpconntop.tui.time_travel import TimeTravel, time_travel


class Display(Protocol):
    """What shows states and notes: the app, or a fake in a test."""

    def show_state(self) -> None:
        """Show the newest state."""

    def show_note(self, note: str) -> None:
        """Show a note in place of the previous one."""

    def clear_notes(self) -> None:
        """Remove the note, if there is one."""


class StateStore:
    """Holds the newest state of the dashboard.

    Args:
        state: the first state.
        follow: called with each new state; makes the engine follow it.
        display: shows the state.
    """

    def __init__(
        self,
        state: DashboardState,
        follow: Callable[[DashboardState], None],
        display: Display,
    ) -> None:
        self.state = state
        self._follow, self._display = follow, display
        self._early: Callable[[TimeTravel], Change] | None = None  # waits for the first snapshot

    def set(self, state: DashboardState) -> None:
        """Replace the state; the same one again changes nothing."""
        state = compared(state)
        before, self.state = self.state, state
        if state is not before:
            self._follow(state)
            self._display.show_state()
        early = self._early
        if early is not None and state.latest is not None:
            self._early = None
            self.travel(early)

    def apply(self, change: Change) -> None:
        """Take the state of a change, and show its note."""
        if change.moved:
            self._display.clear_notes()  # they are about the moment that was shown before
        if change.note:
            self._display.show_note(change.note)
        self.set(change.state)

    def travel(self, move: Callable[[TimeTravel], Change]) -> None:
        """Move in time; before the first snapshot there is nothing to move in: in a recording, it will be."""
        travel = time_travel(self.state)
        if travel is None and self.state.info is not None and not self.state.info.live:
            self._early = move
            return
        self.apply(move(travel) if travel is not None else Change(self.state, NOTHING_YET))
