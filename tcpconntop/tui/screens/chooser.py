"""A list of the processes of a row, of which the user opens one.

╭─ 3 processes: pid, name, connects ─╮
│   1204  nginx              12.6k   │
╰────── enter opens · esc goes back ─╯
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tcpconntop.core.format import count
from tcpconntop.core.view.column import Column
from tcpconntop.tui.messages import ProcessSummary
from tcpconntop.tui.table.cells import fit_cell

COLUMNS: tuple[Column[Sequence[ProcessSummary]], ...] = (
    Column("pid", "pid", 7, lambda processes, row: str(processes[row].pid)),
    Column("comm", "name", 16, lambda processes, row: processes[row].comm, numeric=False),
    Column("attempts", "connects", 7, lambda processes, row: count(processes[row].attempts)),
)


class ProcessChooser(ModalScreen[ProcessSummary | None]):
    """Returns the chosen process, or None.

    Args:
        processes: the processes, the busiest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Back", show=False)]

    def __init__(self, processes: Sequence[ProcessSummary]) -> None:
        super().__init__()
        self._processes = processes

    def compose(self) -> ComposeResult:
        """List the processes."""
        options = OptionList(*(Option(Text(self._line(row))) for row in range(len(self._processes))))
        headers = ", ".join(column.header for column in COLUMNS)
        options.border_title = f"{len(self._processes)} processes: {headers}"
        options.border_subtitle = "enter opens · esc goes back"
        yield options

    def _line(self, row: int) -> str:
        return "  ".join(
            fit_cell(column, column.text(self._processes, row), column.width) for column in COLUMNS
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._processes[event.option_index])

    def action_leave(self) -> None:
        """Close the list without a choice."""
        self.dismiss(None)
