"""The engine: reads a source, keeps the window, publishes snapshots. It runs in a thread of its own."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Cost, Snapshot
from tcpconntop.malloc_trim import trim_heap
from tcpconntop.sources.base import Source

MAX_READ_S = 0.1
"""The longest that a wish (another window, stop) waits for the engine."""

MAX_REPLAY_READ_S = 3600.0
"""The longest that a read goes on in a recording where nothing happened."""

DEFAULT_MAX_KEYS = 20_000

TRIM_INTERVAL_S = 10.0
"""How often memory that is free is given back to the system: large arrays come and go all the time."""


class Engine:
    """Turns a source into a row of frozen snapshots.

    `run` is the worker; every other method may be called from any thread.

    Args:
        source: what to read; closed when `run` returns.
        publish: called in the engine's thread with each snapshot.
        window_s: the window of the snapshots, in seconds; None is everything since the start.
        interval_s: seconds between snapshots.
        max_keys: bound of the keys that are told apart.
        clock_s: what `interval_s` is measured on: the clock of a recording, whose reads never wait for
            long, or our own (None). On our own, a recording that can be steered is not left at its end.
    """

    def __init__(
        self,
        source: Source,
        publish: Callable[[Snapshot], object],
        window_s: float | None = 60,
        interval_s: float = 1.0,
        max_keys: int = DEFAULT_MAX_KEYS,
        clock_s: Callable[[], float] | None = None,
    ) -> None:
        self._source = source
        self._publish = publish
        self._window, self._max_keys = RollingWindow(window_s, max_keys), max_keys
        self._player = source.player if clock_s is None else None
        self._sought: deque[int] = deque(maxlen=1)
        self._wanted_window_s = window_s
        self._interval_s = interval_s
        self._clock_s = clock_s or time.monotonic
        self._read_s = MAX_READ_S if clock_s is None else MAX_REPLAY_READ_S
        self._now = threading.Event()
        self._stop = threading.Event()
        self._began_ns = source.now_ns()
        self._cost = CostMeter()

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window; a snapshot of it follows at once."""
        self._wanted_window_s = window_s
        self._now.set()

    def set_interval(self, interval_s: float) -> None:
        """Change the seconds between snapshots."""
        self._interval_s = interval_s
        self._now.set()

    def seek(self, to_ns: int) -> None:
        """Go to a moment of a recording; a snapshot of it follows as soon as it is reached."""
        self._sought.append(to_ns)

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Play a recording faster or slower, or let it stand still; a snapshot follows at once."""
        if self._player is not None:
            self._player.set_speed(speed, paused=paused)
            self._now.set()

    @property
    def now_ns(self) -> int:
        """The moment that the source has come to, on the clock of its records."""
        return self._source.now_ns()

    def stop(self) -> None:
        """Make `run` return after one last snapshot."""
        self._stop.set()

    def run(self) -> None:
        """Read and publish until `stop` is called or the source has ended.

        The last snapshot is published on the way out, so that nothing that was read goes unseen.
        """
        next_s = self._clock_s() + self._interval_s
        given_back_s = time.monotonic()
        try:
            while not self._stop.is_set() and not (self._source.ended and self._player is None):
                self._go()
                ended = self._source.ended
                self._ingest(min(self._read_s, max(0.0, next_s - self._clock_s())))
                if self._source.ended and not ended and self._player is not None:
                    self._now.set()  # what it ends with is seen at once
                asked = self._now.is_set()
                if asked or self._clock_s() >= next_s:
                    self._now.clear()
                    began_s = self._clock_s() if asked else next_s  # many wishes put the next one off once
                    self._publish(self._snapshot())
                    # A publisher that took long does not make the next snapshots pile up.
                    next_s = max(began_s + self._interval_s, self._clock_s())
                if time.monotonic() >= given_back_s + TRIM_INTERVAL_S:
                    trim_heap()
                    given_back_s = time.monotonic()
            self._publish(self._snapshot())
        finally:
            self._source.close()

    def _go(self) -> None:
        """Go to where somebody wants to be in a recording: what lies before it is summed up on the way."""
        while self._sought and self._player is not None:
            to_ns = self._sought.pop()
            if to_ns < self._source.now_ns():
                self._window = RollingWindow(self._wanted_window_s, self._max_keys)
            self._player.seek(to_ns)
            while not (self._player.seek_done or self._sought or self._stop.is_set()):
                self._ingest(MAX_READ_S)
            self._now.set()

    def _ingest(self, timeout_s: float) -> None:
        self._window.ingest(self._source.read(timeout_s), self._source.now_ns())

    def _snapshot(self) -> Snapshot:
        ledger = self._source.ledger()
        self._ingest(0)  # what the ledger counts is in the rows
        if self._window.window_s != self._wanted_window_s:
            self._window.set_window(self._wanted_window_s)
        now_ns = self._source.now_ns()
        return Snapshot(
            info=self._source.info,
            ledger=ledger,
            window=self._window.state(),
            window_s=self._window.window_s,
            span_s=self._window.span_s(self._began_ns, now_ns),
            now_ns=now_ns,
            wall_offset_ns=self._source.wall_offset_ns(),
            units=self._source.units(),
            cost=self._cost.read(),
            host=self._source.host(),
            began_ns=self._began_ns,
            playback=self._player.playback() if self._player is not None else None,
        )


class CostMeter:
    """Measures what this process itself takes."""

    def __init__(self) -> None:
        self._page_bytes = resource.getpagesize()
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()

    def read(self) -> Cost:
        """Give the CPU share since the last call and the resident memory now."""
        wall_s, cpu_s = time.monotonic(), time.process_time()
        share = (cpu_s - self._cpu_s) / max(wall_s - self._wall_s, 1e-3)
        self._wall_s, self._cpu_s = wall_s, cpu_s
        resident_pages = int(Path(f"/proc/{os.getpid()}/statm").read_text("ascii").split()[1])
        return Cost(share, resident_pages * self._page_bytes)
