"""What the user has chosen in the dashboard, to be saved for the next start."""

from __future__ import annotations

from dataclasses import replace

from tcpconntop.core.view.ordering import without_changes
from tcpconntop.settings.ui_state import UiState
from tcpconntop.tui.screens.main import MainScreen
from tcpconntop.tui.state import DashboardState


def current_choices(saved: UiState, state: DashboardState, main: MainScreen, theme: str | None) -> UiState:
    """Return the user's choices.

    Args:
        saved: the choices of the last time.
        state: has the window, the interval and whether names are shown.
        main: has the panes, the filters and what the table shows.
        theme: the chosen theme; None if the user did not change it, so that the saved one stays.
    """
    spec = without_changes(main.spec)  # the next start compares with nothing
    return replace(
        saved,
        panes=main.panes_enabled,
        pane=main.panes.active,
        filters=tuple(main.filter_bar.history),
        theme=saved.theme if theme is None else theme,
        group=spec.group_by,
        sort=f"{spec.sort}:{'desc' if spec.descending else 'asc'}",
        window=state.window,
        delay=state.interval_s,
        columns=spec.columns,
        dns=state.namer is not None,
    )
