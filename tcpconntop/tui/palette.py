"""The command palette: all actions of the visible screen."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.app import App, SystemCommand
from textual.screen import Screen

from tcpconntop.tui.actions import ACTIONS, KeyBindings
from tcpconntop.tui.panes.explain import Explain


def palette_commands(app: App[str], screen: Screen[object], keys: KeyBindings) -> Iterable[SystemCommand]:
    """Return a command for each action that the screen or one of its widgets has."""
    explain = screen.query(Explain)
    owners = {
        "app": app,
        "screen": screen,
        "process": screen,
        "table": getattr(screen, "table", None),
        "findings": explain.first() if explain else None,
    }
    for action in ACTIONS:
        owner = owners[action.scope]
        name = action.name.partition("(")[0]
        if owner is not None and hasattr(owner, f"action_{name}"):
            key = f"  ({keys.label(action)})" if keys.label(action) else ""
            yield SystemCommand(f"{action.title}{key}", action.help, partial(owner.run_action, action.name))
    yield SystemCommand("Theme", "Choose other colours.", app.action_change_theme)
