"""A line with the names of panes, above them.

──[ Histogram ]── Timeline ──────────────────────────────────────── everything · 12.3k connects ──
── Hist ─[ Timeline ]─ Heat ── a narrow terminal: names cut short
── 1 ─[ Timeline ]─ 3 ── a very narrow one: keys instead of names
── Explain ──────────────[ Timeline ]───────────── Histogram ──── everything · 12.3k connects ──
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text
from textual import events

from tcpconntop.tui.messages import TabRequested
from tcpconntop.tui.text.lines import Line, fit_address

ABOUT_ROOM = 16
"""Cells that the name of the selection gets before the names of the panes are whole."""

SHORT = 4
"""Letters of a name that is cut short."""


class Tab(NamedTuple):
    """The name of a pane in the line.

    Attributes:
        name: the name.
        key: the key that shows the pane.
        x: where it must stand at the earliest; 0 if right after the one before.
        is_marked: True for the pane whose tab was chosen; where several stand side by side, for all of them.
        is_shown: True if the pane is visible.
    """

    name: str
    key: int
    x: int = 0
    is_marked: bool = False
    is_shown: bool = False


class PaneTabs(Line):
    """The line with the names of the panes and of the selection."""

    def __init__(self) -> None:
        super().__init__()
        self._tabs: Sequence[Tab] = ()
        self._about = self._count = ""
        self._spans: list[tuple[int, int, str]] = []

    def show(self, tabs: Sequence[Tab], about: str = "", attempts: str = "") -> None:
        """Show the names of panes, and name the selection and its attempts."""
        state = (tabs, about, attempts)
        if state != (self._tabs, self._about, self._count):
            self._tabs, self._about, self._count = state
            self.redraw()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        rule = self.paint("dim")
        line = Text(no_wrap=True).append("──", rule)
        self._spans = []
        names = self._names(width)
        for tab, shown_name in zip(self._tabs, names, strict=True):
            if tab.x:
                line.append("─" * (tab.x + 2 - line.cell_len), rule)
            start = line.cell_len
            if tab.is_marked:
                name = (tab.name, self.paint("strong") + self.paint("accent"))
                line.append_text(Text.assemble(("[ ", rule), name, (" ]", rule)))
            else:
                shown = self.paint("strong") if tab.is_shown else rule
                line.append(f" {shown_name} ", shown)
            self._spans.append((start, line.cell_len, tab.name))
            line.append("─", rule)
        about = self._about_in(width - line.cell_len - 2)
        line.append("─" * max(0, width - line.cell_len - cell_len(about) - 2), rule)
        line.append(about, rule).append("──", rule)
        line.truncate(width)
        return line

    def _names(self, width: int) -> list[str]:
        """Return the names of the tabs as they fit: whole, cut short, or keys; a marked one is whole."""
        short = [tab.name if tab.is_marked else tab.name[:SHORT] for tab in self._tabs]
        for names, room in (([tab.name for tab in self._tabs], ABOUT_ROOM), (short, 0)):
            frames = sum(5 if tab.is_marked else 3 for tab in self._tabs)
            if 2 + sum(map(len, names)) + frames + room + 2 <= width:
                return names
        return [tab.name if tab.is_marked else str(tab.key) for tab in self._tabs]

    def _about_in(self, room: int) -> str:
        """Return the name of the selection with its count, or without it where there is no room."""
        connects = "connect" if self._count == "1" else "connects"
        for text in (f"{self._about} · {self._count} {connects}", f"{self._about} · {self._count}"):
            if self._count and cell_len(text) + 2 <= room:
                return f" {text} "
        if not self._about or room <= 2:
            return ""
        return f" {fit_address(self._about, min(cell_len(self._about), room - 2))} "

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(TabRequested(name))
