"""The dialog that asks for a time to go to.

╭─ Go to ──────────────────────────────────────────────────────╮
│ 10:03                                                        │
│ 10:03  10:03:12  2026-11-22 10:03  +90s  -5m  50%            │
╰─ from 10:00:00 to 10:05:00 UTC · enter goes · esc goes back ─────╯
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tcpconntop.core.clock import clock, clock_with_zone
from tcpconntop.core.time_expr import TIME_EXAMPLES, TimeRange, parse_time


class GotoScreen(ModalScreen[float | None]):
    """Returns a Unix time, or None if the user cancels.

    Args:
        span: the first, the shown and the last moment.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", show=False)]

    def __init__(self, span: TimeRange) -> None:
        super().__init__()
        self._span = span

    def compose(self) -> ComposeResult:
        """Return the frame with the input and its hint."""
        first, last = clock(self._span.began_s), clock_with_zone(self._span.end_s)
        with Vertical() as frame:
            frame.border_title = "Go to"
            frame.border_subtitle = f"from {first} to {last} · enter goes · esc goes back"
            yield Input(placeholder=clock(self._span.now_s), compact=True)
            yield Static(TIME_EXAMPLES, markup=False)

    @on(Input.Changed)
    def _hint(self) -> None:
        self._explain("")

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self.dismiss(None)
            return
        try:
            self.dismiss(parse_time(event.value, self._span))
        except ValueError as error:
            self._explain(str(error))

    def _explain(self, error: str) -> None:
        line = self.query_one(Static)
        line.update(error or TIME_EXAMPLES)
        line.set_class(bool(error), "-error")

    def action_leave(self) -> None:
        """Cancel."""
        self.dismiss(None)
