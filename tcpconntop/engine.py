"""The engine: reads a source, keeps the window, publishes snapshots. It runs in a thread of its own."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Cost, Snapshot
from tcpconntop.core.wire import Events
from tcpconntop.kernel.process import own_memory_bytes
from tcpconntop.malloc_trim import trim_heap
from tcpconntop.sources.base import CountedSource, Source
from tcpconntop.sources.player import Player

MAX_READ_S = 0.1
"""The longest time that a request (another window, stop) waits for an engine whose source cannot be woken."""

MAX_WOKEN_READ_S = 1.0
"""The longest time of one read of a source that can be woken."""

MAX_REPLAY_READ_S = 3600.0
"""The longest time that one read skips in a recording where nothing happened."""

COST_INTERVAL_S = 5.0
"""How often our own cost is measured."""

OBSERVE_INTERVAL_S = 1.0
"""How often alerts are judged, if snapshots are published less often."""

TRIM_INTERVAL_S = 10.0
"""How often freed memory is returned to the system."""


class Engine:
    """Turns a source into a series of frozen snapshots.

    `run` is what the engine's thread runs; every other method may be called from any thread.

    Args:
        source: what to read; closed when `run` returns.
        publish: called in the engine's thread with each snapshot.
        window_s: the window of the snapshots, in seconds; None is everything since the start.
        interval_s: seconds between snapshots.
        max_keys: how many keys have a row of their own.
        clock_s: the clock that `interval_s` is measured on, in seconds: that of a recording, whose reads
            never wait for long, or None for the system's. With None, `run` goes on at the end of a recording
            that can be sought in.
        first_s: seconds until the first snapshot, if that is to be sooner than `interval_s`.
        observe: called in the engine's thread with each snapshot before it is published, and with others, so
            that there is one in each second.
    """

    def __init__(
        self,
        source: Source,
        publish: Callable[[Snapshot], object],
        window_s: float | None = 60,
        interval_s: float = 1.0,
        max_keys: int = DEFAULT_MAX_KEYS,
        clock_s: Callable[[], float] | None = None,
        observe: Callable[[Snapshot], object] | None = None,
        first_s: float = math.inf,
    ) -> None:
        self._source, self._first_s = source, first_s
        self._observe = observe
        self._counted = source if isinstance(source, CountedSource) else None
        self._publish = publish
        self._step_s, self._max_keys = self._counted.step_s if self._counted else 1, max_keys
        self._window = RollingWindow(window_s, max_keys, self._step_s)
        self._player = source.player if clock_s is None else None
        self._seek_targets: deque[int] = deque(maxlen=1)
        self._wanted_window_s = window_s
        self._interval_s = interval_s
        self._clock_s = clock_s or time.monotonic
        self._wake = source.wake or (lambda: None)
        longest_s = MAX_WOKEN_READ_S if source.wake else MAX_READ_S
        self._read_s = longest_s if clock_s is None else MAX_REPLAY_READ_S
        self._publish_now = threading.Event()
        self._stop = threading.Event()
        self._began_ns, self._has_records = source.now_ns(), False
        self._cost = CostMeter()

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window, and publish a snapshot of it at once."""
        self._wanted_window_s = window_s
        self._publish_soon()

    def set_interval(self, interval_s: float) -> None:
        """Change the seconds between snapshots."""
        self._interval_s = interval_s
        self._publish_soon()

    def seek(self, to_ns: int) -> None:
        """Go to a moment of a recording, and publish a snapshot of it once it is reached."""
        self._seek_targets.append(to_ns)
        self._wake()

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Set the speed of a recording, pause it or resume it; publish a snapshot at once."""
        if self._player is not None:
            self._player.set_speed(speed, paused=paused)
            self._publish_soon()

    @property
    def now_ns(self) -> int:
        """The current time of the source, on the clock of its records."""
        return self._source.now_ns()

    def stop(self) -> None:
        """Make `run` return after a last snapshot."""
        self._stop.set()
        self._wake()

    def _publish_soon(self) -> None:
        self._publish_now.set()
        self._wake()

    def run(self) -> None:
        """Read and publish until `stop` is called or the source has ended.

        A last snapshot is published on the way out, so that everything that was read is shown.
        """
        next_s = self._clock_s() + min(self._interval_s, self._first_s)
        observe_s = self._next_observation_s()
        trim_s = time.monotonic() + TRIM_INTERVAL_S
        try:
            while not self._stop.is_set() and not (self._source.ended and self._player is None):
                self._seek()
                ended_before = self._source.ended
                self._ingest(min(self._read_s, max(0.0, min(next_s, observe_s) - self._clock_s())))
                if self._source.ended and not ended_before and self._player is not None:
                    self._publish_now.set()  # show the end of a recording at once
                if self._publish_now.is_set() or self._clock_s() >= next_s:
                    next_s = self._publish_snapshot(next_s)
                    observe_s = self._next_observation_s()
                elif self._observe is not None and self._clock_s() >= observe_s:
                    self._observe(self._snapshot())
                    observe_s = self._next_observation_s()
                if time.monotonic() >= trim_s:
                    trim_heap()
                    trim_s = time.monotonic() + TRIM_INTERVAL_S
            self._show(self._snapshot())
        finally:
            self._source.close()

    def _next_observation_s(self) -> float:
        return math.inf if self._observe is None else self._clock_s() + OBSERVE_INTERVAL_S

    def _show(self, snapshot: Snapshot) -> None:
        if self._observe is not None:
            self._observe(snapshot)
        self._publish(snapshot)

    def _publish_snapshot(self, due_s: float) -> float:
        """Publish a snapshot; return when the next one is due. Both times are on the clock `clock_s`."""
        requested = self._publish_now.is_set()
        self._publish_now.clear()
        # After a request, the interval begins anew; otherwise it is counted from when this one was due.
        start_s = self._clock_s() if requested else due_s
        self._show(self._snapshot())
        # If publishing took longer than the interval, the missed snapshots are not made up for.
        return max(start_s + self._interval_s, self._clock_s())

    def _seek(self) -> None:
        """Go to the moment that was asked for last; what lies before it is read and counted on the way."""
        while self._seek_targets and self._player is not None:
            to_ns = self._seek_targets.pop()
            self._read_up_to(self._player, to_ns)
            if self._player.seek_done and self._player.restarts(self._source.now_ns()):
                # The recording ends before it says it does: the last seconds were read as blocks.
                self._read_up_to(self._player, self._source.now_ns())
                self._read_up_to(self._player, to_ns)
            self._publish_now.set()

    def _read_up_to(self, player: Player, to_ns: int) -> None:
        if player.restarts(to_ns):
            self._window = RollingWindow(self._wanted_window_s, self._max_keys)
        player.seek(to_ns)
        while not (player.seek_done or self._seek_targets or self._stop.is_set()):
            self._ingest(MAX_READ_S)

    def _ingest(self, timeout_s: float) -> None:
        events = self._source.read(timeout_s)
        for counted in self._counted.take_counted() if self._counted else ():
            self._window.ingest_counted(counted)
        if len(events) and not self._has_records:
            self._has_records = True
            if self._player is None:
                events = self._ingest_waiting(events)
        span = self._player.batch_span if self._player is not None else None
        self._window.ingest(events, self._source.now_ns(), span)

    def _ingest_waiting(self, events: Events) -> Events:
        """Count the connects that ended since tracing began, before this object, at their seconds.

        Returns:
            Those of the last second.
        """
        second = events["end_ns"] // SECOND_NS
        self._began_ns = min(self._began_ns, int(events["end_ns"].min()))
        *earlier, last = sorted(set(second.tolist()))
        for ended in earlier:
            self._window.ingest(events[second == ended], ended * SECOND_NS)
        newest: Events = events[second == last]
        return newest

    def _snapshot(self) -> Snapshot:
        ledger = self._source.ledger()
        self._ingest(0)  # after the ledger, so that all that it counts is in the rows
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
            places=self._source.places(),
            cost=self._cost.read(),
            host=self._source.host(),
            began_ns=self._began_ns,
            playback=self._player.playback() if self._player is not None else None,
            step_s=self._step_s,
        )


class CostMeter:
    """Measures CPU time and memory of this process, every `COST_INTERVAL_S`: a new figure is a line to paint.

    Args:
        clock_s: a clock in seconds.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._wall_s, self._cpu_s = clock_s(), time.process_time()
        self._cost: Cost | None = None

    def read(self) -> Cost:
        """Return the CPU share between the last two measurements, and the resident memory at the last one."""
        wall_s, cpu_s = self._clock_s(), time.process_time()
        if self._cost is not None and wall_s - self._wall_s < COST_INTERVAL_S:
            return self._cost
        share = (cpu_s - self._cpu_s) / max(wall_s - self._wall_s, 1e-3)
        self._wall_s, self._cpu_s = wall_s, cpu_s
        self._cost = Cost(share, own_memory_bytes())
        return self._cost
