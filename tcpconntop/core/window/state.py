"""The rolling window at one moment, as a snapshot holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from tcpconntop.core.counts import PagedCounts, SparseCounts
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.keys import Keys
from tcpconntop.core.window.recent import RecentConnects
from tcpconntop.core.window.slices import Slice
from tcpconntop.core.window.sums import RunningSums


@dataclass(frozen=True, eq=False)
class WindowState:
    """The window at one moment. All arrays are read-only; none is changed later.

    Attributes:
        keys: key of each row (dtype `KEY`), shape (n,).
        stats: figures of each row over the window (dtype `STATS`), shape (n,). The `LAST_ATTEMPT_FIELDS` are
            about the last attempt since the start, which is in the window if the row has attempts in it.
        latency_pages: latency buckets by row.
        error_pages: errno counts by row.
        slices: the slices of the window, oldest first; the running second may have several.
        recent: the last records of each process.
        history: all slices that are kept, whatever the window; shared with it, so it costs no memory.
        older: the sums of everything before `history`.
        older_slices: the same in few slices of long times, for pictures: they may have gaps between them.
    """

    keys: Keys
    stats: st.Stats
    latency_pages: PagedCounts
    error_pages: PagedCounts
    slices: tuple[Slice, ...]
    recent: RecentConnects
    history: tuple[Slice, ...] = ()
    older: RunningSums = field(default_factory=RunningSums)
    older_slices: tuple[Slice, ...] = ()

    @cached_property
    def latency(self) -> SparseCounts:
        """Latency buckets by row, as sorted codes."""
        return self.latency_pages.to_sparse().freeze()

    @cached_property
    def errors(self) -> SparseCounts:
        """Errno counts by row, as sorted codes."""
        return self.error_pages.to_sparse().freeze()
