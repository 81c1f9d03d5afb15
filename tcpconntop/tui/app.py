"""The dashboard: composes the screens and the tracer, and passes on what they tell each other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib import import_module

from textual import on, work
from textual.app import SystemCommand
from textual.filter import LineFilter, NoColor
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import WINDOWS
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.engine import DEFAULT_MAX_KEYS
from tcpconntop.kernel.process import ProcessInfo, read_process
from tcpconntop.settings.ui_state import UiState
from tcpconntop.sources.base import Source
from tcpconntop.tui.actions import Keys, bindings
from tcpconntop.tui.messages import (
    NameResolved,
    ProcessRequested,
    ProcessSummary,
    SnapshotReady,
    SourceOpened,
)
from tcpconntop.tui.palette import palette_commands
from tcpconntop.tui.playing import Playing
from tcpconntop.tui.resolver import Resolver, reverse_lookup
from tcpconntop.tui.screens.main import MainScreen
from tcpconntop.tui.screens.process import ProcessScreen
from tcpconntop.tui.screens.table_screen import TableScreen
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.text.terminal import PLAIN_THEME, has_few_colours, has_no_colours
from tcpconntop.tui.worker import EngineThread


def _nothing() -> None:
    """Do nothing."""


class Dashboard(Playing):
    """The dashboard.

    After `run()`, `return_code` is the exit code and `return_value` one line that says what went wrong,
    or None when the user left. The screen is restored by then; the caller prints the line.

    Args:
        open_source: gives the source. Called in a thread once the first frame is painted; it may block.
            What it raises ends the dashboard with the error's text and its `exit_code` (1 if it has none).
        spec: grouping, order and filter at first.
        window: name of the window (`WINDOWS`).
        interval_s: seconds between refreshes.
        max_keys: bound of the keys that are told apart.
        pid: opens the screen of this process at once.
        cancel: called when the user leaves, so that `open_source` may give up early. Leaving does not
            wait for it: a source that arrives late is closed.
        look_at: tells of a process what its connects do not.
        remembered: what the user chose the last time, apart from what the arguments above say.
        keys: which keys mean what.
        notice: a line to show at the start.
        dns: shows the names of addresses from the beginning.
        ask: looks up the name of an address; see `Resolver`.
        loaded: called in a thread once the first frame is painted and all that takes long to load is there.
    """

    CSS_PATH = "app.tcss"
    TITLE = "tcpconntop"
    BINDINGS = bindings("app")
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        open_source: Callable[[], Source],
        spec: ViewSpec | None = None,
        window: str = "1m",
        interval_s: float = 1.0,
        max_keys: int = DEFAULT_MAX_KEYS,
        pid: int | None = None,
        cancel: Callable[[], None] = _nothing,
        read_process_info: Callable[[int], ProcessInfo | None] = read_process,
        ui_state: UiState | None = None,
        keys: Keys | None = None,
        notice: str = "",
        dns: bool = False,
        ask: Callable[[str], str] = reverse_lookup,
        loaded: Callable[[], None] = _nothing,
    ) -> None:
        super().__init__(ansi_color=has_few_colours() or None)
        self._last_filters = [NoColor()] if has_no_colours() else []
        self._spec = spec or ViewSpec()
        self._pid = pid
        self._cancel, self._look_at, self._loaded = cancel, read_process_info, loaded
        self._resolver = Resolver(self._name_found, ask)
        self._tracing = EngineThread(
            open_source, self._opened, self._publish, WINDOWS[window], interval_s, max_keys
        )
        namer = self._resolver.name if dns else None
        self._stand(DashboardState(window, interval_s, keys=keys or Keys(), namer=namer), self._tracing)
        self._remembered, self._notice = ui_state or UiState(), notice
        self._main: MainScreen | None = None
        if self._remembered.theme in self.available_themes:
            self.theme = self._remembered.theme
        self._first_theme = self.theme

    def get_default_screen(self) -> Screen[None]:
        """Begin with the main screen."""
        self._main = MainScreen(self._spec)
        self._main.restore(self._remembered.panes, self._remembered.pane, self._remembered.filters)
        return self._main

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Take every colour away where the terminal knows none."""
        return [*super().get_line_filters(), *self._last_filters]

    def on_mount(self) -> None:
        """Begin to trace as soon as the first frame is painted."""
        if self.ansi_color:
            self.theme = PLAIN_THEME
            self._first_theme = self.theme  # the terminal's choice, not the user's
        self.set_keymap(dict(self._moment.keys.pressed))
        if self._notice:
            self.notify(self._notice, severity="warning", markup=False)
        if self._pid is not None:
            self._open_process(ProcessSummary(self._pid, "process"))
        self.call_after_refresh(self._trace)
        self.call_after_refresh(self._load_charts)

    def on_unmount(self) -> None:
        """Stop to trace, however the dashboard ends."""
        self._tracing.stop()
        self._cancel()
        self._resolver.close()

    def ui_choices(self) -> UiState:
        """Give what the user has chosen, to be remembered."""
        known, main = self._remembered, self._main
        if main is not None:
            filters = tuple(main.filter_bar.history)
            known = replace(known, panes=main.panes_enabled, pane=main.panes.active, filters=filters)
        spec = self._spec if main is None else main.spec
        sort = "p99" if COLUMNS[spec.sort].needs_baseline else spec.sort
        return replace(
            known,
            theme=known.theme if self.theme == self._first_theme else self.theme,
            group=spec.group_by,
            sort=f"{sort}:{'desc' if spec.descending else 'asc'}",
            window=self._moment.window,
            delay=self._moment.interval_s,
            columns=spec.columns,
            dns=self._moment.namer is not None,
        )

    # The tracer

    @work(thread=True, exit_on_error=False, name="trace")
    def _trace(self) -> None:
        self._tracing.run()

    @work(thread=True, exit_on_error=False, name="charts")
    def _load_charts(self) -> None:
        import_module("tcpconntop.tui.panes.charts")  # plotext takes long to load: not at its first use
        self._loaded()

    def _opened(self, info: SourceInfo) -> None:
        self.post_message(SourceOpened(info))

    def _publish(self, snapshot: Snapshot) -> None:
        self.post_message(SnapshotReady(snapshot))

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self._fail(event.worker.error)
        elif event.state is WorkerState.SUCCESS and event.worker.name == "trace" and self._moment.info:
            self._change(ended=True)

    def _fail(self, error: BaseException) -> None:
        code = getattr(error, "exit_code", None)
        if code is None:  # a defect of this program: say where it is
            self._leave(1, "".join(traceback.format_exception(error)).rstrip())
        else:
            self._leave(int(code), str(error))

    def _leave(self, code: int, message: str | None) -> None:
        self._tracing.stop()  # at once: the screen takes a moment to go
        self.exit(message, return_code=code)

    @on(SourceOpened)
    def _source_opened(self, message: SourceOpened) -> None:
        self._change(info=message.info)

    @on(SnapshotReady)
    def _snapshot_ready(self, message: SnapshotReady) -> None:
        snapshot = message.snapshot
        if not self._late(snapshot):
            self._rewind.note(snapshot)
            self._change(latest=snapshot, info=snapshot.info, **self._played(snapshot))

    # Actions

    async def action_quit(self) -> None:
        """Leave."""
        self._leave(0, None)

    def action_names(self) -> None:
        """Show names beside addresses and ports, or no longer."""
        self._change(namer=None if self._moment.namer else self._resolver.name)

    def _name_found(self) -> None:
        self.post_message(NameResolved())

    @on(NameResolved)
    def _show_names(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, TableScreen):
                screen.table.forget()

    def action_help(self) -> None:
        """Show the help."""
        from tcpconntop.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen(self._moment.info, self._moment.keys))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give every action that the screen has to the palette."""
        return palette_commands(self, screen, self._moment.keys)

    # Screens

    @on(ProcessRequested)
    def _choose(self, message: ProcessRequested) -> None:
        if self.screen is not self._main:
            return  # a second enter was on its way
        if len(message.processes) == 1:
            self._open_process(message.processes[0])
            return
        from tcpconntop.tui.screens.chooser import ProcessChooser

        self.push_screen(ProcessChooser(message.processes), self._open_process)

    def _open_process(self, process: ProcessSummary | None) -> None:
        if process is not None:
            screen = ProcessScreen(process, self._spec, self._look_at)
            if self._main is not None:
                screen.filter_bar.history = self._main.filter_bar.history
            screen.state = self._moment  # so that its first frame is not an empty one
            self.push_screen(screen)

    @on(ProcessScreen.Left)
    def _close_process(self) -> None:
        if isinstance(self.screen, ProcessScreen):  # a second esc may have been on its way
            self.pop_screen()
