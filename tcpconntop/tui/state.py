"""The dashboard's immutable state, passed to the visible screen, and its changes as pure methods.

A method that cannot fail returns the next state. One that may have nothing to do returns a `Change`: the next
state and the note that tells the user why. The app (`app.py`) keeps the newest state and applies the changes;
moving in time is in `time_travel.py`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tcpconntop.core.format import elapsed
from tcpconntop.core.lazy import lazy
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.alerts import AlertLog
from tcpconntop.core.view.baseline import without_history
from tcpconntop.core.view.filter import Filter
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.lengths import MAX_WINDOW_S, WINDOWS
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.tui.actions import KeyBindings

if TYPE_CHECKING:
    from tcpconntop.core.analysis.overview import Overview
    from tcpconntop.core.window import history as past
else:
    past = lazy("tcpconntop.core.window.history")

STARTING = "starting…"
NOTHING_YET = "nothing to show yet: tracing has not started"

COARSE = 0.1
"""From this share on, the difference between a window and what its slices cover is said."""

INTERVALS_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The refresh intervals that `+` and `-` step through, in seconds."""

MAX_TOTALS = MAX_WINDOW_S + 60
"""Seconds for which the totals are kept: as long as the slices reach back, and a minute more."""


@dataclass(frozen=True)
class PendingSeek:
    """A seek in a recording that has not arrived yet.

    Attributes:
        to_ns: the target, on the clock of the records.
        share: how much of the way is done, 0 to 1; None until the first report.
    """

    to_ns: int
    share: float | None = None


@dataclass(frozen=True, eq=False)
class Pause:
    """A paused live view. Holding on to `base` keeps its slices in memory, so that one can look back from it.

    Attributes:
        base: the newest snapshot at the time of the pause.
        second: the second that is looked at, on the clock of the records; `base.second` or an earlier one.
        shown: the snapshot of that second, through the window of the dashboard.
    """

    base: Snapshot
    second: int
    shown: Snapshot


@dataclass(frozen=True, eq=False)
class DashboardState:
    """The dashboard's immutable state.

    Attributes:
        window: name of the chosen window (`WINDOWS`).
        interval_s: seconds between refreshes.
        info: the source, once it is open.
        latest: the newest snapshot.
        pause: the paused live view; None while it is not paused. A recording is paused by `playback`.
        baseline: the snapshot that the rows are compared with.
        compare_s: how many seconds before the shown window it ended; None if a moment is marked, or none is
            compared (`comparison.py`).
        keys: the keys of the actions.
        namer: returns the name of an address; None when names are not shown.
        ended: True if the source has no more records.
        playback: position and speed in a recording, as the user set them; None for a live source.
        seeking: the seek that has not arrived yet.
        alerts: what is watched for, and what fired so far.
        totals: (end in ns, totals since the start) of the last snapshots, one for each second.
        overview: what is known so far of a whole recording; None for any other source.
        scope: the filter of the command line; what `/` filters is always within it.
        scope_left: True while the user looks at everything, outside of the scope.
        filtered: text of a filter, and what is known so far of a recording under it; None without one.
    """

    window: str
    interval_s: float
    info: SourceInfo | None = None
    latest: Snapshot | None = field(default=None, repr=False)
    pause: Pause | None = field(default=None, repr=False)
    baseline: Snapshot | None = field(default=None, repr=False)
    compare_s: int | None = None
    keys: KeyBindings = field(default_factory=KeyBindings)
    namer: Callable[[str], str] | None = field(default=None, repr=False)
    ended: bool = False
    playback: Playback | None = None
    seeking: PendingSeek | None = None
    alerts: AlertLog = field(default_factory=AlertLog)
    totals: tuple[tuple[int, Ledger], ...] = field(default=(), repr=False)
    overview: Overview | None = field(default=None, repr=False)
    scope: Filter = field(default_factory=Filter)
    scope_left: bool = False
    filtered: tuple[str, Overview] | None = field(default=None, repr=False)

    # What to show

    @property
    def scope_filter(self) -> Filter:
        """The filter of the command line, as long as the user has not left it."""
        return Filter() if self.scope_left else self.scope

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot to show: the one of the pause, or else the newest."""
        return self.pause.shown if self.pause is not None else self.latest

    @property
    def paused_s(self) -> float | None:
        """Seconds since the live view was paused; None when it is not paused."""
        if self.pause is None or self.latest is None:
            return None
        return (self.latest.now_ns - self.pause.base.now_ns) / SECOND_NS

    @property
    def ago_s(self) -> float | None:
        """Age of the shown moment in seconds; None unless the user looks back from a pause."""
        if self.pause is None or self.latest is None or self.pause.shown.now_ns == self.pause.base.now_ns:
            return None
        return (self.latest.now_ns - self.pause.shown.now_ns) / SECOND_NS

    @property
    def window_label(self) -> str:
        """Name of the shown window, or the time it covers where old slices are too coarse for it: `1m20s`."""
        if self.pause is None:
            return self.window
        shown = self.pause.shown
        name = next(name for name, length_s in WINDOWS.items() if length_s == shown.window_s)
        if shown.window_s is None or self.ago_s is None:
            return name
        expected_s = min(shown.window_s, (shown.now_ns - shown.began_ns) / SECOND_NS)
        return elapsed(shown.span_s) if abs(shown.span_s - expected_s) > COARSE * expected_s else name

    def counted(self, where: str) -> Overview | None:
        """Return what is known of a whole recording under a filter; None if that is nothing."""
        if not where:
            return self.overview
        return self.filtered[1] if self.filtered is not None and self.filtered[0] == where else None

    @property
    def on_long_way(self) -> bool:
        """True while a seek goes on that takes so long that its progress is known."""
        return self.seeking is not None and self.seeking.share is not None

    @property
    def stands_still(self) -> bool:
        """True if the view or the recording is paused, so that one moment is shown."""
        return self.pause is not None or (self.playback is not None and self.playback.paused)

    # Changes that come from the source

    def with_source(self, info: SourceInfo) -> DashboardState:
        """Return the state after the source was opened."""
        return replace(self, info=info)

    def with_count(self, overview: Overview, where: str = "") -> DashboardState:
        """Return the state after more of a recording was read in the background, under a filter."""
        return replace(self, filtered=(where, overview)) if where else replace(self, overview=overview)

    def with_end(self) -> DashboardState:
        """Return the state after the source's last record."""
        return replace(self, ended=True)

    def with_snapshot(self, snapshot: Snapshot) -> DashboardState:
        """Return the state with a new snapshot; the same state for one from before the pending seek."""
        playback = snapshot.playback
        if playback is not None:
            if self.seeking is not None and playback.last_seek_ns != self.seeking.to_ns:
                return self
            if self.playback is not None:  # the engine may not have received the user's last change yet
                playback = replace(playback, speed=self.playback.speed, paused=self.playback.paused)
        totals = self.totals
        if totals and totals[-1][0] // SECOND_NS == snapshot.second:
            totals = totals[:-1]
        totals = (*totals[1 - MAX_TOTALS :], (snapshot.now_ns, snapshot.ledger))
        return replace(
            self, info=snapshot.info, latest=snapshot, playback=playback, seeking=None, totals=totals
        )

    def with_seek_progress(self, now_ns: int) -> DashboardState:
        """Return the state after the source reached `now_ns` on its way to a pending seek."""
        if self.seeking is None or self.latest is None or self.playback is None:
            return self
        # Seeking back starts again from the beginning of the recording.
        backwards = self.latest.now_ns > self.seeking.to_ns
        from_ns = self.playback.began_ns if backwards else self.latest.now_ns
        share = (now_ns - from_ns) / max(self.seeking.to_ns - from_ns, 1)
        return replace(self, seeking=replace(self.seeking, share=min(max(share, 0.0), 1.0)))

    # Changes that come from the user

    def with_namer(self, namer: Callable[[str], str] | None) -> DashboardState:
        """Return the state with other names of addresses; None shows none."""
        return replace(self, namer=namer)

    def toggle_scope(self, key: str) -> Change:
        """Leave the filter of the command line, or go back to it; `key` does the opposite."""
        if not self.scope.text:
            return Change(self, "this is everything: the command line has no -c, --dest or --filter")
        again = f"; {key}: back" if key else ""
        note = f"only {self.scope.text} again" if self.scope_left else f"not only {self.scope.text}{again}"
        return Change(replace(self, scope_left=not self.scope_left), note)

    def next_window(self, by: int) -> DashboardState:
        """Return the state with the next window (1) or the previous one (-1); a paused moment stays."""
        names = list(WINDOWS)
        state = replace(self, window=names[(names.index(self.window) + by) % len(names)])
        return state if self.pause is None else state.paused_at(self.pause.base, self.pause.second)

    def next_interval(self, by: int) -> Change:
        """Refresh less often (1) or more often (-1)."""
        now_s = self.interval_s
        steps = [step for step in INTERVALS_S if (step > now_s if by > 0 else step < now_s)]
        if not steps:
            return Change(self, f"{now_s:g}s is the {'longest' if by > 0 else 'shortest'} refresh interval")
        return Change(replace(self, interval_s=min(steps) if by > 0 else max(steps)))

    def toggle_baseline(self) -> Change:
        """Compare all rows with the shown moment from now on, or stop comparing.

        On a moment that stands still and is not the marked one, the mark moves there.
        """
        shown = self.snapshot
        if shown is None:
            return Change(self, NOTHING_YET)
        marked = self.baseline if self.compare_s is None else None
        if marked is not None and not (self.stands_still and shown.now_ns != marked.now_ns):
            return Change(replace(self, baseline=None))
        return Change(replace(self, baseline=without_history(shown), compare_s=None))

    def paused_at(self, base: Snapshot, second: int) -> DashboardState:
        """Return the state paused on an earlier second of `base`, or on `base` itself."""
        window_s = WINDOWS[self.window]
        if second == base.second and base.window_s == window_s:
            return replace(self, pause=Pause(base, second, base))
        ledger = None if second == base.second else self._totals_at(second)
        near = self.pause.shown if self.pause is not None and self.pause.base is base else None
        return replace(
            self, pause=Pause(base, second, past.snapshot_at(base, second, window_s, ledger, near))
        )

    def _totals_at(self, second: int) -> Ledger | None:
        """Return the totals at the end of a second; None where they are not kept."""
        index = bisect_right(self.totals, (second + 1) * SECOND_NS, key=lambda total: total[0])
        return self.totals[index - 1][1] if index else None


@dataclass(frozen=True)
class Change:
    """What an action of the user leads to.

    Attributes:
        state: the state after it; the same one if nothing changed.
        note: one line for the user: why nothing changed, or what to know about the change. May be empty.
        moved: True if another moment is shown or looked for, so that notes about the old one are out of date.
    """

    state: DashboardState
    note: str = ""
    moved: bool = False
