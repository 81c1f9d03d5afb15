"""The filter input below the table; the line below it has hints, or points at an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from tcpconntop.core.format import printable
from tcpconntop.core.view.filter import FilterError
from tcpconntop.core.view.filter_completion import completions
from tcpconntop.settings.ui_state import add_filter
from tcpconntop.sources.port_names import parse_filter_with_port_names
from tcpconntop.tui.messages import FilterCancelled, FilterSubmitted
from tcpconntop.tui.text.lines import fit

HINTS = (
    "tab completes, enter applies",
    "↑ earlier",
    "comm=curl",
    "p99>5ms",
    "dest:10.0.0.0/8",
    "!dport=https",
)
"""Hints, the most useful first; as many are shown as fit."""


class FilterBar(Vertical):
    """The filter input, hidden until it is opened. Posts `FilterSubmitted` or `FilterCancelled`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("up", "earlier(-1)", "Earlier filter", show=False),
        Binding("down", "earlier(1)", "Later filter", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]
    values: Callable[[str], Sequence[str]] = staticmethod(lambda _: ())
    """Returns the values of a field, for completion."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[str] = []
        self._history_index = 0
        self._offers: list[str] = []
        self._completed = ""
        self._tail = ""
        self._within = ""

    def compose(self) -> ComposeResult:
        """Put the input above its hint."""
        yield Input(placeholder="filter", compact=True, select_on_focus=False)
        yield Static(markup=False)

    def open(self, text: str, within: str = "") -> None:
        """Show the input with the current filter, selected: what is typed replaces it, → goes on in it.

        Args:
            text: the current filter.
            within: the filters that stay on beside it.
        """
        self.display = True
        field = self.query_one(Input)
        self._within = within
        field.placeholder = f"filter within {within}" if within else "filter"
        field.value = text
        field.selection = Selection(0, len(text))
        field.focus()
        self._history_index = len(self.history)

    def close(self) -> None:
        """Hide the input."""
        self.display = False

    def remember(self, text: str) -> None:
        """Add a filter to the history."""
        self.history[:] = add_filter(tuple(self.history), text)

    def action_earlier(self, by: int) -> None:
        """Show an earlier filter of the history (-1) or a later one (1)."""
        self._history_index = min(max(self._history_index + by, 0), len(self.history))
        field = self.query_one(Input)
        field.value = self.history[self._history_index] if self._history_index < len(self.history) else ""
        field.cursor_position = len(field.value)

    def action_leave(self) -> None:
        """Close without a change."""
        self.post_message(FilterCancelled())

    def action_complete(self) -> None:
        """Complete the word before the cursor; pressed again, take the next completion."""
        field = self.query_one(Input)
        # After the only completion of a word, go on with the next word.
        if field.value != self._completed or len(self._offers) == 1:
            head, self._tail = field.value[: field.cursor_position], field.value[field.cursor_position :]
            self._offers = completions(head, self.values)
        if self._offers:
            offer = self._offers.pop(0)
            self._offers.append(offer)
            self._completed = field.value = offer + self._tail
            field.cursor_position = len(offer)

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        event.stop()
        self._explain(self._error(event.value))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._error(event.value):
            self.remember(event.value)
            self.post_message(FilterSubmitted(event.value))

    def _error(self, text: str) -> FilterError | None:
        try:
            parse_filter_with_port_names(text)
        except FilterError as error:
            return error
        return None

    def on_resize(self) -> None:
        """Fit the hint or the error to the new width."""
        self._explain(self._error(self.query_one(Input).value))

    def _explain(self, error: FilterError | None) -> None:
        line, field = self.query_one(Static), self.query_one(Input)
        width = line.size.width or self.app.size.width - 2
        if error is None:
            line.update(hint(width, self._within))
        else:
            before = cell_len(field.value[: error.start]) - field.scroll_offset.x
            line.update(text_with_pointer(printable(str(error)), before, width))
        line.set_class(error is not None, "-error")


def hint(width: int, within: str = "") -> str:
    """Return as many of `HINTS` as fit into `width` cells, after the filters that stay on."""
    if within:
        narrows = f"narrows {within}"
        first, *others = (fit(narrows, min(cell_len(narrows), max(width // 2, 20))), *HINTS)
    else:
        first, *others = HINTS
    text = fit(first, min(width, cell_len(first)))
    for example in others:
        if cell_len(text) + 3 + cell_len(example) <= width:
            text += f" · {example}"
    return text


def text_with_pointer(message: str, column: int, width: int) -> str:
    """Return a line of `width` cells with `▲` in a column, and the message at its right or left."""
    column = min(max(column, 0), max(width - 1, 0))
    if column + 2 + cell_len(message) <= width:
        return f"{' ' * column}▲ {message}"
    if cell_len(message) + 1 <= column:
        return f"{' ' * (column - cell_len(message) - 1)}{message} ▲"
    return fit(f"{' ' * column}▲ {message}" if column < width // 2 else f"▲ {message}", width)
