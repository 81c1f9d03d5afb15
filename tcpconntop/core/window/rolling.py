"""The rolling window: records in, sums per key out, whatever window is looked at.

Time is cut into slices, each the sparse counts of its seconds. The sums of the chosen window are kept up
to date: a slice is added when its second is over, or a state is asked for, and taken away when it leaves
the window. Slices stay for the longest rolling window, so that another window is a matter of adding other
slices; what they held is then added to the sums of everything older, for the window without an end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from math import floor

import numpy as np

from tcpconntop.core.counts import PagedCounts, SparseCounts
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import OTHER_ROW, Keys, KeyTable
from tcpconntop.core.window.recent import RecentConnects, RecentLog
from tcpconntop.core.window.slices import (
    MAX_WINDOW_S,
    AttemptCounts,
    RunningSums,
    Slice,
    first_single_second,
    merge_slices,
    slice_length_s,
    slice_span,
)
from tcpconntop.core.wire import Events

WINDOWS: dict[str, float | None] = {"10s": 10, "1m": 60, "5m": 300, "15m": 900, "all": None}
"""The windows by name, in seconds; None is everything since the start."""

FOLD_INTERVAL_S = 5
"""The least number of seconds between two folds: each goes through the whole history."""


@dataclass(frozen=True, eq=False)
class WindowState:
    """The window at one moment, for a snapshot. Arrays are read-only and shared by nobody who writes.

    Attributes:
        keys: key of each row (dtype `KEY`), shape (n,).
        stats: figures of each row over the window (dtype `STATS`), shape (n,); the `LAST_ATTEMPT_FIELDS` ones speak of
            the last attempt since the start, which is in the window where the row has attempts there.
        latency_pages: bucket counts by row, in the form that regroups fastest.
        error_pages: errno counts by row, in that form.
        slices: the spans of the window that had records, oldest first; the running second may have several.
        recent: the last records of each process.
        history: every span that is kept, whatever the window; it costs no memory of its own.
        older: the sums of what was before the history.
    """

    keys: Keys
    stats: st.Stats
    latency_pages: PagedCounts
    error_pages: PagedCounts
    slices: tuple[Slice, ...]
    recent: RecentConnects
    history: tuple[Slice, ...] = ()
    older: RunningSums = field(default_factory=RunningSums)

    @cached_property
    def latency(self) -> SparseCounts:
        """Bucket counts by row, one by one."""
        return self.latency_pages.to_sparse().freeze()

    @cached_property
    def errors(self) -> SparseCounts:
        """Errno counts by row, one by one."""
        return self.error_pages.to_sparse().freeze()


class RollingWindow:
    """Rolling sums per key over the last `window_s` seconds.

    The clock is the caller's: `now_ns` is monotonic, and a reading older than the last one is taken for
    the last one, so that a clock that jumps back cannot bring a second back.

    Args:
        window_s: what `state` speaks of, in seconds; None is everything since the start.
        max_keys: bound of the keys that are told apart. When it is reached, new keys are counted under
            `other` until the coldest quarter is folded to make room: as soon as the second is over, but
            only every few seconds (`FOLD_INTERVAL_S`).
    """

    def __init__(self, window_s: float | None = 60, max_keys: int = 20_000) -> None:
        self._max_keys = max_keys
        self._keys = KeyTable(max_keys)
        self._crowded = False  # a key found no room since the last fold
        self._second = 0
        self._folded = -FOLD_INTERVAL_S  # in which second it last was
        self._pending: list[st.Attempts] = []  # of the running second, in no slice yet
        self._recent = RecentLog()
        self._ever = st.empty(1)  # figures since the start
        self._history: list[Slice] = []  # of the longest window, oldest first
        self._older = RunningSums()  # of what left the history
        self._aged = RunningSums()  # of those in the history that are older than single seconds
        self._aged_before = 0  # which are those that begin before this second
        self._rolling = RunningSums()  # of the slices in the window
        self._summed: list[Slice] = []  # which are these
        self._window_s: float | None = None
        self.set_window(window_s)

    @property
    def window_s(self) -> float | None:
        """The window that `state` speaks of, in seconds; None is everything since the start."""
        return self._window_s

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window; nothing that was collected is lost.

        Raises:
            ValueError: the window is longer than what is kept in slices.
        """
        if window_s is not None and not 0 < window_s <= MAX_WINDOW_S:
            raise ValueError(f"a window has at most {MAX_WINDOW_S} seconds, or no end")
        self._seal()
        self._window_s = window_s
        self._summed, n_rows = self._inside(), len(self._keys)
        if window_s is not None and window_s < MAX_WINDOW_S:
            self._rolling = RunningSums.from_slices(self._summed, n_rows)
            return
        self._rolling = self._aged.copy()
        self._rolling.add(
            RunningSums.from_slices(
                [part for part in self._summed if part.second >= self._aged_before], n_rows
            )
        )
        if window_s is None:
            self._rolling.add(self._older)

    def span_s(self, began_ns: int, now_ns: int) -> float:
        """Give how much time the window covers when counting began at `began_ns`."""
        since = max(began_ns, self._first_second(self._window_s) * SECOND_NS)
        return max(now_ns - since, 0) / SECOND_NS

    def ingest(self, events: Events, now_ns: int) -> None:
        """Take in records that ended just before `now_ns`, in the order in which they ended.

        The records are kept for a while as they are, not copied: nobody may write to `events` any more.
        """
        self.advance(now_ns)
        if not len(events):
            return
        rows, full = self._keys.find_or_add(events)
        self._crowded |= full
        self._pending.append(st.Attempts.from_events(events, rows))
        self._recent.add(events)

    def advance(self, now_ns: int) -> None:
        """Let time pass: seal the second that is over, drop those that left the window."""
        second = now_ns // SECOND_NS
        if second <= self._second:
            return
        self._seal()
        self._second = second
        self._follow()
        self._coarsen()
        if self._crowded and second >= self._folded + FOLD_INTERVAL_S:
            self._fold()

    def state(self) -> WindowState:
        """Give the window as it stands, the running second included."""
        self._seal()
        self._follow()
        n_rows = len(self._keys)
        stats = self._rolling.stats[:n_rows].copy()
        for name in st.LAST_ATTEMPT_FIELDS:
            stats[name] = self._ever[name][:n_rows]
        keys = self._keys.keys
        keys.flags.writeable = stats.flags.writeable = False
        return WindowState(
            keys,
            stats,
            self._rolling.latency.copy().freeze(),
            self._rolling.errors.copy().freeze(),
            tuple(self._inside()),
            self._recent.state(),
            tuple(self._history),
            self._older,
        )

    def _first_second(self, window_s: float | None) -> int:
        """Give the second with which a window begins: a boundary of the slices of that age."""
        if window_s is None:
            return 0
        length = slice_length_s(window_s)
        return (floor(self._second - window_s) + 1) // length * length

    def _inside(self) -> list[Slice]:
        """Give the slices of the window, oldest first."""
        first = self._first_second(self._window_s)
        return [part for part in self._history if part.second >= first]

    def _seal(self) -> None:
        """Make a slice of what is pending."""
        if not self._pending:
            return
        n_rows = len(self._keys)
        tally = AttemptCounts.from_attempts(st.Attempts.concatenate(self._pending), n_rows)
        self._pending.clear()
        rows = np.flatnonzero(st.attempt_counts(tally.stats))
        self._ever = st.extended(self._ever, n_rows)
        self._history.append(tally.to_slice(self._second, 1))
        st.add(self._ever, rows, self._history[-1].packed_stats)
        st.update_last_attempts(self._ever, rows, tally.stats[rows])

    def _follow(self) -> None:
        """Bring the sums of the window up to date with the slices that are in it."""
        inside, first = self._inside(), self._first_second(self._window_s)
        gone = [part for part in self._summed if part.second < first]
        kept = self._summed[len(gone) :]
        if len(gone) > len(kept):  # it is less work to begin anew
            self._rolling, self._summed = RunningSums.from_slices(inside, len(self._keys)), inside
            return
        self._rolling.grow(len(self._keys))
        there = set(map(id, kept))
        self._rolling.update([part for part in inside if id(part) not in there], gone, kept)
        self._summed = inside

    def _coarsen(self) -> None:
        """Merge slices into the blocks of their age; what left the longest window goes to `_older`."""
        first, before, n_rows = (
            self._first_second(MAX_WINDOW_S),
            first_single_second(self._second),
            len(self._keys),
        )
        gone = [part for part in self._history if part.second < first]
        self._history = self._history[len(gone) :]
        if gone:
            self._older = self._older.copy()  # states hold the one before
            self._older.grow(n_rows)
            self._older.update(gone)
        aged = [part for part in self._history if part.second < before]
        fresh = [part for part in aged if part.second >= self._aged_before]
        stale = [part for part in gone if part.second < self._aged_before]
        if fresh or stale:
            self._aged.grow(n_rows)
            self._aged.update(fresh, stale, aged[: len(aged) - len(fresh)])
        self._aged_before = before
        blocks = groupby(self._history, lambda part: slice_span(part.second, self._second))
        self._history = [merge_slices(list(parts), *block, n_rows) for block, parts in blocks]
        self._summed = self._inside()

    def _fold(self) -> None:
        """Fold the coldest quarter of the keys into `other`.

        Those that have been idle for the longest window go first, then those with the fewest attempts,
        and of equal ones those that have been idle for longer.
        """
        n_rows = len(self._keys)
        self._ever = st.extended(self._ever, n_rows)
        ended, attempts = self._ever["end_ns"][1:n_rows], st.attempt_counts(self._ever)[1:n_rows]
        alive = ended >= (self._second - MAX_WINDOW_S) * SECOND_NS
        order = np.lexsort((ended, attempts, alive)) + 1
        kept = np.concatenate(([OTHER_ROW], np.sort(order[n_rows - 1 - self._max_keys * 3 // 4 :])))
        new_row = self._keys.keep(kept)
        self._ever = st.regroup(self._ever[:n_rows], new_row, len(kept))
        self._older = self._older.copy()  # states hold the one before
        for sums in (self._older, self._aged, self._rolling):
            sums.fold(new_row, len(kept))
        self._history = [part.fold(new_row) for part in self._history]
        self._summed = self._inside()
        self._crowded, self._folded = False, self._second
