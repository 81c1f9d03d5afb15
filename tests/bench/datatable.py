"""For comparison: the same table on Textual's DataTable, filled again with each snapshot."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tcpconntop.core.view.columns import TREND, columns_of
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.sources.base import Source
from tcpconntop.tui.messages import SnapshotReady
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.table.layout import lay_out_columns
from tcpconntop.tui.table.trend import TrendCache
from tcpconntop.tui.worker import EngineThread


class DataTableDashboard(App[None]):
    """A dashboard that consists of one DataTable.

    Args:
        open_source: opens the source; called in the engine's thread.
        rows: the table gets at most this many rows of the view, from the top.
    """

    CSS = "DataTable > .datatable--cursor { background: rgb(1,2,3); }"

    def __init__(self, open_source: Callable[[], Source], rows: int) -> None:
        super().__init__()
        self._rows = rows
        self._engine_thread = EngineThread(
            open_source, lambda _: None, self._publish, DashboardState("1m", 1.0)
        )
        self._trends = TrendCache()

    def compose(self) -> ComposeResult:
        """Create the table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Start the engine in a thread."""
        self.run_worker(self._engine_thread.run, thread=True)

    def _publish(self, snapshot: Snapshot) -> None:
        self.post_message(SnapshotReady(snapshot))

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Fill the table with the view, and put the cursor back on its row."""
        view = make_view(message.snapshot, ViewSpec())
        layouts = lay_out_columns(columns_of(view), view.spec.sort, self.size.width)
        table = self.query_one(DataTable)
        cursor_row = table.cursor_row
        if not table.columns:
            table.add_columns(*((layout.column.header, layout.column.key) for layout in layouts))
        table.clear()
        shown = min(len(view), self._rows)
        width = next(layout.width for layout in layouts if layout.column.key == TREND.key)
        trends = self._trends.get(view, range(min(shown, 47)), width)
        for row in range(shown):
            cells = [
                trends[row].line
                if layout.column.key == TREND.key and row < len(trends)
                else layout.column.text(view, row)
                for layout in layouts
            ]
            table.add_row(*(Text(cell) for cell in cells))
        table.move_cursor(row=cursor_row)
