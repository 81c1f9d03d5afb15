"""A list of the processes of a row, of which the user opens one.

╭─ 3 processes ───────────────────────────────────────────╮
│     PID  NAME              CONNECTS     P99  FAIL%   RTX  │
│    1204  nginx                12.6k  14.2ms      0     0  │
╰─────────────────────────── enter opens · esc goes back ─╯
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

from tcpconntop.core.format import count, duration, percent
from tcpconntop.core.view.column import Column
from tcpconntop.tui.messages import ProcessSummary
from tcpconntop.tui.table.cells import fit_cell
from tcpconntop.tui.text.lines import fit

COLUMNS: tuple[Column[Sequence[ProcessSummary]], ...] = (
    Column("pid", "PID", 7, lambda processes, row: str(processes[row].pid)),
    Column("comm", "NAME", 16, lambda processes, row: processes[row].comm, numeric=False),
    Column("attempts", "CONNECTS", 8, lambda processes, row: count(processes[row].attempts)),
    Column("p99", "P99", 6, lambda processes, row: duration(processes[row].p99_us)),
    Column("fail", "FAIL%", 5, lambda processes, row: percent(processes[row].fail)),
    Column("rtx", "RTX", 5, lambda processes, row: count(processes[row].retransmits)),
)


class ProcessChooser(ModalScreen[ProcessSummary | None]):
    """Returns the chosen process, or None.

    Args:
        processes: the processes, the busiest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", show=False),
        Binding("question_mark,f1", "app.help", "Help", show=False),
    ]

    def __init__(self, processes: Sequence[ProcessSummary]) -> None:
        super().__init__()
        self._processes = processes

    def compose(self) -> ComposeResult:
        """List the processes."""
        header = "  ".join(fit(column.header, column.width, column.numeric) for column in COLUMNS)
        options = OptionList(
            Option(Text(header, "bold"), disabled=True),
            *(Option(Text(self._line(row))) for row in range(len(self._processes))),
        )
        options.highlighted = 1
        options.border_title = f"{len(self._processes)} processes"
        options.border_subtitle = "enter opens · esc goes back"
        yield options

    def _line(self, row: int) -> str:
        return "  ".join(
            fit_cell(column, column.text(self._processes, row), column.width) for column in COLUMNS
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._processes[event.option_index - 1])

    def action_leave(self) -> None:
        """Close the list without a choice."""
        self.dismiss(None)
