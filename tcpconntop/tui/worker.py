"""The engine in a thread of its own: the source opens after the first frame and is closed however it ends.

Quitting never waits for a source that is still opening.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tcpconntop.core.lazy import lazy, load_all
from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.sources.base import Source
from tcpconntop.tui.state import DashboardState

if TYPE_CHECKING:
    from tcpconntop import engine as engines
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.tui import background_count
else:
    engines = lazy("tcpconntop.engine")
    background_count = lazy("tcpconntop.tui.background_count")

FIRST_SNAPSHOT_S = 0.25
"""When the first snapshot comes, in seconds: until then the screen is empty."""

POLL_S = 0.05
"""How often the thread that waits for the source checks whether the user has quit, in seconds."""


class SourceOpening:
    """Opens a source in a daemon thread of its own.

    Args:
        open_source: returns the source; may block for seconds.
    """

    def __init__(self, open_source: Callable[[], Source]) -> None:
        self._open_source = open_source
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._source: Source | None = None
        self._error: BaseException | None = None
        self._given_up = False
        # A daemon: a compiler that hangs must not keep the process from ending.
        threading.Thread(target=self._open, name="open-source", daemon=True).start()

    def _open(self) -> None:
        try:
            source = self._open_source()
        except BaseException as error:  # noqa: BLE001 - raised again in `wait`
            self._error = error
        else:
            with self._lock:
                self._source = source
                if self._given_up:
                    source.close()
        self._done.set()

    def wait(self, given_up: Callable[[], bool]) -> Source | None:
        """Return the source once it is open; None if `given_up` returns True first.

        A source that opens after that is closed.

        Raises:
            BaseException: whatever opening raised.
        """
        while not self._done.wait(POLL_S):
            if given_up():
                break
        with self._lock:
            if self._error is not None:
                raise self._error
            if given_up():
                self._given_up = True
                if self._source is not None:
                    self._source.close()
                return None
            return self._source


class EngineControls(Protocol):
    """What the user can change about a running engine; see `Engine`."""

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window."""

    def set_interval(self, interval_s: float) -> None:
        """Change the seconds between snapshots."""

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Change the speed of a recording, or stop it."""

    def seek(self, to_ns: int) -> None:
        """Move to a moment of a recording."""


def send_changes(engine: EngineControls, before: DashboardState, after: DashboardState) -> None:
    """Pass on to the engine what differs between two successive states."""
    if after.window != before.window:
        engine.set_window(WINDOWS[after.window])
    if after.interval_s != before.interval_s:
        engine.set_interval(after.interval_s)
    old, new = before.playback, after.playback
    if old is not None and new is not None and (old.speed, old.paused) != (new.speed, new.paused):
        engine.set_speed(new.speed, paused=new.paused)
    target_ns = after.seeking.to_ns if after.seeking is not None else None
    if target_ns is not None and (before.seeking is None or before.seeking.to_ns != target_ns):
        engine.seek(target_ns)


class EngineThread:
    """Opens a source and runs the engine on it.

    `run` is for a worker thread; every other method may be called from any thread.

    Args:
        open_source: returns the source; may block, may raise.
        opened: called with the source's description once it is open.
        publish: called with each snapshot.
        state: has the first window and interval.
        max_keys: the most keys with statistics of their own.
        report_overview: called in a thread with what is known of a whole recording, and the text of the
            filter under which it was counted.

    Attributes:
        observe: called with a snapshot of each second; None for nobody. Set it before `run`.
    """

    observe: Callable[[Snapshot], object] | None = None

    def __init__(
        self,
        open_source: Callable[[], Source],
        opened: Callable[[SourceInfo], object],
        publish: Callable[[Snapshot], object],
        state: DashboardState,
        max_keys: int = DEFAULT_MAX_KEYS,
        report_overview: Callable[[Overview, str], object] = lambda *_: None,
    ) -> None:
        self._open_source, self._opened, self._publish = open_source, opened, publish
        self._state, self._max_keys = state, max_keys
        self._report_overview = report_overview
        self._stopped = threading.Event()
        self._count: background_count.RecordingCount | None = None
        self._engine: engines.Engine | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Trace until `stop` is called or the source has ended.

        Raises:
            BaseException: whatever opening or reading the source raised.
        """
        opening = SourceOpening(self._open_source)
        load_all()  # meanwhile: the first frame is painted, and the first snapshot shall not wait for it
        source = opening.wait(self._stopped.is_set)
        if source is None:
            return
        self._opened(source.info)
        with self._lock:
            if source.player is not None and not self._stopped.is_set():
                self._count = background_count.RecordingCount(source.player, self._report_overview)
                self._count.count(Filter())
            window_s, interval_s = WINDOWS[self._state.window], self._state.interval_s
            running = self._engine = engines.Engine(
                source,
                self._publish,
                window_s,
                interval_s,
                self._max_keys,
                observe=self.observe,
                first_s=FIRST_SNAPSHOT_S,
            )
            if self._stopped.is_set():
                running.stop()
        running.run()

    def follow(self, state: DashboardState) -> None:
        """Make the engine follow a new state; if it has not started yet, it starts with the new state."""
        with self._lock:
            before, self._state = self._state, state
            if self._engine is not None:
                send_changes(self._engine, before, state)

    def count(self, where: Filter) -> None:
        """Count a whole recording under a filter in the background, in place of what is counted now."""
        with self._lock:
            if self._count is not None and not self._stopped.is_set():
                self._count.count(where)

    def now_ns(self) -> int | None:
        """Return the moment that the source has reached, on its own clock; None before it is open."""
        return self._engine.now_ns if self._engine is not None else None

    def stop(self) -> None:
        """Make `run` return soon."""
        with self._lock:
            self._stopped.set()
            if self._count is not None:
                self._count.stop()
            if self._engine is not None:
                self._engine.stop()


def exit_status(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the text for an error that ended the engine.

    The text is a traceback if the error has no `exit_code`: then it is a defect of this program.
    """
    code = getattr(error, "exit_code", None)
    if code is None:
        return 1, "".join(traceback.format_exception(error)).rstrip()
    return int(code), str(error)
