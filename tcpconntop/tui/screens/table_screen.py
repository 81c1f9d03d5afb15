"""The base class of the screens that have a table, with panes below it and bars around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget

from tcpconntop.core.format import printable
from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.columns import COLUMNS, columns_of
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.ordering import sorted_by, without_changes
from tcpconntop.core.view.scope import no_row_text
from tcpconntop.core.view.spec import ColumnChoice, ViewSpec
from tcpconntop.tui.actions import ACTIONS, bindings
from tcpconntop.tui.bars.alert_line import AlertLine
from tcpconntop.tui.bars.footer import Footer
from tcpconntop.tui.bars.header import Header, seeking_text
from tcpconntop.tui.bars.health import Health
from tcpconntop.tui.bars.strip import Strip
from tcpconntop.tui.bars.summary import Summary
from tcpconntop.tui.messages import (
    ActionRequested,
    CountRequested,
    NoRowSelected,
    RowOpened,
    RowSelected,
    ScreenShown,
    SortRequested,
)
from tcpconntop.tui.overviews import SpikeWatch
from tcpconntop.tui.panes.arrangement import is_big
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.panes.panes import Panes
from tcpconntop.tui.screens import heights
from tcpconntop.tui.screens.filtered_screen import FilteredScreen
from tcpconntop.tui.screens.picker import ColumnPicker
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.steady import SteadySize
from tcpconntop.tui.table.table import Table
from tcpconntop.tui.table.view_cache import ViewCache
from tcpconntop.tui.text.lines import STYLE_CLASSES
from tcpconntop.tui.text.titles import row_title

if TYPE_CHECKING:
    from tcpconntop.core.analysis import selection as selections
    from tcpconntop.core.view.view import View
else:
    selections = lazy("tcpconntop.core.analysis.selection")


NOT_TRACED = "starting: no connect is traced yet"
NOT_COUNTED = "connects will be listed here in a moment"
"""What the table says before the source is open, and before its first snapshot."""


class TableScreen(FilteredScreen):
    """Shows the dashboard's state through a grouping, an order and a filter of its own (`spec`).

    Args:
        spec: the first grouping, order and filter.
        panes: the panes by name, in the order of the tabs.
    """

    COMPONENT_CLASSES = STYLE_CLASSES
    BINDINGS = bindings("screen")
    AUTO_FOCUS = "Table"
    HIDDEN_HINTS: frozenset[str] = frozenset({"back"})
    """Words of the footer whose keys do nothing on this screen."""
    HIDDEN_COLUMNS: frozenset[str] = frozenset()
    """Keys of the columns that say nothing on this screen."""
    SHOWS_EVERYTHING = True
    """True if the screen covers all connects, so that the totals since the start fit it."""

    def __init__(self, spec: ViewSpec, panes: Mapping[str, Pane]) -> None:
        super().__init__(spec)
        self._all: selections.Selection | None = None
        self._views, self._table_height = ViewCache(), SteadySize()
        self.panes_enabled = True
        self.header, self.health, self.summary = Header(), Health(), Summary()
        self.footer, self.alert_line = Footer(self.HIDDEN_HINTS), AlertLine()
        self.table, self.panes = Table(self.HIDDEN_COLUMNS), Panes(panes)
        self.strip, self._spikes = Strip(), SpikeWatch()

    def compose(self) -> ComposeResult:
        """Return the widgets from top to bottom."""
        yield self.header
        yield self.alert_line
        yield from self.widgets_above()
        yield self.health
        yield self.summary
        yield self.table
        yield self.filter_bar  # above the panes: it takes lines from the table, and the panes stay in place
        yield self.strip  # it takes its line from the table, too
        yield self.panes
        yield from self.widgets_below()
        yield self.footer

    def widgets_above(self) -> list[Widget]:
        """Return the widgets above the summary."""
        return []

    def widgets_below(self) -> list[Widget]:
        """Return the widgets below the panes."""
        return []

    def on_mount(self) -> None:
        """Show the state if there is one already."""
        self.update_widgets()

    def on_screen_resume(self) -> None:
        """Ask for the current state."""
        self.post_message(ScreenShown())

    def on_resize(self, event: events.Resize) -> None:
        """Fit the parts to the new height."""
        self.set_heights(event.size.height)

    def set_heights(self, height: int) -> None:
        """Set the heights of the parts in a terminal of `height` lines, and hide what does not fit."""
        self.panes.display = self.panes_enabled and height >= heights.NO_PANES_BELOW
        big = is_big(self.size.width, height)
        self.panes.set_big(big)
        view = (self.spec.group_by, self.where.text)
        lines = self._table_height.fit(heights.table_lines(self.table.n_lines), view) if big else None
        self.panes.styles.height = heights.pane_lines(height, lines)
        self.alert_line.fit(height)
        self.health.display = height >= heights.NO_HEALTH_BELOW
        self.summary.display = height >= heights.NO_SUMMARY_BELOW
        self.footer.display = height >= heights.NO_FOOTER_BELOW

    def restore(self, panes: bool, pane: str, filters: Sequence[str]) -> None:
        """Restore what the user chose the last time."""
        self.panes_enabled = panes
        self.panes.switch(pane)
        self.filter_bar.history = list(filters)

    # What is shown

    def show(self, state: DashboardState) -> None:
        """Show a state."""
        self.state = state
        self.update_widgets()

    def update_widgets(self) -> None:
        """Update all parts; a new view is made only if the snapshot, the spec or the baseline changed."""
        state = self.state
        if state is None:
            return
        self.table.set_namer(state.namer)
        snapshot = state.snapshot
        if state.baseline is None:
            self.spec = without_changes(self.spec)
        if snapshot is None:
            self.table.show(None, NOT_TRACED if state.info is None else NOT_COUNTED)
            self._show_panes()
        elif state.on_long_way:
            self._show_no_moment(state)
        elif (view := self._views.get(snapshot, self.effective_spec(), state.baseline)) is not self.view:
            self.view = view
            self._all = selections.Selection(self.view)
            self.table.show(self.view, self.empty_text(self.view), self._all.metrics)
            if is_big(*self.size):
                self.set_heights(self.size.height)
            spike_s = self._spikes.newest_before_window(state, self.view.spec.where)
            self.health.show(self._all, state.keys, bool(self.where.text), spike_s)
            self.summary.show(self._all, snapshot.ledger if self.SHOWS_EVERYTHING else None)
            self._show_panes()
        where = self.effective_spec().where
        self.strip.show(state, where)
        if self.strip.lacks_count:
            self.post_message(CountRequested(where))
        self.header.show(state, self.spec, self.scope_title())
        self.alert_line.show(state)
        self.footer.show(state.latest, state.keys, state.stands_still)

    def _show_no_moment(self, state: DashboardState) -> None:
        """Show that a moment of the recording is looked for, and nothing of the moment before."""
        self.view = self._all = None
        text = seeking_text(state)
        self.table.show(None, text)
        self.health.show(None, state.keys, False)
        self.summary.show(None, None)
        self.panes.show(None, "seeking", stands_still=True, reason=text)

    def scope_title(self) -> str:
        """Return the name of what the screen is about; empty if that is everything."""
        return ""

    def empty_text(self, view: View) -> str:
        """Return why a view has no row."""
        return no_row_text(view, self.spec.where.text, self.scope.text)

    def _show_panes(self) -> None:
        view, row = self.view, self.table.row
        stands_still = self.state is not None and self.state.stands_still
        if view is not None and row is not None:
            self.panes.show(selections.Selection(view, row), row_title(view, row), stands_still)
        else:
            self.panes.show(self._all, self.scope_text(), stands_still)

    def scope_text(self) -> str:
        """Return the name of what the panes show when no row is selected."""
        return "everything" if not self.where.text else f"all of {printable(self.where.text)}"

    def set_spec(self, spec: ViewSpec) -> None:
        """Show the same state with another grouping, order or filter."""
        if spec.group_by != self.spec.group_by:
            self.table.select(None)
        self.spec = spec
        self.update_widgets()

    def focus_rows(self) -> None:
        """Move the focus to the table."""
        self.table.focus()

    # Actions

    def action_sort(self, by: int) -> None:
        """Sort by the next column to the left (-1) or to the right (1)."""
        keys = [place.column.key for place in self.table.column_layouts if place.column.values is not None]
        if self.view is not None and keys:
            index = keys.index(self.spec.sort) if self.spec.sort in keys else 0
            self.set_spec(sorted_by(self.spec, keys[(index + by) % len(keys)]))

    def action_sort_by(self, column: str) -> None:
        """Sort by a column, if the grouping has it; the other way round if that is so already."""
        if self.view is None or COLUMNS[column] in columns_of(self.view):
            spec = self.spec
            self.set_spec(spec.reversed() if spec.sort == column else sorted_by(spec, column))
        else:
            self.notify(f"there is no column {COLUMNS[column].header} by {self.view.grouping.title}")

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.set_spec(self.spec.reversed())

    def action_columns(self) -> None:
        """Open the dialog for the columns."""
        self.app.push_screen(ColumnPicker(self.spec.columns, self.view), self.apply_columns)

    def apply_columns(self, choice: ColumnChoice | None) -> None:
        """Show these columns; None changes nothing."""
        if choice is not None:
            self.set_spec(replace(self.spec, columns=choice))

    def action_back(self) -> None:
        """Deselect the row; without one, clear the filter of `/`; without that, leave the screen.

        The filter of the command line stays.
        """
        if self.table.selected is not None:
            self.table.select(None)
        elif self.spec.where.text:
            self.filter_bar.remember(self.spec.where.text)  # it may be of `enter` on several hosts
            self.set_spec(replace(self.spec, where=Filter()))
        else:
            self.leave()

    def leave(self) -> None:
        """Go back to the previous screen; the first screen has none."""

    # Messages of the widgets

    @on(ActionRequested)
    async def _act(self, message: ActionRequested) -> None:
        """Run the action of a clicked word; words of other scopes than these are not shown."""
        of_app = any(action.name == message.action and action.scope == "app" for action in ACTIONS)
        await self.run_action(f"app.{message.action}" if of_app else message.action)

    @on(SortRequested)
    def _sort(self, message: SortRequested) -> None:
        self.action_sort_by(message.column)

    @on(RowSelected)
    def _selected(self) -> None:
        later = is_big(*self.size)  # the row is painted before so many panes are drawn
        self.call_after_refresh(self._show_panes) if later else self._show_panes()

    @on(NoRowSelected)
    def notify_no_row(self) -> None:
        """Ask the user to select a row, or that there is none."""
        rows = self.view is not None and len(self.view)
        self.notify("select a row first: ↑ ↓ or the mouse" if rows else "there is no row to select")

    @on(RowOpened)
    async def _opened(self) -> None:
        await self.run_action("open")
