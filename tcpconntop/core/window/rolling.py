"""The rolling window: records in, sums per key out, for the window that is looked at.

Time is cut into slices, each the counts of its seconds. A second is added to the sums when it is counted,
before it is packed into a slice, and subtracted when its slice leaves the window. Slices are kept for the
longest rolling window, so that switching windows is a matter of adding up other slices.

What this buys: at 10,000 destinations a record costs a thirteenth of a Python callback for each record
(700 ns against 9,000 ns in one run of `make bench` on a busy machine), however long the window is.
"""

from __future__ import annotations

from math import floor

import numpy as np

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.counted import CountedConnects
from tcpconntop.core.window.keys import OTHER_ROW, KeyTable
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.window.recent import RecentLog
from tcpconntop.core.window.slice_history import SliceHistory
from tcpconntop.core.window.slices import AttemptCounts, Slice, slice_length_s, whole_steps
from tcpconntop.core.window.state import WindowState
from tcpconntop.core.window.sums import RunningSums
from tcpconntop.core.wire import Events

FOLD_INTERVAL_S = 5
"""The shortest time between two folds: each one renumbers the rows of the whole history."""


class RollingWindow:
    """Rolling sums per key over the last `window_s` seconds.

    The clock is the caller's: `now_ns` is monotonic. A reading before the last one counts as the last one.

    Args:
        window_s: the window that `state` returns, in seconds; None is everything since the start.
        max_keys: how many keys have a row of their own. Beyond that, new keys are counted as `other` until
            the coldest quarter is folded into it to make room: when the second ends, but at most every
            `FOLD_INTERVAL_S` seconds.
        step_s: seconds of the time spans that `ingest_counted` takes; 1 for records.
    """

    def __init__(
        self, window_s: float | None = 60, max_keys: int = DEFAULT_MAX_KEYS, step_s: int = 1
    ) -> None:
        self._max_keys, self._step_s = max_keys, step_s
        self._keys = KeyTable(max_keys)
        self._crowded = False  # a key found no room since the last fold
        self._second = 0
        self._span: tuple[int, int] | None = None  # of what is pending, unless it is the running second
        self._last_fold = -FOLD_INTERVAL_S  # second of the last fold
        self._pending: list[st.Attempts] = []  # of the running second, not counted yet
        self._recent = RecentLog()
        self._ever = st.empty(1)  # figures since the start
        self._history = SliceHistory(step_s)
        self._sums = RunningSums()  # of the window
        self._summed: list[Slice] = []  # the slices that are in it
        self._window_s: float | None = None
        self.set_window(window_s)

    @property
    def window_s(self) -> float | None:
        """The window that `state` returns, in seconds; None is everything since the start."""
        return self._window_s

    def set_window(self, window_s: float | None) -> None:
        """Switch to another window. Nothing that was collected is lost.

        Raises:
            ValueError: the window is longer than the slices are kept.
        """
        if window_s is not None and not 0 < window_s <= MAX_WINDOW_S:
            raise ValueError(f"a window has at most {MAX_WINDOW_S} seconds, or no end")
        self._count_pending()
        self._window_s = window_s
        self._summed, n_rows = self._inside(), len(self._keys)
        if window_s is not None and window_s < MAX_WINDOW_S:
            self._sums = RunningSums.from_slices(self._summed, n_rows)
            return
        self._sums = self._history.sum_kept(n_rows)
        if window_s is None:
            self._sums.add(self._history.older)

    def span_s(self, began_ns: int, now_ns: int) -> float:
        """Return how many seconds the window covers when counting began at `began_ns`."""
        since = max(began_ns, self._first_second() * SECOND_NS)
        return max(now_ns - since, 0) / SECOND_NS

    def ingest(self, events: Events, now_ns: int, span: tuple[int, int] | None = None) -> None:
        """Take in records that ended just before `now_ns`, in the order in which they ended.

        Args:
            events: kept for a while without a copy: nothing may write to it any more.
            now_ns: the clock.
            span: first second and length of the slice that they are counted in, which ends with this second
                or later; None is this second. Another one is for all of what will be one slice anyway by the
                time when the window is looked at.
        """
        self.advance(now_ns)
        if not len(events):
            return
        rows, full = self._keys.find_or_add(events)
        self._crowded |= full
        self._pending.append(st.Attempts.from_events(events, rows))
        self._recent.add(events)
        self._span = span

    def ingest_counted(self, counted: CountedConnects) -> None:
        """Take in the connects of the time span that has just ended, which is the current time from now on.

        A window takes either these or records: the hash of a key is not that of a record.
        """
        self.advance(counted.last_ns)
        if not len(counted.keys):
            return
        rows, full = self._keys.find_or_add(counted.keys)
        self._crowded |= full
        n_rows = len(self._keys)
        self._add(counted.by_row(rows, n_rows), n_rows, counted.second, counted.seconds)

    def advance(self, now_ns: int) -> None:
        """Move the clock: count the second that ended, drop the slices that left the window."""
        second = now_ns // SECOND_NS
        if second <= self._second:
            return
        self._count_pending()
        self._second = second
        self._drop_expired()
        self._history.advance(second, len(self._keys))
        self._summed = self._inside()
        if self._crowded and second >= self._last_fold + FOLD_INTERVAL_S:
            self._fold()

    def state(self) -> WindowState:
        """Return the window at this moment, the running second included."""
        self._count_pending()
        n_rows = len(self._keys)
        stats = self._sums.stats[:n_rows].copy()
        for name in st.LAST_ATTEMPT_FIELDS:
            stats[name] = self._ever[name][:n_rows]
        keys = self._keys.keys
        keys.flags.writeable = stats.flags.writeable = False
        return WindowState(
            keys,
            stats,
            self._sums.latency.copy().freeze(),
            self._sums.errors.copy().freeze(),
            tuple(self._summed),
            self._recent.state(),
            tuple(self._history.slices),
            self._history.older,
            tuple(self._history.older_slices),
        )

    def _first_second(self) -> int:
        """Return the first second of the window: where a slice of that age begins."""
        if self._window_s is None:
            return 0
        length = slice_length_s(self._window_s)
        first = (floor(self._second - self._window_s) + 1) // length * length
        return whole_steps(first, self._second, self._step_s)

    def _inside(self) -> list[Slice]:
        """Return the slices of the window, oldest first."""
        return self._history.since(self._first_second())

    def _count_pending(self) -> None:
        """Add the pending attempts to all sums, then store them as a slice."""
        if not self._pending:
            return
        n_rows = len(self._keys)
        counts = AttemptCounts.from_attempts(st.Attempts.concatenate(self._pending), n_rows)
        self._pending.clear()
        self._add(counts, n_rows, *(self._span or (self._second, 1)))

    def _add(self, counts: AttemptCounts, n_rows: int, second: int, seconds: int) -> None:
        self._ever = st.extended(self._ever, n_rows)
        st.add(self._ever, counts.rows, counts.columns)
        st.update_last_attempts(self._ever, counts.rows, counts.stats[counts.rows])
        self._sums.add_counts(counts)
        part = counts.to_slice(second, seconds)
        self._history.append(part)
        self._summed.append(part)

    def _drop_expired(self) -> None:
        """Subtract the slices that left the window from its sums."""
        first = self._first_second()
        gone = [part for part in self._summed if part.second < first]
        self._summed = self._summed[len(gone) :]
        if len(gone) > len(self._summed):  # adding up what is left is less work
            self._sums = RunningSums.from_slices(self._summed, len(self._keys))
        else:
            self._sums.update((), gone, self._summed)

    def _fold(self) -> None:
        """Fold the coldest quarter of the keys into `other`.

        Keys that were idle for the longest window go first, then those with the fewest attempts; of equal
        ones, the one that was idle for longer.
        """
        n_rows = len(self._keys)
        self._ever = st.extended(self._ever, n_rows)
        ended, attempts = self._ever["end_ns"][1:n_rows], st.attempt_counts(self._ever)[1:n_rows]
        alive = ended >= (self._second - MAX_WINDOW_S) * SECOND_NS
        order = np.lexsort((ended, attempts, alive)) + 1
        kept = np.concatenate(([OTHER_ROW], np.sort(order[n_rows - 1 - self._max_keys * 3 // 4 :])))
        new_row = self._keys.keep(kept)
        self._ever = st.regroup(self._ever[:n_rows], new_row, len(kept))
        self._sums.fold(new_row, len(kept))
        self._history.fold(new_row, len(kept))
        self._summed = self._inside()
        self._crowded, self._last_fold = False, self._second
