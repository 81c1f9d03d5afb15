"""A small list: which of a row's processes to open.

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
from tcpconntop.tui.messages import ProcessSummary
from tcpconntop.tui.text.lines import fit


class ProcessChooser(ModalScreen[ProcessSummary | None]):
    """Gives the chosen process, or None.

    Args:
        processes: those to choose from, the busiest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Back", show=False)]

    def __init__(self, processes: Sequence[ProcessSummary]) -> None:
        super().__init__()
        self._processes = {str(process.pid): process for process in processes}

    def compose(self) -> ComposeResult:
        """List the processes."""
        lines = [
            Option(
                Text(f"{process.pid:>7}  {fit(process.comm, 16)}  {fit(count(process.attempts), 7, True)}"),
                id=pid,
            )
            for pid, process in self._processes.items()
        ]
        options = OptionList(*lines)
        options.border_title = f"{len(lines)} processes: pid, name, connects"
        options.border_subtitle = "enter opens · esc goes back"
        yield options

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._processes[event.option_id or ""])

    def action_leave(self) -> None:
        """Choose none."""
        self.dismiss(None)
