"""The panes below the table: one behind each tab, or several side by side where there is room.

──[ Histogram ]── Timeline ──────────────────────────────────────── everything · 12.3k connects ──
── 1 ─[ Timeline ]─ 3 ── a narrow terminal: keys instead of names
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tcpconntop.core.format import count
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.tui.messages import TabRequested
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.text.lines import Line, fit_address

if TYPE_CHECKING:
    from tcpconntop.core.analysis.selection import Selection

PANE_WIDTH = 100
"""Width of a pane in cells; a terminal twice as wide shows two."""


class PaneTabs(Line):
    """The line with the names of the panes and of the selection."""

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []
        self._shown: list[str] = []
        self._about = self._count = self._shorter = ""
        self._spans: list[tuple[int, int, str]] = []

    def show(
        self, names: list[str], shown: list[str], about: str, attempts: str = "", shorter: str = ""
    ) -> None:
        """Show the names of all panes, mark the `shown` ones, and name the selection and its attempts.

        `shorter` names the panes that draw a part of the window only, and which part.
        """
        state = (names, shown, about, attempts, shorter)
        if state != (self._names, self._shown, self._about, self._count, self._shorter):
            self._names, self._shown, self._about, self._count, self._shorter = state
            self.redraw()

    def draw(self, width: int) -> Text:
        """Draw the line."""
        rule = self.paint("dim")
        line = Text(no_wrap=True).append("──", rule)
        self._spans = []
        share = width // max(1, len(self._shown))
        whole = 4 + sum(len(name) + 5 for name in self._names) <= width
        for key, name in enumerate(self._names, start=1):
            if len(self._shown) > 1 and name in self._shown:
                line.append("─" * (share * self._shown.index(name) + 2 - line.cell_len), rule)
            start = line.cell_len
            if name in self._shown:
                line.append("[ ", rule).append(name, self.paint("strong") + self.paint("accent")).append(
                    " ]", rule
                )
            else:
                line.append(f" {name if whole else key} ", rule)
            self._spans.append((start, line.cell_len, name))
            line.append("─", rule)
        about = self._about_in(width - line.cell_len - 2)
        line.append("─" * max(0, width - line.cell_len - cell_len(about) - 2), rule)
        line.append(about, rule).append("──", rule)
        line.truncate(width)
        return line

    def _about_in(self, room: int) -> str:
        """Return the name of the selection with its count, or without it where there is no room."""
        connects = "connect" if self._count == "1" else "connects"
        about = f"{self._shorter} · {self._about}" if self._shorter else self._about
        for text in (f"{about} · {self._count} {connects}", f"{about} · {self._count}"):
            if self._count and cell_len(text) + 2 <= room:
                return f" {text} "
        if self._shorter and room > cell_len(self._shorter) + 2:
            return f" {self._shorter} "
        return f" {fit_address(self._about, min(cell_len(self._about), room - 2))} " if room > 2 else ""

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(TabRequested(name))


class Panes(Vertical):
    """The tabs, and below them as many panes as fit.

    Args:
        panes: the panes by name, in the order of the tabs.
    """

    def __init__(self, panes: Mapping[str, Pane]) -> None:
        super().__init__()
        self._panes = dict(panes)
        self._offered = list(panes)
        self._active = self._offered[0]
        self._tabs = PaneTabs()
        self._selection: Selection | None = None
        self._about = "everything"
        for name, pane in self._panes.items():
            pane.display = name == self._active

    def compose(self) -> ComposeResult:
        """Yield the tabs and the panes."""
        yield self._tabs
        yield Horizontal(*self._panes.values())

    @property
    def selection(self) -> Selection | None:
        """The selection that the panes show."""
        return self._selection

    @property
    def active(self) -> str:
        """Name of the pane whose tab was chosen."""
        return self._active

    @property
    def visible_names(self) -> list[str]:
        """Names of the panes that are visible."""
        n = min(max(1, self.size.width // PANE_WIDTH), len(self._offered))
        first = min(self._offered.index(self._active), len(self._offered) - n)
        return self._offered[first : first + n]

    def set_tabs(self, names: list[str]) -> None:
        """Offer tabs for some of the panes only."""
        self._offered = names
        if self._active not in names:
            self._active = names[0]
        self._update()

    def switch(self, name: str) -> None:
        """Show a pane."""
        if name in self._offered:
            self._active = name
            self._update()

    def step(self, by: int) -> None:
        """Show the pane `by` tabs further on; after the last comes the first."""
        index = self._offered.index(self._active) + by
        self.switch(self._offered[index % len(self._offered)])

    def switch_at(self, index: int) -> bool:
        """Show the pane of a tab, counted from 0; return False if there is no such tab."""
        exists = index < len(self._offered)
        if exists:
            self.switch(self._offered[index])
        return exists

    def show(self, selection: Selection | None, name: str) -> None:
        """Show a selection; `name` stands in the line of the tabs."""
        self._selection, self._about = selection, name
        self._update()

    def on_resize(self) -> None:
        """Show more panes, or fewer, as they fit."""
        self._update()

    def _update(self) -> None:
        visible = self.visible_names
        for name, pane in self._panes.items():
            pane.display = name in visible
            if name in visible and self.display:
                pane.show(self._selection, self._about)
        attempts = count(self._selection.attempts) if self._selection else ""
        self._tabs.show(list(self._offered), visible, self._about, attempts, self._shorter(visible))

    def _shorter(self, visible: list[str]) -> str:
        """Return which of the visible panes draw less than the window; empty if none does."""
        snapshot = self._selection.snapshot if self._selection else None
        if snapshot is None or snapshot.window_s is not None or snapshot.span_s <= MAX_WINDOW_S:
            return ""
        names = [name for name in visible if self._panes[name].DRAWS_SLICES]
        return f"{' and '.join(names)}: last {MAX_WINDOW_S // 60}m" if names else ""
