"""The rolling window: records in, sums per key out, whatever window is looked at.

Time is cut into slices of one second. A slice holds the sparse counts of its second and never changes.
The sums of the chosen window are kept up to date: a slice is added when its second is over and taken away
when it leaves the window. Slices stay for the longest rolling window, so that another window is a matter
of adding other slices; the sums since the start ("all") are kept beside them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tcpconntop.core import stats as st
from tcpconntop.core.cells import CELLS, Cells
from tcpconntop.core.histogram import bucket_of
from tcpconntop.core.keys import OTHER, Keys, KeyTable, Rows, keys_of
from tcpconntop.core.wire import EVENT, Events, Outcome

SECOND_NS = 1_000_000_000
WINDOWS: dict[str, float | None] = {"10s": 10, "1m": 60, "5m": 300, "15m": 900, "all": None}
"""The windows by name, in seconds; None is everything since the start."""

LONGEST_S = 900
RECENT = 8192
"""How many of the last records are kept one by one, for the screens that list connects."""


@dataclass(frozen=True, eq=False)
class Slice:
    """What one second brought. Immutable.

    Attributes:
        second: number of the second on the monotonic clock.
        rows: the rows that had records, ascending, distinct.
        stats: their figures (dtype `STATS`), same length.
        latency: bucket counts of the connects that succeeded.
        errors: errno counts of those that failed.
    """

    second: int
    rows: Rows
    stats: st.Stats
    latency: Cells
    errors: Cells

    @classmethod
    def of(cls, second: int, events: Events, rows: Rows) -> Slice:
        """Sum up the records of a second; `rows` gives the row of each."""
        distinct, stats = st.of_events(events, rows)
        ok = events["outcome"] == Outcome.OK
        latency = Cells.of(rows[ok], bucket_of(st.latency_ns(events[ok])))
        errors = Cells.of(rows[~ok], np.minimum(events["error"][~ok], CELLS - 1))
        return cls(second, distinct, stats, latency, errors)

    def regroup(self, new_row: Rows) -> Slice:
        """Give the same second with rows merged: `new_row[row]` is where a row goes."""
        groups = new_row[self.rows]
        distinct, inverse = np.unique(groups, return_inverse=True)
        stats = st.regroup(self.stats, inverse, len(distinct))
        return Slice(
            self.second, distinct, stats, self.latency.regroup(new_row), self.errors.regroup(new_row)
        )


@dataclass
class Sums:
    """The sum of some slices, by row."""

    stats: st.Stats = field(default_factory=lambda: st.empty(1))
    latency: Cells = field(default_factory=Cells)
    errors: Cells = field(default_factory=Cells)

    def grow(self, n_rows: int) -> None:
        """Make room for rows 0 … n_rows - 1."""
        if n_rows > len(self.stats):
            self.stats = np.concatenate((self.stats, st.empty(max(n_rows, 2 * len(self.stats)))))

    def add(self, *slices: Slice) -> None:
        """Add slices."""
        for part in slices:
            st.add(self.stats, part.rows, part.stats)
        self.latency = Cells.total([self.latency, *(part.latency for part in slices)])
        self.errors = Cells.total([self.errors, *(part.errors for part in slices)])

    def subtract(self, gone: Slice, remaining: Iterable[Slice]) -> None:
        """Take a slice away; the slices that remain are asked for the extremes it may have held."""
        st.subtract_sums(self.stats, gone.rows, gone.stats)
        self.latency = self.latency.minus(gone.latency)
        self.errors = self.errors.minus(gone.errors)
        extreme = (gone.stats["max_ns"] >= self.stats["max_ns"][gone.rows]) | (
            gone.stats["min_ns"] <= self.stats["min_ns"][gone.rows]
        )
        rows = gone.rows[extreme]
        self.stats["min_ns"][rows], self.stats["max_ns"][rows] = st.NO_MINIMUM, 0
        for part in remaining:
            at = np.minimum(np.searchsorted(part.rows, rows), len(part.rows) - 1)
            found = part.rows[at] == rows
            hit, theirs = rows[found], part.stats[at[found]]
            self.stats["min_ns"][hit] = np.minimum(self.stats["min_ns"][hit], theirs["min_ns"])
            self.stats["max_ns"][hit] = np.maximum(self.stats["max_ns"][hit], theirs["max_ns"])

    def regroup(self, new_row: Rows, n_rows: int) -> Sums:
        """Give the same sums with rows merged."""
        stats = st.regroup(self.stats[: len(new_row)], new_row, n_rows)
        return Sums(stats, self.latency.regroup(new_row), self.errors.regroup(new_row))


@dataclass(frozen=True, eq=False)
class WindowState:
    """The window at one moment, for a snapshot. Arrays are read-only and shared by nobody who writes.

    Attributes:
        keys: key of each row (dtype `KEY`), shape (n,).
        stats: figures of each row over the window (dtype `STATS`), shape (n,).
        latency: bucket counts by row.
        errors: errno counts by row.
        slices: the seconds of the window that had records, oldest first, the running one last.
        recent: the last records, oldest first.
    """

    keys: Keys
    stats: st.Stats
    latency: Cells
    errors: Cells
    slices: tuple[Slice, ...]
    recent: Events


class Window:
    """Rolling sums per key over the last `window_s` seconds.

    The clock is the caller's: `now_ns` is monotonic, and a reading older than the last one is taken for
    the last one, so that a clock that jumps back cannot bring a second back.
    """

    def __init__(self, window_s: float | None = 60, max_keys: int = 20_000) -> None:
        self._window_s = window_s
        self._max_keys = max_keys
        self._keys = KeyTable()
        self._all = Sums()
        self._rolling = Sums()
        self._history: deque[Slice] = deque()  # the sealed seconds of the longest window, oldest first
        self._inside: deque[Slice] = deque()  # those of them that `_rolling` sums up
        self._second = 0
        self._pending: list[tuple[Events, Rows]] = []  # of the running second
        self._recent: Events = np.empty(0, EVENT)

    @property
    def window_s(self) -> float | None:
        """The window that `state` speaks of, in seconds; None is everything since the start."""
        return self._window_s

    def look_at(self, window_s: float | None) -> None:
        """Switch to another window; nothing that was collected is lost."""
        self._window_s = window_s
        self._rolling, self._inside = Sums(), deque()
        self._rolling.grow(len(self._keys))
        if window_s is not None:
            self._inside.extend(part for part in self._history if part.second > self._second - window_s)
            self._rolling.add(*self._inside)

    def span_s(self, began_ns: int, now_ns: int) -> float:
        """Give how much time the window covers when counting began at `began_ns`."""
        since = began_ns
        if self._window_s is not None:
            since = max(began_ns, (self._second - int(self._window_s) + 1) * SECOND_NS)
        return max(now_ns - since, 0) / SECOND_NS

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in records that ended just before `now_ns`, in the order in which they ended."""
        self.advance(now_ns)
        if not len(events):
            return
        self._pending.append((events, self._keys.rows(keys_of(events))))
        if len(self._keys) > self._max_keys:
            self._fold()
        self._recent = np.concatenate((self._recent, events[-RECENT:]))[-RECENT:]

    def advance(self, now_ns: int) -> None:
        """Let time pass: seal the second that is over, drop those that left the window."""
        second = now_ns // SECOND_NS
        if second <= self._second:
            return
        if self._pending:
            self._seal()
        self._second = second
        if self._window_s is not None:
            while self._inside and self._inside[0].second <= second - self._window_s:
                self._rolling.subtract(self._inside.popleft(), self._inside)
        while self._history and self._history[0].second <= second - LONGEST_S:
            self._history.popleft()

    def state(self) -> WindowState:
        """Give the window as it stands, the running second included."""
        sums = self._all if self._window_s is None else self._rolling
        slices = self._history if self._window_s is None else self._inside
        sums.grow(len(self._keys))
        sums = Sums(sums.stats[: len(self._keys)].copy(), sums.latency, sums.errors)
        running = [self._running_slice()] if self._pending else []
        sums.add(*running)
        state = WindowState(
            self._keys.keys.copy(), sums.stats, sums.latency, sums.errors, (*slices, *running), self._recent
        )
        for array in (state.keys, state.stats, state.recent):
            array.flags.writeable = False
        return state

    def _running_slice(self) -> Slice:
        events, rows = (np.concatenate(parts) for parts in zip(*self._pending, strict=True))
        return Slice.of(self._second, events, rows)

    def _seal(self) -> None:
        part = self._running_slice()
        self._pending.clear()
        self._history.append(part)
        for sums in (self._all, self._rolling):
            sums.grow(len(self._keys))
        self._all.add(part)
        if self._window_s is not None:
            self._inside.append(part)
            self._rolling.add(part)

    def _fold(self) -> None:
        """Fold the coldest quarter of the keys into `other`: the fewest attempts, then the longest idle."""
        if self._pending:
            self._seal()
        attempts, ended = st.attempts(self._all.stats), self._all.stats["end_ns"]
        n_rows = len(self._keys)
        order = np.lexsort((ended[1:n_rows], attempts[1:n_rows])) + 1
        kept = np.concatenate(([OTHER], np.sort(order[-(self._max_keys * 3 // 4) :])))
        new_row = self._keys.keep(kept)
        self._all = self._all.regroup(new_row, len(kept))
        self._history = deque(part.regroup(new_row) for part in self._history)
        self.look_at(self._window_s)
