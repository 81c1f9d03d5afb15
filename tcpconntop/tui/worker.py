"""The tracer's life in threads: opened late, closed however it ends, never waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.engine import DEFAULT_MAX_KEYS, Engine
from tcpconntop.sources.base import Source

POLL_S = 0.05
"""How long a quit waits at most for the thread that waits for the source."""


class SourceOpening:
    """A source that is being opened in a thread of its own, so that nobody has to wait for it.

    Args:
        open_source: gives the source; may block for seconds.
    """

    def __init__(self, open_source: Callable[[], Source]) -> None:
        self._open_source = open_source
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._source: Source | None = None
        self._error: BaseException | None = None
        self._abandoned = False
        # A daemon: a compiler that hangs must not keep the process from ending.
        threading.Thread(target=self._open, name="open-source", daemon=True).start()

    def _open(self) -> None:
        try:
            source = self._open_source()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        else:
            with self._lock:
                self._source = source
                if self._abandoned:
                    source.close()
        self._done.set()

    def wait(self, given_up: Callable[[], bool]) -> Source | None:
        """Wait for the source; None if the caller gave up first, and then it is closed when it arrives.

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
                self._abandoned = True
                if self._source is not None:
                    self._source.close()
                return None
            return self._source


class EngineThread:
    """Opens a source, runs the engine on it, and keeps wishes that come before there is one.

    `run` is for a worker thread; every other method may be called from any thread.

    Args:
        open_source: gives the source; blocks, raises.
        opened: called with the source's description once it is open.
        publish: called with each snapshot.
        window_s: the window in seconds; None is everything since the start.
        interval_s: seconds between snapshots.
        max_keys: bound of the keys that are told apart.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        opened: Callable[[SourceInfo], None],
        publish: Callable[[Snapshot], None],
        window_s: float | None,
        interval_s: float,
        max_keys: int = DEFAULT_MAX_KEYS,
    ) -> None:
        self._open_source, self._opened, self._publish = open_source, opened, publish
        self._window_s, self._interval_s, self._max_keys = window_s, interval_s, max_keys
        self._stopped = threading.Event()
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Trace until `stop` is called or the source has ended.

        Raises:
            BaseException: whatever opening or reading the source raised.
        """
        source = SourceOpening(self._open_source).wait(self._stopped.is_set)
        if source is None:
            return
        self._opened(source.info)
        with self._lock:
            engine = self._engine = Engine(
                source, self._publish, self._window_s, self._interval_s, self._max_keys
            )
            if self._stopped.is_set():
                engine.stop()
        engine.run()

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window."""
        with self._lock:
            self._window_s = window_s
            if self._engine is not None:
                self._engine.set_window(window_s)

    def set_interval(self, interval_s: float) -> None:
        """Change the seconds between snapshots."""
        with self._lock:
            self._interval_s = interval_s
            if self._engine is not None:
                self._engine.set_interval(interval_s)

    def seek(self, to_ns: int) -> None:
        """Go to a moment of a recording."""
        if self._engine is not None:
            self._engine.seek(to_ns)

    def set_pace(self, speed: float, *, halted: bool) -> None:
        """Play a recording faster or slower, or let it stand still."""
        if self._engine is not None:
            self._engine.set_speed(speed, paused=halted)

    def now_ns(self) -> int | None:
        """Give the moment that the source has come to, on the clock of its records."""
        return self._engine.now_ns if self._engine is not None else None

    def stop(self) -> None:
        """Make `run` return soon."""
        with self._lock:
            self._stopped.set()
            if self._engine is not None:
                self._engine.stop()
