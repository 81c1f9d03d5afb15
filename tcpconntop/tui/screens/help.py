"""The help: keys, columns, filters, and what the source could not do. All of it comes from their registries.

╭─ Help ──────────────────────────────────────╮
│ Look                                        │
│     /      Show only the rows that match.   │
╰─ esc goes back ─────────────────────────────╯
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tcpconntop.core.columns import COLUMNS, TREND
from tcpconntop.core.snapshot import SourceInfo
from tcpconntop.core.units import printable
from tcpconntop.tui.actions import Keys, sections
from tcpconntop.tui.lines import Painted

FILTERS = (
    ("nginx", "text in the address, the port, the process name, the pid or the unit"),
    ("comm=curl", "a field (comm, pid, unit, dport, daddr) that equals; ~ instead of = contains"),
    ("dport=https", "a port by the name that /etc/services gives it"),
    ("dest:10.0.0.0/8", "a destination in a network"),
    ("p99>5ms fail>1%", "figures of the row, with > >= < <= =; terms in a row must all hold"),
    ("!dport=443", "the opposite of a term"),
)
Entry = tuple[str, str]


class Page(Painted):
    """The text of the help."""

    DEFAULT_CSS = "Page { height: auto; }"

    def __init__(self, info: SourceInfo | None, keys: Keys) -> None:
        super().__init__()
        self._info, self._keys = info, keys

    def render(self) -> Text:
        """Write every section."""
        page = Text()
        head, key = self.paint("strong") + self.paint("accent"), self.paint("strong")
        if self._info is not None and self._info.notes:
            page.append("⚠ What this source could not do\n", self.paint("warn") + self.paint("strong"))
            for note in self._info.notes:
                page.append(f"  {printable(note)}\n")
            page.append("\n")
        for title, entries in self._sections():
            _section(page, title, entries, head, key)
        return page

    def _sections(self) -> Iterable[tuple[str, list[Entry]]]:
        for title, actions in sections().items():
            yield title, [(self._keys.of(action), action.help) for action in actions]
        yield "Filters", list(FILTERS)
        columns = [*COLUMNS.values(), TREND]
        yield "Columns", [(column.header, column.help) for column in columns]
        yield (
            "Colours",
            [
                ("latency", "marked from 100 ms on, and marked strongly from 1 s on: a SYN was lost"),
                (
                    "▲",
                    "before P99 or FAIL%: three times as slow as it was in this window, or failing more",
                ),
                ("FAIL%", "marked when there are failures, and marked strongly from 5 % on"),
            ],
        )


def _section(page: Text, title: str, entries: Iterable[Entry], head: Style, key: Style) -> None:
    page.append(f"{title}\n", head)
    for name, text in entries:
        page.append(f"  {name:<16}", key).append(f"{text}\n")
    page.append("\n")


class Help(ModalScreen[None]):
    """The help screen.

    Args:
        info: the source, for its notes.
        keys: which keys mean what.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Back", show=False)
    ]

    def __init__(self, info: SourceInfo | None, keys: Keys) -> None:
        super().__init__()
        self._info, self._keys = info, keys

    def compose(self) -> ComposeResult:
        """Put the page into a scrolling frame."""
        frame = VerticalScroll(Page(self._info, self._keys))
        frame.border_title = "Help"
        frame.border_subtitle = "↑ ↓ scroll · esc goes back"
        yield frame

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)
