"""The list of columns, in which the user chooses those of the table and their order.

╭─ Columns ────────────────────────────────────────────────────╮
│ ✓ DESTINATION  address that was connected to                 │
│ ✓ P99          99 in 100 took at most this long              │
│   MEAN         mean latency                                  │
╰─ space shows or hides · < > move · 0 as usual · enter takes ─╯
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tcpconntop.core.view.column_choice import CHOOSABLE, DEFAULT_COLUMNS
from tcpconntop.core.view.columns import TREND, columns_of
from tcpconntop.core.view.spec import ColumnChoice

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


class ColumnPicker(ModalScreen[ColumnChoice | None]):
    """Returns the chosen columns, empty for the default ones, or None.

    Args:
        choice: the columns that are shown now.
        view: the view, which has some of the columns; None before the first snapshot.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "leave", "Back", show=False),
        Binding("space", "show_or_hide", "Show or hide", show=False),
        Binding("shift+up,less_than_sign", "move(-1)", "Up", show=False),
        Binding("shift+down,greater_than_sign", "move(1)", "Down", show=False),
        Binding("0", "usual", "As usual", show=False),
        Binding("question_mark,f1", "app.help", "Help", show=False),
    ]

    def __init__(self, choice: ColumnChoice, view: View | None) -> None:
        super().__init__()
        self._available = (
            {*CHOOSABLE} if view is None else {*(column.key for column in columns_of(view)), TREND.key}
        )
        self._reset(choice or DEFAULT_COLUMNS)

    def _reset(self, choice: ColumnChoice) -> None:
        self._shown = set(choice)
        self._keys = [*choice, *(key for key in CHOOSABLE if key not in choice)]

    def compose(self) -> ComposeResult:
        """List the columns."""
        options = OptionList(*self._lines())
        options.border_title = "Columns"
        options.border_subtitle = "space shows or hides · < > move · 0 as usual · enter takes"
        yield options

    def on_mount(self) -> None:
        """Highlight the first column."""
        self._list.highlighted = 0

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    @property
    def choice(self) -> ColumnChoice:
        """The chosen columns."""
        chosen = tuple(key for key in self._keys if key in self._shown)
        return () if chosen == DEFAULT_COLUMNS else chosen

    def _lines(self) -> list[Option]:
        return [Option(self._line(key), id=key) for key in self._keys]

    def _line(self, key: str) -> Text:
        column = CHOOSABLE[key]
        missing = "while rows are compared" if column.needs_baseline else "not by this grouping"
        help_text = column.help if key in self._available else f"{missing}: {column.help}"
        mark = "✓" if key in self._shown else " "
        line = Text(f"{mark} {column.header:<12} {help_text}")
        if key in self._available:
            line.stylize("bold", 0, 14)
        return line

    def _refresh_list(self, highlighted: int) -> None:
        """List the columns again and highlight one."""
        options = self._list
        options.set_options(self._lines())
        options.highlighted = highlighted

    def action_show_or_hide(self) -> None:
        """Show the highlighted column, or hide it."""
        index = self._list.highlighted or 0
        self._shown ^= {self._keys[index]}
        self._refresh_list(index)

    def action_move(self, by: int) -> None:
        """Move the highlighted column up (-1) or down (1)."""
        index = self._list.highlighted or 0
        new_index = index + by
        if 0 <= new_index < len(self._keys):
            self._keys.insert(new_index, self._keys.pop(index))
            self._refresh_list(new_index)

    def action_usual(self) -> None:
        """Go back to the default columns."""
        self._reset(DEFAULT_COLUMNS)
        self._refresh_list(0)

    @on(OptionList.OptionSelected)
    def _take(self) -> None:
        if self._shown:
            self.dismiss(self.choice)
        else:
            self.notify("a table needs a column: space shows one")

    def action_leave(self) -> None:
        """Close the list without a choice."""
        self.dismiss(None)
