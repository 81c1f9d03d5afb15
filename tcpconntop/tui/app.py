"""The dashboard: composes the screens, the state and the engine, and wires them to each other.

engine ──SnapshotReady──▶ state ──show──▶ visible screen
key ──▶ action ──Change──▶ state ──follow──▶ engine
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from textual import on, work
from textual.app import SystemCommand
from textual.filter import LineFilter, NoColor
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tcpconntop.core.format import printable
from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.kernel.process import ProcessInfo, read_process
from tcpconntop.malloc_trim import limit_heap
from tcpconntop.settings.ui_state import UiState
from tcpconntop.sources.base import Source
from tcpconntop.tui.actions import KeyBindings, bindings
from tcpconntop.tui.alerting import AlertingApp
from tcpconntop.tui.exporting_app import ExportingApp
from tcpconntop.tui.messages import NameResolved, ProcessSummary, ScreenShown, SnapshotReady, SourceOpened
from tcpconntop.tui.moments_app import MomentsApp
from tcpconntop.tui.palette import palette_commands
from tcpconntop.tui.resolver import Resolver, reverse_lookup
from tcpconntop.tui.screens.goto import GotoScreen
from tcpconntop.tui.screens.main import MainScreen
from tcpconntop.tui.screens.table_screen import TableScreen
from tcpconntop.tui.state import NOTHING_YET, DashboardState
from tcpconntop.tui.state_store import StateStore
from tcpconntop.tui.text.terminal import PLAIN_THEME, has_few_colours, has_no_colours
from tcpconntop.tui.time_travel import time_travel
from tcpconntop.tui.ui_choices import current_choices
from tcpconntop.tui.worker import EngineThread, exit_status

PROGRESS_S = 0.5  # between two reports of how far a long seek is


class Dashboard(AlertingApp, MomentsApp, ExportingApp):
    """The dashboard.

    After `run()`, `return_code` is the exit code and `return_value` one line that says what went wrong,
    or None when the user quit. The terminal is restored by then; the caller prints the line.

    Args:
        open_source: returns the source. Called in a thread once the first frame is painted; it may block.
            An exception ends the dashboard with its text and its `exit_code` (1 if it has none).
        spec: the first grouping and order; its filter is the scope of the whole session.
        window: name of the window (`WINDOWS`).
        interval_s: seconds between refreshes.
        max_keys: the most keys with statistics of their own.
        pid: a process whose screen opens at once.
        cancel: called when the user quits, so that `open_source` may give up early. Quitting does not
            wait for it: a source that opens later is closed.
        read_process_info: returns what /proc tells about a process; None if there is no such process.
        ui_state: the user's last choices, except those that the arguments above set.
        keys: the keys of the actions.
        notice: a line to show at the start.
        dns: True shows the names of addresses from the start.
        ask: returns the name of an address; see `Resolver`.
        loaded: called when the source is open and, but for the charts, all modules are imported.
    """

    CSS_PATH = "app.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (10, "-low"), (20, "-high")]  # noqa: RUF012
    TITLE = "tcpconntop"
    BINDINGS = bindings("app")

    def __init__(
        self,
        open_source: Callable[[], Source],
        spec: ViewSpec | None = None,
        window: str = "1m",
        interval_s: float = 1.0,
        max_keys: int = DEFAULT_MAX_KEYS,
        pid: int | None = None,
        cancel: Callable[[], object] = lambda: None,
        read_process_info: Callable[[int], ProcessInfo | None] = read_process,
        ui_state: UiState | None = None,
        keys: KeyBindings | None = None,
        notice: str = "",
        dns: bool = False,
        ask: Callable[[str], str] = reverse_lookup,
        loaded: Callable[[], object] = lambda: None,
    ) -> None:
        limit_heap()
        super().__init__(ansi_color=has_few_colours() or None)
        self._pid, self._notice, self._cancel, self._loaded = pid, notice, cancel, loaded
        self._resolver = Resolver(lambda: self.post_message(NameResolved()), ask)
        namer = self._resolver.name if dns else None
        spec = spec or ViewSpec()
        state = DashboardState(window, interval_s, keys=keys or KeyBindings(), namer=namer, scope=spec.where)
        self._engine = EngineThread(
            open_source,
            lambda info: self.post_message(SourceOpened(info)),
            lambda snapshot: self.post_message(SnapshotReady(snapshot)),
            state,
            max_keys,
            self.report_overview,
        )
        self._store = StateStore(state, self._engine.follow, self)
        self._ui_state = ui_state or UiState()
        self._main = MainScreen(replace(spec, where=Filter()), read_process_info)
        self._main.restore(self._ui_state.panes, self._ui_state.pane, self._ui_state.filters)
        if self._ui_state.theme in self.available_themes:
            self.theme = self._ui_state.theme
        self._first_theme = self.theme

    def get_default_screen(self) -> Screen[None]:
        """Return the main screen."""
        return self._main

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's line filters, and one that removes all colours where the terminal has none."""
        return [*super().get_line_filters(), *([NoColor()] if has_no_colours() else [])]

    def on_mount(self) -> None:
        """Start tracing as soon as the first frame is painted."""
        if self.ansi_color:
            self.theme = PLAIN_THEME
            self._first_theme = self.theme  # the terminal's choice, not the user's
        self.set_keymap(dict(self._store.state.keys.keymap))
        if self._notice:
            self.notify(printable(self._notice), severity="warning", markup=False)
        if self._pid is not None:
            self._main.open_process(ProcessSummary(self._pid, "process"), self._store.state)
        self.call_after_refresh(self._trace)

    def on_unmount(self) -> None:
        """Stop tracing, however the dashboard ends."""
        self._engine.stop()
        self._cancel()
        self._resolver.close()

    def ui_choices(self) -> UiState:
        """Return the user's choices, to be saved for the next start."""
        theme = None if self.theme == self._first_theme else self.theme
        return current_choices(self._ui_state, self._store.state, self._main, theme)

    # The engine

    @work(thread=True, exit_on_error=False, name="trace")
    def _trace(self) -> None:
        self._engine.run()

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.leave(*exit_status(event.worker.error))
        elif event.state is WorkerState.SUCCESS and event.worker.name == "trace" and self._store.state.info:
            self._store.set(self._store.state.with_end())

    def leave(self, code: int, message: str | None = None) -> None:
        """End with an exit code, and perhaps one line that says what went wrong."""
        self._engine.stop()  # first: closing the screen takes a moment
        self.exit(message, return_code=code)

    @on(SourceOpened)
    def _source_opened(self, message: SourceOpened) -> None:
        self._loaded()
        self._store.set(self._store.state.with_source(message.info))
        if message.info.recorded:
            self.set_interval(PROGRESS_S, self._show_seek_progress)

    @on(SnapshotReady)
    def _snapshot_ready(self, message: SnapshotReady) -> None:
        self._store.set(self._store.state.with_snapshot(message.snapshot))

    def _show_seek_progress(self) -> None:
        if (now_ns := self._engine.now_ns()) is not None:
            self._store.set(self._store.state.with_seek_progress(now_ns))

    # The state (`Display`)

    @on(ScreenShown)
    def show_state(self) -> None:
        """Pass the state to the visible screen."""
        if self._table_screen.is_mounted:
            self._table_screen.show(self._store.state)

    # Actions in time

    def action_pause(self) -> None:
        """Pause the view or the recording, or continue."""
        self._store.travel(lambda travel: travel.toggle_pause())

    def action_past(self, by: int) -> None:
        """Pause on the previous moment (-1) or on the next one (1)."""
        self._store.travel(lambda travel: travel.step(by))

    def action_seek(self, by_s: int) -> None:
        """Move by some seconds."""
        self._store.travel(lambda travel: travel.seek(by_s))

    def action_seek_to(self, edge: str) -> None:
        """Move to the `start` or to the `end`."""
        self._store.travel(lambda travel: travel.seek_to_start() if edge == "start" else travel.seek_to_end())

    def action_speed(self, by: int) -> None:
        """Play a recording faster (1) or slower (-1)."""
        self._store.travel(lambda travel: travel.change_speed(by))

    def action_goto(self) -> None:
        """Ask for a time, and move to it."""
        if (travel := time_travel(self._store.state)) is None:
            self.show_note(NOTHING_YET)
        else:
            self.push_screen(GotoScreen(travel.time_range()), self._go_to)

    def _go_to(self, wall_s: float | None) -> None:
        if wall_s is not None:
            self._store.travel(lambda travel: travel.seek_to(wall_s))

    # Other actions

    def action_window(self, by: int) -> None:
        """Show the next window (1) or the previous one (-1)."""
        self._store.set(self._store.state.next_window(by))

    def action_interval(self, by: int) -> None:
        """Refresh less often (1) or more often (-1)."""
        self._store.apply(self._store.state.next_interval(by))

    def action_names(self) -> None:
        """Show the names of addresses and ports, or hide them."""
        namer = None if self._store.state.namer else self._resolver.name
        self._store.set(self._store.state.with_namer(namer))

    @on(NameResolved)
    def _show_names(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, TableScreen):
                screen.table.forget()

    def action_help(self) -> None:
        """Show the help."""
        from tcpconntop.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self._store.state.info, self._store.state.keys))

    async def action_quit(self) -> None:
        """Quit."""
        self.leave(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the actions of a screen, for the command palette."""
        return palette_commands(self, screen, self._store.state.keys)
