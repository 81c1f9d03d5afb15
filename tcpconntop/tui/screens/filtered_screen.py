"""The base class of the screens whose rows are filtered: by the command line, and within that by `/`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.screen import Screen

from tcpconntop.core.format import printable
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.filter_completion import values_in_window
from tcpconntop.core.view.scope import scope_text
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.sources.port_names import parse_filter_with_port_names
from tcpconntop.tui.bars.filter_bar import FilterBar
from tcpconntop.tui.messages import FilterCancelled, FilterSubmitted
from tcpconntop.tui.state import DashboardState

if TYPE_CHECKING:
    from tcpconntop.core.view.view import View


class FilteredScreen(Screen[None]):
    """Has a grouping, an order and a filter of its own (`spec`), and a bar in which the filter is typed.

    Args:
        spec: the first grouping, order and filter.
    """

    def __init__(self, spec: ViewSpec) -> None:
        super().__init__()
        self.spec = spec
        self.view: View | None = None
        self.state: DashboardState | None = None
        self.filter_bar = FilterBar()
        self.filter_bar.display = False
        self.filter_bar.values = self._known_values

    def set_spec(self, spec: ViewSpec) -> None:
        """Show the same state with another grouping, order or filter."""
        raise NotImplementedError

    def focus_rows(self) -> None:
        """Move the focus to the rows."""
        raise NotImplementedError

    @property
    def scope(self) -> Filter:
        """The filter of the command line; empty if there is none, or if the user left it."""
        return self.state.scope_filter if self.state is not None else Filter()

    @property
    def where(self) -> Filter:
        """The filters of the command line and of `/`: a connect has to match both."""
        return self.scope.narrowed(self.spec.where)

    def effective_spec(self) -> ViewSpec:
        """Return the spec that the view is made with: with the filter of the command line."""
        return replace(self.spec, where=self.where)

    def action_filter(self) -> None:
        """Open the filter bar, which says within which filters it filters."""
        kernel = self.view.snapshot.info.filters if self.view is not None else ""
        self.filter_bar.open(self.spec.where.text, scope_text(kernel, self.scope.text))

    def _known_values(self, field: str) -> list[str]:
        """Return the values that a field has, for completion in the filter bar."""
        return values_in_window(self.view.snapshot, field) if self.view is not None else []

    @on(FilterSubmitted)
    def _filter(self, message: FilterSubmitted) -> None:
        self._leave_filter()
        self.set_spec(replace(self.spec, where=parse_filter_with_port_names(message.text)))
        for note in self.spec.where.notes:
            self.notify(printable(note), markup=False)

    @on(FilterCancelled)
    def _leave_filter(self) -> None:
        self.filter_bar.close()
        self.focus_rows()
