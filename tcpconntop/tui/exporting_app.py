"""The part of the dashboard that takes things along: the keys `y` and `e`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import on, work
from textual.notifications import Notify

from tcpconntop.core.format import printable
from tcpconntop.tui.comparing_app import ComparingApp
from tcpconntop.tui.export import copied_note, export_view, row_text, screen_svg
from tcpconntop.tui.state import NOTHING_YET
from tcpconntop.tui.text.wrap import wrap_paths

MAX_NOTE, NOTE_SHARE, NOTE_EDGES = 60, 0.9, 3
"""Cells of a note at most, its share of the terminal's width at most, and cells of its edges (`Toast`)."""


class ExportingApp(ComparingApp):
    """Base class for an app whose rows can be copied and written to files."""

    def show_note(self, note: str) -> None:
        """Show a note in place of the previous one."""
        self.notify(printable(note), markup=False)

    @on(Notify)
    def clear_notes(self) -> None:
        """Remove all notes: several would cover the table that they are about."""
        self.clear_notifications()

    def action_copy(self) -> None:
        """Copy the selected row, through the terminal (OSC 52)."""
        screen = self._table_screen
        if screen.view is None or screen.table.pointed is None:
            screen.notify_no_row()
            return
        text = row_text(screen.view, screen.table.pointed)
        self.copy_to_clipboard(text)
        self.show_note(copied_note(text))

    async def action_export(self) -> None:
        """Write what is shown as Markdown, CSV, JSON and SVG; the picture has no notes in it."""
        if self._table_screen.view is None:
            self.show_note(NOTHING_YET)
            return
        self.clear_notes()
        await self.screen.query("Toast").remove()
        self.call_after_refresh(self._export_shown)

    def _export_shown(self) -> None:
        if (view := self._table_screen.view) is not None:
            self._export(partial(export_view, view, screen_svg(self)))

    @work(thread=True, exit_on_error=False, name="export")
    def _export(self, write: Callable[[], str]) -> None:
        width = min(MAX_NOTE, int(self.size.width * NOTE_SHARE)) - NOTE_EDGES
        try:
            self.notify(wrap_paths(printable(write()), width), markup=False)
        except OSError as error:
            self.notify(wrap_paths(printable(str(error)), width), severity="error", markup=False)
