"""What a user can do with the whole of the dashboard: pause, look back, mark, take away."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from rich.cells import cell_len
from textual import on, work
from textual.app import App
from textual.notifications import Notify

from tcpconntop.core.view.baseline import without_history
from tcpconntop.core.view.view import View
from tcpconntop.core.window.rolling import WINDOWS
from tcpconntop.outputs.document import dump, view_document
from tcpconntop.outputs.table_csv import view_csv
from tcpconntop.settings.paths import state_folder
from tcpconntop.tui.export import row_text, save
from tcpconntop.tui.messages import ScreenShown
from tcpconntop.tui.rewind import Rewind
from tcpconntop.tui.screens.table_screen import TableScreen
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.text.lines import fit
from tcpconntop.tui.worker import EngineThread

INTERVALS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""What `+` and `-` step through, in seconds."""

COPIED_MOST = 120
"""Cells of a copied row that its note shows: more of it would not fit on a small terminal."""

NOTHING_YET = "there is nothing to see yet: tracing is about to begin"


class Steering(App[str]):
    """Knows how things stand (`DashboardState`), and has the actions that change it."""

    def _stand(self, state: DashboardState, tracing: EngineThread) -> None:
        """Begin with a moment; `tracing` is told what it has to do differently."""
        self._moment, self._tracing, self._rewind = state, tracing, Rewind()

    def _change(self, **changes: object) -> None:
        """Let things stand differently, and show it."""
        self._moment = replace(self._moment, **changes)  # type: ignore[arg-type]
        self._deliver()

    @on(ScreenShown)
    def _deliver(self) -> None:
        """Tell the board that is seen how things stand."""
        board = self._board
        if board is not None and board.is_mounted:
            board.show(self._moment)

    @on(Notify)
    def _forget_notes(self) -> None:
        """Let a note take the place of the one before: together they would cover what they speak of."""
        self.clear_notifications()

    @property
    def _board(self) -> TableScreen | None:
        """The board that is seen, perhaps below the help."""
        return next((screen for screen in self.screen_stack[::-1] if isinstance(screen, TableScreen)), None)

    def action_pause(self) -> None:
        """Freeze the view, or let it go on."""
        if self._rewind.base is not None:
            self._rewind.release()
        elif self._moment.latest is not None:
            self._rewind.hold(self._moment.latest)
        else:
            self.notify(NOTHING_YET)
        self._look_back()

    def action_past(self, by: int) -> None:
        """Look at an older moment (-1) or at a newer one (1); from the live view, pause on the one before."""
        latest = self._moment.latest
        if latest is None or (self._rewind.base is None and by > 0):
            self.notify(NOTHING_YET if latest is None else "this is the newest moment")
            return
        if self._rewind.base is None:
            self._rewind.hold(latest)
        if not self._rewind.step(by):
            self._say_no_more(older=by < 0)
        self._look_back()

    def _say_no_more(self, *, older: bool) -> None:
        """Say that a pause holds no moment before the one that is looked at, or after it."""
        self.notify("this is the oldest moment" if older else "this is the newest moment: space goes on")

    def _look_back(self) -> None:
        shown = self._rewind.shown(self._moment.window)
        self._change(held=self._rewind.base, frozen=shown)

    def action_window(self, by: int) -> None:
        """Go to the next window (1) or to the one before (-1)."""
        names = list(WINDOWS)
        name = names[(names.index(self._moment.window) + by) % len(names)]
        self._tracing.set_window(WINDOWS[name])
        self._change(window=name, frozen=self._rewind.shown(name))

    def action_mark(self) -> None:
        """Compare every row with this moment from now on, or no longer."""
        snapshot = self._moment.snapshot
        if self._moment.mark is not None:
            self._change(mark=None)
        elif snapshot is not None:
            self._change(mark=without_history(snapshot))
        else:
            self.notify(NOTHING_YET)

    def action_copy(self) -> None:
        """Copy the selected row, through the terminal (OSC 52)."""
        board = self._board
        if board is None:
            return
        if board.view is None or board.table.row is None:
            board.notify_no_row()
            return
        text = row_text(board.view, board.table.row)
        self.copy_to_clipboard(text)
        seen = fit(text, min(cell_len(text), COPIED_MOST))
        self.notify(f"copied: {seen}", markup=False)

    def action_export(self) -> None:
        """Write what is seen as CSV, JSON and SVG."""
        view = self._board and self._board.view
        if view is None:
            self.notify(NOTHING_YET)
        else:
            self._export(view, self.export_screenshot())

    @work(thread=True, exit_on_error=False, name="export")
    def _export(self, view: View, picture: str) -> None:
        stem = time.strftime("tcpconntop-%Y%m%d-%H%M%S", time.localtime(view.snapshot.wall_s))
        contents = {"csv": view_csv(view), "json": dump(view_document(view)) + "\n", "svg": picture}
        try:
            self.notify(save(stem, contents, (Path.cwd(), state_folder() / "exports")), markup=False)
        except OSError as error:
            self.notify(str(error), severity="error", markup=False)

    def action_interval(self, by: int) -> None:
        """Refresh less often (1) or more often (-1)."""
        now_s = self._moment.interval_s
        steps = [step for step in INTERVALS_S if (step > now_s if by > 0 else step < now_s)]
        if not steps:
            self.notify(f"no wait is {'longer' if by > 0 else 'shorter'} than {now_s:g}s")
            return
        interval_s = min(steps) if by > 0 else max(steps)
        self._tracing.set_interval(interval_s)
        self._change(interval_s=interval_s)
