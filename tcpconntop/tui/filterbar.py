"""The filter input at the foot of the screen, with what is wrong about it below it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tcpconntop.core.filter import FilterError, parse_filter
from tcpconntop.remember import with_filter
from tcpconntop.tui.messages import FilterLeft, FilterWanted

HINT = "text   comm=curl   dest:10.0.0.0/8   p99>5ms   fail>1%   !dport=443   ↑ earlier ones   esc leaves"


class FilterBar(Vertical):
    """An input that is hidden until it is asked for. Messages: `FilterWanted`, `FilterLeft`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("up", "earlier(-1)", "Earlier filter", show=False),
        Binding("down", "earlier(1)", "Later filter", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.history: list[str] = []
        self._at = 0

    def compose(self) -> ComposeResult:
        """Put the input above its hint."""
        yield Input(placeholder="filter", compact=True, select_on_focus=False)
        yield Static(HINT, markup=False)

    def ask(self, text: str) -> None:
        """Show the input, with the filter that is in force."""
        self.display = True
        field = self.query_one(Input)
        field.value = text
        field.cursor_position = len(text)
        field.focus()
        self._at = len(self.history)

    def close(self) -> None:
        """Hide the input."""
        self.display = False

    def action_earlier(self, by: int) -> None:
        """Bring back a filter that was used before (-1), or one after it (1)."""
        self._at = min(max(self._at + by, 0), len(self.history))
        field = self.query_one(Input)
        field.value = self.history[self._at] if self._at < len(self.history) else ""
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """Leave the filter as it was."""
        self.post_message(FilterLeft())

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        event.stop()
        self._explain(self._error(event.value))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._error(event.value):
            self.history[:] = with_filter(tuple(self.history), event.value)
            self.post_message(FilterWanted(event.value))

    def _error(self, text: str) -> str:
        try:
            parse_filter(text)
        except FilterError as error:
            return str(error)
        return ""

    def _explain(self, error: str) -> None:
        line = self.query_one(Static)
        line.update(f"✗ {error}" if error else HINT)
        line.set_class(bool(error), "-error")
