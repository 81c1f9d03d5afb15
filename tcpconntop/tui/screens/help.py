"""The help: what it says is in `help_text.py`; `/` looks for a word in it.

╭─ Help ──────────────────────────────────────╮
│ Find: what is down, failing or slow?        │
│     x      what is wrong, with the evidence │
╰─ / searches · esc goes back ────────────────╯
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from tcpconntop.core.format import printable
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.tui.actions import KeyBindings
from tcpconntop.tui.screens.help_text import Entry, help_sections
from tcpconntop.tui.text.lines import STYLE_CLASSES, Styled

INDENT, NAME_WIDTH = 2, 18
"""Cells of the indent, and of the indent, the name and a gap together. A longer name has a second line."""

NARROW = 48
"""Width below which a text follows its name instead of standing in a column beside it."""


class HelpText(Styled):
    """The text of the help.

    Attributes:
        search: words that every shown entry has; empty for all.
    """

    COMPONENT_CLASSES = STYLE_CLASSES
    DEFAULT_CSS = "HelpText { height: auto; }"

    def __init__(self, info: SourceInfo | None, keys: KeyBindings) -> None:
        super().__init__()
        self._sections = help_sections(info, keys)
        self.search = ""

    def find(self, text: str) -> None:
        """Show only what has these words."""
        if text != self.search:
            self.search = text
            self.refresh(layout=True)

    def render(self) -> Group:
        """Return the sections."""
        head, key = self.paint("strong") + self.paint("accent"), self.paint("strong")
        loud = self.paint("warn") + self.paint("strong")
        found = [section.matching(self.search.split()) for section in self._sections]
        parts: list[RenderableType] = [
            Section(
                section.title,
                section.entries,
                loud if section.is_limit else head,
                key,
                INDENT if section.indented else NAME_WIDTH,
            )
            for section in found
            if section.entries
        ]
        return Group(*parts) if parts else Group(Text(f"nothing here has {printable(self.search)}"))


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
        widths = (INDENT, self.name_width - INDENT - 1, 1) if self.name_width > INDENT else (INDENT,)
        for width in widths:
            lines.add_column(width=width)
        lines.add_column()
        for word, text in self.entries:
            if side_by_side:
                lines.add_row(*("", Text(word, self.key), "")[: len(widths)], Text(text))
            else:
                name = Text(f"{' ' * INDENT}{word}", self.key)
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
        Binding("escape,q,question_mark,f1", "leave", "Back", show=False),
        Binding("slash", "search", "Search", show=False),
    ]

    def __init__(self, info: SourceInfo | None, keys: KeyBindings) -> None:
        super().__init__()
        self._text = HelpText(info, keys)
        self._input = Input(placeholder="what to look for in the help", compact=True)

    def compose(self) -> ComposeResult:
        """Return the text in a scrolling frame, above the line of the search."""
        self._input.display = False
        with Vertical() as frame:
            frame.border_title = "Help"
            yield VerticalScroll(self._text)
            yield self._input
        self._frame = frame
        self._explain()

    def _explain(self) -> None:
        back = "esc shows all" if self._input.display else "esc goes back"
        self._frame.border_subtitle = f"↑ ↓ scroll · / searches · {back}"

    def action_search(self) -> None:
        """Ask what to look for."""
        self._input.display = True
        self._input.focus()
        self._explain()

    @on(Input.Changed)
    def _find(self, event: Input.Changed) -> None:
        self._text.find(event.value)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    @on(Input.Submitted)
    def _read(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_leave(self) -> None:
        """Show everything again, if something was looked for; else go back."""
        if not self._input.display:
            self.dismiss(None)
            return
        self._input.value = ""
        self._input.display = False
        self.query_one(VerticalScroll).focus()
        self._explain()
