"""The dashboard: composes the screens and the tracer, and passes on what they tell each other."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from importlib import import_module

from textual import on, work
from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tcpconntop.core.snapshot import Snapshot, SourceInfo
from tcpconntop.core.units import printable
from tcpconntop.core.view import ViewSpec
from tcpconntop.core.window import WINDOWS
from tcpconntop.sources.base import Source
from tcpconntop.tui.actions import ACTIONS, bindings
from tcpconntop.tui.messages import (
    BoardShown,
    NameFound,
    Process,
    ProcessesWanted,
    SnapshotReady,
    SourceOpened,
)
from tcpconntop.tui.moment import Moment
from tcpconntop.tui.resolver import Resolver, ask_system
from tcpconntop.tui.screens.board import Board
from tcpconntop.tui.screens.main import Main
from tcpconntop.tui.screens.process import ProcessScreen, describe
from tcpconntop.tui.terminal import PLAIN_THEME, few_colours
from tcpconntop.tui.tracing import Tracing

INTERVALS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""What `+` and `-` step through, in seconds."""


def _nothing() -> None:
    """Cancel nothing."""


class Dashboard(App[str]):
    """The dashboard.

    After `run()`, `return_code` is the exit code and `return_value` one line that says what went wrong,
    or None when the user left. The screen is restored by then; the caller prints the line.

    Args:
        open_source: gives the source. Called in a thread once the first frame is painted; it may block.
            What it raises ends the dashboard with the error's text and its `exit_code` (1 if it has none).
        spec: grouping, order and filter at first.
        window: name of the window (`WINDOWS`).
        interval_s: seconds between refreshes.
        pid: opens the screen of this process at once.
        cancel: called when the user leaves, so that `open_source` may give up early. Leaving does not
            wait for it: a source that arrives late is closed.
        dns: shows the names of addresses from the beginning.
        ask: looks up the name of an address; see `Resolver`.
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
        pid: int | None = None,
        cancel: Callable[[], None] = _nothing,
        dns: bool = False,
        ask: Callable[[str], str] = ask_system,
    ) -> None:
        super().__init__(ansi_color=few_colours() or None)
        self._spec = spec or ViewSpec()
        self._pid = pid
        self._cancel = cancel
        self._resolver = Resolver(self._name_found, ask)
        self._moment = Moment(window, interval_s, namer=self._resolver.name if dns else None)
        self._tracing = Tracing(open_source, self._opened, self._publish, WINDOWS[window], interval_s)

    def get_default_screen(self) -> Screen[None]:
        """Begin with the main screen."""
        return Main(self._spec)

    def on_mount(self) -> None:
        """Begin to trace as soon as the first frame is painted."""
        if self.ansi_color:
            self.theme = PLAIN_THEME
        if self._pid is not None:
            self._open_process(Process(self._pid, _comm(self._pid)))
        self.call_after_refresh(self._trace)
        self.call_after_refresh(self._load_charts)

    def on_unmount(self) -> None:
        """Stop to trace, however the dashboard ends."""
        self._tracing.stop()
        self._cancel()
        self._resolver.close()

    # The tracer

    @work(thread=True, exit_on_error=False, name="trace")
    def _trace(self) -> None:
        self._tracing.run()

    @work(thread=True, exit_on_error=False, name="charts")
    def _load_charts(self) -> None:
        import_module("tcpconntop.tui.charts")  # plotext takes long to load: not at its first use

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
        self._change(latest=message.snapshot, info=message.snapshot.info)

    def _change(self, **changes: object) -> None:
        """Let things stand differently, and show it."""
        self._moment = replace(self._moment, **changes)  # type: ignore[arg-type]
        self._deliver()

    @on(BoardShown)
    def _deliver(self) -> None:
        """Tell the board that is seen how things stand."""
        boards = [screen for screen in self.screen_stack if isinstance(screen, Board)]
        if boards and boards[-1].is_mounted:
            boards[-1].show(self._moment)

    # Actions

    async def action_quit(self) -> None:
        """Leave."""
        self._leave(0, None)

    def action_pause(self) -> None:
        """Freeze the view, or let it go on."""
        if self._moment.frozen is not None:
            self._change(frozen=None)
        elif self._moment.latest is not None:
            self._change(frozen=self._moment.latest)

    def action_window(self, by: int) -> None:
        """Go to the next window (1) or to the one before (-1)."""
        names = list(WINDOWS)
        name = names[(names.index(self._moment.window) + by) % len(names)]
        self._tracing.look_at(WINDOWS[name])
        self._change(window=name)
        if self._moment.frozen is not None:
            self.notify(f"the window will be {name} when you resume")

    def action_names(self) -> None:
        """Show names beside addresses and ports, or no longer."""
        self._change(namer=None if self._moment.namer else self._resolver.name)

    def _name_found(self) -> None:
        self.post_message(NameFound())

    @on(NameFound)
    def _show_names(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Board):
                screen.table.forget()

    def action_interval(self, by: int) -> None:
        """Refresh less often (1) or more often (-1)."""
        now_s = self._moment.interval_s
        steps = [step for step in INTERVALS_S if (step > now_s if by > 0 else step < now_s)]
        if steps:
            interval_s = min(steps) if by > 0 else max(steps)
            self._tracing.set_interval(interval_s)
            self._change(interval_s=interval_s)

    def action_help(self) -> None:
        """Show the help."""
        from tcpconntop.tui.screens.help import Help

        self.push_screen(Help(self._moment.info))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Give every action that the screen has to the palette."""
        owners = {"app": self, "board": screen, "table": getattr(screen, "table", None)}
        for action in ACTIONS:
            owner = owners[action.scope]
            name = action.name.partition("(")[0]
            if owner is not None and hasattr(owner, f"action_{name}"):
                yield SystemCommand(
                    f"{action.title}  ({action.shown})", action.help, partial(owner.run_action, action.name)
                )
        yield SystemCommand("Theme", "Choose other colours.", self.action_change_theme)

    # Screens

    @on(ProcessesWanted)
    def _choose(self, message: ProcessesWanted) -> None:
        if len(message.processes) == 1:
            self._open_process(message.processes[0])
            return
        from tcpconntop.tui.screens.chooser import Chooser

        self.push_screen(Chooser(message.processes), self._open_process)

    def _open_process(self, process: Process | None) -> None:
        if process is not None:
            info = self._moment.info
            # Only of what is live on this machine does /proc tell anything.
            about = describe(process.pid) if info is None or info.live else ""
            screen = ProcessScreen(process, self._spec, about)
            screen.moment = self._moment  # so that its first frame is not an empty one
            self.push_screen(screen)

    @on(ProcessScreen.Left)
    def _close_process(self) -> None:
        self.pop_screen()


def _comm(pid: int) -> str:
    """Give the name of a process that was asked for by its id, as far as /proc tells."""
    from pathlib import Path

    try:
        return printable(Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").rstrip("\n"))
    except OSError:
        return "process"
