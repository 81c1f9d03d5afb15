"""Moving in time: anywhere in a recording, or back within the history that a live window keeps.

A moment of a recording is exact, because everything before it is played again. A live moment is as fine as
the slices that are left of it (`core/window/history.py`). Nothing here has side effects: the methods return
the next state, and `EngineThread.follow` (`worker.py`) makes the engine follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tcpconntop.core.lazy import lazy
from tcpconntop.core.time_expr import TimeRange
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import Playback, next_speed
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.state import Change, DashboardState, PendingSeek

if TYPE_CHECKING:
    from tcpconntop.core.window import history as past
else:
    past = lazy("tcpconntop.core.window.history")

AT_END = "this is the end: ← goes back"
NEWEST = "this is the newest moment"


class TimeTravel(Protocol):
    """The ways to move in time, from one state."""

    def toggle_pause(self) -> Change:
        """Pause, or continue."""

    def step(self, by: int) -> Change:
        """Pause on the previous moment (-1) or on the next one (1)."""

    def seek(self, by_s: int) -> Change:
        """Move by some seconds, forward or back (negative)."""

    def seek_to_start(self) -> Change:
        """Move to the first moment."""

    def seek_to_end(self) -> Change:
        """Move to the last moment."""

    def seek_to(self, wall_s: float) -> Change:
        """Move to a Unix time, or to the nearest moment there is."""

    def look_at(self, to_ns: int) -> Change:
        """Stop at a moment on the clock of the records, or at the nearest one there is."""

    def change_speed(self, by: int) -> Change:
        """Play faster (1) or slower (-1)."""

    def time_range(self) -> TimeRange:
        """Return the first, the shown and the last moment."""


def time_travel(state: DashboardState) -> TimeTravel | None:
    """Return how to move in time from a state; None before the first snapshot."""
    if state.latest is None:
        return None
    if state.playback is None:
        return LiveHistory(state, state.latest)
    return RecordingPlayback(state, state.latest, state.playback)


@dataclass(frozen=True)
class LiveHistory:
    """Moves within the history of a live window. To look back is to pause: the collection goes on.

    Attributes:
        state: where the move starts.
        latest: its newest snapshot.
    """

    state: DashboardState
    latest: Snapshot

    def toggle_pause(self) -> Change:
        """Freeze the view, or let it follow the source again."""
        if self.state.pause is not None:
            return Change(replace(self.state, pause=None))
        return Change(self.state.paused_at(self.latest, self.latest.second))

    def step(self, by: int) -> Change:
        """Look at the previous slice (-1) or at the next one (1); looking back pauses the view."""
        if self.state.pause is None and by > 0:
            return Change(self.state, NEWEST)
        base, second = self._position()
        neighbour = past.second_before(base, second) if by < 0 else past.second_after(base, second)
        return self._look_at(base, neighbour, older=by < 0)

    def seek(self, by_s: int) -> Change:
        """Look at the slice some seconds before or after the shown one."""
        return self._seek_ns(self._shown().now_ns + by_s * SECOND_NS)

    def seek_to_start(self) -> Change:
        """Look at the oldest slice."""
        return self._seek_ns(self.latest.began_ns)

    def seek_to_end(self) -> Change:
        """Follow the source again: the newest moment is now."""
        if self.state.pause is None:
            return Change(self.state, NEWEST)
        return Change(replace(self.state, pause=None), moved=True)

    def seek_to(self, wall_s: float) -> Change:
        """Look at the slice that holds a Unix time, or at the nearest one."""
        return self._seek_ns(round(wall_s * SECOND_NS) - self.latest.wall_offset_ns)

    def look_at(self, to_ns: int) -> Change:
        """Look at the slice that ends at a moment, or at the nearest one."""
        return self._seek_ns(to_ns)

    def change_speed(self, _by: int) -> Change:
        """Change nothing: only recordings have a speed."""
        return Change(self.state, "only a recording can be played faster or slower")

    def time_range(self) -> TimeRange:
        """Return when counting began, the shown moment and the newest one."""
        offset_ns = self.latest.wall_offset_ns
        return TimeRange(
            (self.latest.began_ns + offset_ns) / SECOND_NS,
            self._shown().wall_s,
            (self.latest.now_ns + offset_ns) / SECOND_NS,
        )

    def _shown(self) -> Snapshot:
        return self.state.pause.shown if self.state.pause is not None else self.latest

    def _position(self) -> tuple[Snapshot, int]:
        """Return the snapshot that the pause holds, or would hold, and the second that is looked at."""
        pause = self.state.pause
        return (pause.base, pause.second) if pause is not None else (self.latest, self.latest.second)

    def _seek_ns(self, to_ns: int) -> Change:
        older = to_ns < self._shown().now_ns
        if self.state.pause is None and not older:
            return Change(self.state, NEWEST)
        base, second = self._position()
        wanted = (to_ns - 1) // SECOND_NS
        reached = nearest_second(base, second, wanted if older else max(wanted, second))
        return self._look_at(base, reached if reached != second else None, older=older)

    def _look_at(self, base: Snapshot, second: int | None, *, older: bool) -> Change:
        """Pause on a second of `base`; None stays where it is and says that there is nothing further."""
        if second is not None:
            return Change(self.state.paused_at(base, second), moved=True)
        note = "this is the oldest moment" if older else f"{NEWEST}: space resumes"
        state = self.state if self.state.pause is not None else self.state.paused_at(*self._position())
        return Change(state, note)


def nearest_second(base: Snapshot, second: int, wanted: int) -> int:
    """Return the last second of the slice that holds a wanted second, coming from another one.

    Going back, it is the newest slice end at or before `wanted`, or the oldest one that is kept; going
    forward, the oldest slice end at or after it, or `base.second`.
    """
    back = wanted < second
    while second > wanted if back else second < wanted:
        neighbour = past.second_before(base, second) if back else past.second_after(base, second)
        if neighbour is None:
            break
        second = neighbour
    return second


@dataclass(frozen=True)
class RecordingPlayback:
    """Moves within a recording: any moment can be reached, and the recording is played on from there.

    Attributes:
        state: where the move starts.
        latest: its newest snapshot.
        playback: its position and speed.
    """

    state: DashboardState
    latest: Snapshot
    playback: Playback

    def toggle_pause(self) -> Change:
        """Stop the recording, or let it go on."""
        if self.playback.ended:
            return Change(self.state, AT_END)
        return Change(self._with(replace(self.playback, paused=not self.playback.paused)))

    def step(self, by: int) -> Change:
        """Stop the recording, a second before (-1) or after (1)."""
        playback = replace(self.playback, paused=True)
        return RecordingPlayback(self._with(playback), self.latest, playback).seek(by)

    def seek(self, by_s: int) -> Change:
        """Move by some seconds."""
        return self._seek_ns(self._position_ns() + by_s * SECOND_NS, self._position_ns())

    def seek_to_start(self) -> Change:
        """Move to the first moment."""
        return self._seek_ns(self.playback.began_ns, self._position_ns())

    def seek_to_end(self) -> Change:
        """Move to the last moment."""
        return self._seek_ns(self.playback.end_ns, self._position_ns() if self.playback.ended else None)

    def seek_to(self, wall_s: float) -> Change:
        """Move to a Unix time."""
        return self._seek_ns(round(wall_s * SECOND_NS) - self.latest.wall_offset_ns)

    def look_at(self, to_ns: int) -> Change:
        """Stop the recording at a moment."""
        change = self._seek_ns(to_ns)
        return replace(change, state=replace(change.state, playback=replace(self.playback, paused=True)))

    def change_speed(self, by: int) -> Change:
        """Play faster (1) or slower (-1)."""
        if self.playback.ended:
            return Change(self.state, AT_END)
        speed = next_speed(self.playback.speed, by)
        if speed == self.playback.speed:
            return Change(self.state, f"this is the {'highest' if by > 0 else 'lowest'} speed")
        return Change(self._with(replace(self.playback, speed=speed)))

    def time_range(self) -> TimeRange:
        """Return the first, the shown and the last moment of the recording."""
        offset_ns = self.latest.wall_offset_ns
        return TimeRange(
            (self.playback.began_ns + offset_ns) / SECOND_NS,
            self.latest.wall_s,
            (self.playback.end_ns + offset_ns) / SECOND_NS,
        )

    def _position_ns(self) -> int:
        """Return the shown moment, or the target of the pending seek."""
        return self.state.seeking.to_ns if self.state.seeking is not None else self.latest.now_ns

    def _seek_ns(self, to_ns: int, from_ns: int | None = None) -> Change:
        """Move to the moment nearest to `to_ns`; if that is `from_ns`, say that the recording ends there."""
        to_ns = self.playback.clamp(to_ns)
        if to_ns == from_ns:
            at_start = to_ns == self.playback.began_ns
            return Change(self.state, "this is the beginning" if at_start else "this is the end")
        return Change(replace(self.state, seeking=PendingSeek(to_ns)), moved=True)

    def _with(self, playback: Playback) -> DashboardState:
        return replace(self.state, playback=playback)
