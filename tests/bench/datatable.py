"""The obvious alternative: the same table on Textual's DataTable, filled anew with each snapshot."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tcpconntop.core.view.columns import TREND
from tcpconntop.core.view.view import ViewSpec, make_view
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.sources.base import Source
from tcpconntop.tui.messages import SnapshotReady
from tcpconntop.tui.table.layout import lay_out_columns
from tcpconntop.tui.table.trend import TrendCache
from tcpconntop.tui.worker import EngineThread


class Peer(App[None]):
    """A dashboard that is one DataTable.

    Args:
        open_source: gives the source.
        rows: how many of the view's first rows are put into the table.
    """

    CSS = "DataTable > .datatable--cursor { background: rgb(1,2,3); }"

    def __init__(self, open_source: Callable[[], Source], rows: int) -> None:
        super().__init__()
        self._rows = rows
        self._tracing = EngineThread(open_source, lambda _: None, self._publish, 60, 1.0)
        self._trends = TrendCache()

    def compose(self) -> ComposeResult:
        """Have the table."""
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        """Begin to trace."""
        self.run_worker(self._tracing.run, thread=True)

    def _publish(self, snapshot: Snapshot) -> None:
        self.post_message(SnapshotReady(snapshot))

    def on_snapshot_ready(self, message: SnapshotReady) -> None:
        """Fill the table, and have the cursor where it was."""
        view = make_view(message.snapshot, ViewSpec())
        places = lay_out_columns(view.columns, view.spec.sort, self.size.width)
        table = self.query_one(DataTable)
        at = table.cursor_row
        if not table.columns:
            table.add_columns(*((place.column.header, place.column.key) for place in places))
        table.clear()
        shown = min(len(view), self._rows)
        width = next(place.width for place in places if place.column.key == TREND.key)
        trends = self._trends.get(view, range(min(shown, 47)), width)
        for row in range(shown):
            cells = [
                trends[row].line
                if place.column.key == TREND.key and row < len(trends)
                else place.column.text(view, row)
                for place in places
            ]
            table.add_row(*(Text(cell) for cell in cells))
        table.move_cursor(row=at)
