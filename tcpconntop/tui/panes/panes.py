"""The panes below the table: one behind each tab, or several where there is room (`arrangement.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import Layout, WidgetPlacement
from textual.widget import Widget

from tcpconntop.core.format import count
from tcpconntop.tui.panes.arrangement import PanePlace, all_together, side_by_side
from tcpconntop.tui.panes.pane import MIN_REDRAW_NS, MIN_REREAD_NS, Pane
from tcpconntop.tui.panes.tabs import PaneTabs, Tab

if TYPE_CHECKING:
    from tcpconntop.core.analysis.selection import Selection


class _AtPlaces(Layout):
    """Places the panes as `Panes.places` says."""

    name = "at-places"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> list[WidgetPlacement]:
        """Return the placement of each visible child."""
        del greedy
        if not isinstance(parent, Panes):
            raise TypeError(f"panes are placed in Panes, not in {type(parent).__name__}")
        regions = parent.regions(size)
        return [
            WidgetPlacement(regions[child], NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child in regions
        ]


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
        self._is_big = self._is_picked = self._is_alone = False
        self._tabs, self._lower_tabs = PaneTabs(), PaneTabs()
        self._selection: Selection | None = None
        self._about, self._stands_still, self._reason = "everything", False, ""
        self._placed: list[PanePlace] = []
        self._at_places = _AtPlaces()
        self._lower_tabs.display = False
        for name, pane in self._panes.items():
            pane.display = name == self._active

    def compose(self) -> ComposeResult:
        """Yield the tabs and the panes."""
        yield self._tabs
        yield self._lower_tabs
        yield from self._panes.values()

    @property
    def layout(self) -> Layout:
        """What places the panes."""
        return self._at_places

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
        return [place.name for place in self.places(self.size)]

    @property
    def _are_together(self) -> bool:
        """True if panes stand beside each other in a big terminal, unless the user wants to see one alone."""
        return self._is_big and len(self._offered) > 1

    def places(self, size: Size) -> list[PanePlace]:
        """Return where panes stand within a size."""
        if not self._are_together:
            return side_by_side(self._offered, self._active, *size)
        if self._is_alone:
            return [PanePlace(self._active, 0, 1, size.width, size.height - 1)]
        return all_together(self._offered, self._active if self._is_picked else None, *size)

    def regions(self, size: Size) -> dict[Widget, Region]:
        """Return where the tabs and the panes stand within a size."""
        places = self.places(size)
        regions: dict[Widget, Region] = {self._panes[place.name]: Region(*place[1:]) for place in places}
        regions[self._tabs] = Region(0, 0, size.width, 1)
        lower = [place for place in places if place.y > 1]
        if lower:
            regions[self._lower_tabs] = Region(lower[0].x, lower[0].y - 1, size.width - lower[0].x, 1)
        return regions

    def set_big(self, is_big: bool) -> None:
        """Arrange the panes beside each other, as in a big terminal, or behind their tabs."""
        if is_big != self._is_big:
            self._is_big = is_big
            self._update()

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

    def choose(self, name: str) -> None:
        """Show a pane; if it stands among others and is chosen already, alone, and then among them again."""
        if self._are_together and self._is_picked and name == self._active:
            self._is_alone = not self._is_alone
        self._is_picked = True
        self.switch(name)

    def step(self, by: int) -> None:
        """Show the pane `by` tabs further on; after the last comes the first."""
        index = self._offered.index(self._active) + by
        self._is_picked = True
        self.switch(self._offered[index % len(self._offered)])

    def choose_at(self, index: int) -> bool:
        """Choose the pane of a tab, counted from 0; return False if there is no such tab."""
        exists = index < len(self._offered)
        if exists:
            self.choose(self._offered[index])
        return exists

    def show(
        self, selection: Selection | None, name: str, stands_still: bool = False, reason: str = ""
    ) -> None:
        """Show a selection.

        While time goes on, sentences beside pictures change every other second at most.

        Args:
            selection: the selection.
            name: stands in the line of the tabs.
            stands_still: True if one moment is shown, which is not now.
            reason: why there is no selection, if it is not that there are no connects.
        """
        self._selection, self._about, self._stands_still = selection, name, stands_still
        self._reason = reason
        self._update()

    def on_resize(self) -> None:
        """Show more panes, or fewer, as they fit."""
        self._update()

    def _update(self) -> None:
        places = self.places(self.size)
        visible = [place.name for place in places]
        if places != self._placed:
            self._placed = places
            self._lower_tabs.display = any(place.y > 1 for place in places)
            self.refresh(layout=True)
        for name, pane in self._panes.items():
            pane.display = name in visible
            if name in visible and self.display:
                is_read = pane.IS_READ and len(places) > 2 and not self._stands_still
                min_age_ns = MIN_REREAD_NS if is_read else MIN_REDRAW_NS
                pane.show(self._selection, self._about, min_age_ns, self._stands_still, self._reason)
            else:
                pane.forget()
        attempts = count(self._selection.attempts) if self._selection else ""
        tabs, lower = self._tabs_of(places)
        self._tabs.show(tabs, self._about, attempts)
        self._lower_tabs.show(lower)

    def _tabs_of(self, places: list[PanePlace]) -> tuple[list[Tab], list[Tab]]:
        """Return the names in the line above all panes, and in the one between those above each other."""
        key_of = {name: key for key, name in enumerate(self._offered, start=1)}
        if not self._are_together or self._is_alone:
            x_of = {place.name: place.x for place in places}
            tabs = [
                Tab(name, key, x_of.get(name, 0), name in x_of, name in x_of) for name, key in key_of.items()
            ]
            return tabs, []
        above, below = (
            [
                Tab(place.name, key_of[place.name], place.x, place.name == self._active, True)
                for place in places
                if (place.y == 1) == is_first
            ]
            for is_first in (True, False)
        )
        first_x = below[0].x if below else 0
        shown = {place.name for place in places}
        hidden = [Tab(name, key) for name, key in key_of.items() if name not in shown]
        return above + hidden, [tab._replace(x=tab.x - first_x) for tab in below]
