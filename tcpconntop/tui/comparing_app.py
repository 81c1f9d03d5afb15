"""The part of the dashboard that says what its rows are of, and compared with: the keys `S`, `m` and `M`."""

from __future__ import annotations

from tcpconntop.core.view.ordering import sorted_by
from tcpconntop.tui.actions import action_named
from tcpconntop.tui.comparison import next_comparison
from tcpconntop.tui.screens.main import MainScreen
from tcpconntop.tui.screens.table_screen import TableScreen
from tcpconntop.tui.state_store import StateStore
from tcpconntop.tui.terminal_app import TerminalApp


class ComparingApp(TerminalApp):
    """Base class for an app with rows, which can be compared."""

    _store: StateStore
    _main: MainScreen

    @property
    def _table_screen(self) -> TableScreen:
        """The topmost screen with a table, perhaps below a dialog."""
        screens = (screen for screen in reversed(self.screen_stack) if isinstance(screen, TableScreen))
        return next(screens, self._main)

    def action_scope(self) -> None:
        """Leave the filter of the command line, or go back to it."""
        state = self._store.state
        self._store.apply(state.toggle_scope(state.keys.label(action_named("scope"))))

    def action_mark(self) -> None:
        """Compare all rows with the shown moment, or stop comparing."""
        self._store.apply(self._store.state.toggle_baseline())

    def action_compare(self) -> None:
        """Compare all rows with 1, 5 or 15 minutes before, what got worse first, or stop comparing."""
        was_off = self._store.state.compare_s is None
        self._store.apply(next_comparison(self._store.state))
        if was_off and self._store.state.compare_s is not None:
            screen = self._table_screen
            screen.set_spec(sorted_by(screen.spec, "change"))
