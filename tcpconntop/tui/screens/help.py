"""The help: keys, filters, columns, and what the source could not do; made from the registries of each.

╭─ Help ──────────────────────────────────────╮
│ Look                                        │
│     /      Show only the rows that match.   │
╰─ esc goes back ─────────────────────────────╯
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tcpconntop.core.format import printable
from tcpconntop.core.hosts import host_text
from tcpconntop.core.view.columns import COLUMNS, TREND
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.tui.actions import KeyBindings, actions_by_section
from tcpconntop.tui.text.lines import STYLE_CLASSES, Styled

FILTERS = (
    ("nginx", "text in the address, the port, the process name, the pid or the unit"),
    ("comm=curl", "a field (comm, pid, unit, host, dport, daddr) equals a value; with ~, contains it"),
    ("dport=https", "a port by its name in /etc/services"),
    ("dest:10.0.0.0/8", "a destination in a network"),
    ("p99>5ms fail>1%", "metrics of the row, with > >= < <= =; a row must match all terms"),
    ("!dport=443", "rows that do not match the term"),
)
COLOURS = (
    ("latency", "highlighted from 100 ms, and strongly from 1 s: a SYN was lost"),
    ("▲", "before P99 or FAIL%: three times slower, or failing more often, than earlier in the window"),
    ("FAIL%", "highlighted when there are failures, and strongly from 5 %"),
)
Entry = tuple[str, str]

INDENT, NAME_WIDTH = 2, 18
"""Cells of the indent, and of the indent and the name together."""

NARROW = 48
"""Width below which a text follows its name instead of standing in a column beside it."""


class HelpText(Styled):
    """The text of the help."""

    COMPONENT_CLASSES = STYLE_CLASSES
    DEFAULT_CSS = "HelpText { height: auto; }"

    def __init__(self, info: SourceInfo | None, keys: KeyBindings) -> None:
        super().__init__()
        self._info, self._keys = info, keys

    def render(self) -> Group:
        """Return all sections."""
        head, key = self.paint("strong") + self.paint("accent"), self.paint("strong")
        parts: list[RenderableType] = []
        if self._info is not None and self._info.notes:
            loud = self.paint("warn") + self.paint("strong")
            notes = [("", printable(note)) for note in self._info.notes]
            parts.append(Section("⚠ What this source could not do", notes, loud, key, INDENT))
        if self._info is not None and self._info.hosts:
            hosts: list[Entry] = [("", host_text(host)) for host in self._info.hosts]
            parts.append(Section("Hosts", hosts, head, key, INDENT))
        for title, entries in self._sections():
            parts.append(Section(title, entries, head, key))
        return Group(*parts)

    def _sections(self) -> Iterable[tuple[str, list[Entry]]]:
        for title, actions in actions_by_section().items():
            yield title, [(self._keys.label(action), action.help) for action in actions]
        yield "Filters", list(FILTERS)
        columns = [*COLUMNS.values(), TREND]
        yield "Columns", [(column.header, column.help) for column in columns]
        yield "Colours", list(COLOURS)


@dataclass(frozen=True)
class Section:
    """A title, and below it names with texts beside them, wrapped in their own column."""

    title: str
    entries: Iterable[Entry]
    head: Style
    key: Style
    name_width: int = NAME_WIDTH

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines for the console's width."""
        yield Text(self.title, self.head)
        side_by_side = options.max_width >= NARROW
        lines = Table.grid()
        lines.add_column(width=self.name_width, no_wrap=True)
        lines.add_column()
        for word, text in self.entries:
            name = Text(f"{' ' * INDENT}{word}", self.key)
            if side_by_side:
                lines.add_row(name, Text(text))
            else:
                yield name.append("  " if word else "").append(Text(text))
        if side_by_side:
            yield lines
        yield Text()


class HelpScreen(ModalScreen[None]):
    """The help screen.

    Args:
        info: the source, for its notes.
        keys: the keys of the actions.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "leave", "Back", show=False)
    ]

    def __init__(self, info: SourceInfo | None, keys: KeyBindings) -> None:
        super().__init__()
        self._info, self._keys = info, keys

    def compose(self) -> ComposeResult:
        """Return the text in a scrolling frame."""
        frame = VerticalScroll(HelpText(self._info, self._keys))
        frame.border_title = "Help"
        frame.border_subtitle = "↑ ↓ scroll · esc goes back"
        yield frame

    def action_leave(self) -> None:
        """Go back."""
        self.dismiss(None)
