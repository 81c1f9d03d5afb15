"""Going back and forth in time: within a recording wherever one likes, live within what is kept.

In a recording every moment is exact, since what lies before it is played again; live, moments are as fine as
the slices that are left of them (`rewind.py`).
"""

from __future__ import annotations

from dataclasses import replace

from tcpconntop.core.time_expr import TimeRange
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import Playback, next_speed
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.screens.goto import GotoScreen
from tcpconntop.tui.state import PendingSeek
from tcpconntop.tui.steering import Steering

PROGRESS_S = 0.5
"""How often a seek that takes long says how far it is."""

END_OF_TIME_NS = 1 << 62
END = "this is the end: ← goes back"


class Playing(Steering):
    """Has the actions that go to another moment."""

    def on_mount(self) -> None:
        """Keep an eye on seeks."""
        self.set_interval(PROGRESS_S, self._tell_progress)

    def _tell_progress(self) -> None:
        seeking, latest, now_ns = self._moment.seeking, self._moment.latest, self._tracing.now_ns()
        play = self._moment.playback
        if seeking is None or latest is None or play is None or now_ns is None:
            return
        from_ns = latest.now_ns if latest.now_ns <= seeking.to_ns else play.began_ns
        share = (now_ns - from_ns) / max(seeking.to_ns - from_ns, 1)
        self._change(seeking=replace(seeking, share=min(max(share, 0.0), 1.0)))

    def _late(self, snapshot: Snapshot) -> bool:
        """Say whether a snapshot was made before a seek that is on its way."""
        seeking, play = self._moment.seeking, snapshot.playback
        return seeking is not None and play is not None and play.last_seek_ns != seeking.to_ns

    def _played(self, snapshot: Snapshot) -> dict[str, object]:
        """Give what a snapshot changes: the user's own wishes stay, which it may not know yet."""
        play, known = snapshot.playback, self._moment.playback
        if play is not None and known is not None:
            play = replace(play, speed=known.speed, paused=known.paused)
        return {"playback": play, "seeking": None}

    # Actions

    def action_pause(self) -> None:
        """Halt the recording, or let it go on; live, freeze the view."""
        play = self._moment.playback
        if play is None:
            super().action_pause()
        elif play.ended:
            self.notify(END)
        else:
            self._pace(replace(play, paused=not play.paused))

    def action_past(self, by: int) -> None:
        """Stop at the second before (-1) or after (1); live, look at an older moment or at a newer one."""
        play = self._moment.playback
        if play is None:
            super().action_past(by)
            return
        if not play.paused:
            self._pace(replace(play, paused=True))
        self.action_seek(by)

    def action_seek(self, by_s: int) -> None:
        """Go forward or back by seconds."""
        play, latest = self._moment.playback, self._moment.latest
        if latest is None:
            return
        if play is None:
            self._look((self._moment.frozen or latest).now_ns + by_s * SECOND_NS)
            return
        now_ns = self._at_ns(latest)
        self._go(play, now_ns, now_ns + by_s * SECOND_NS)

    def action_seek_to(self, place: str) -> None:
        """Go to the `start` or to the `end`."""
        play, latest = self._moment.playback, self._moment.latest
        if latest is None:
            return
        if play is None:
            self._look(latest.began_ns if place == "start" else END_OF_TIME_NS)
        else:
            there = self._at_ns(latest) if place == "start" or play.ended else None
            self._go(play, there, play.began_ns if place == "start" else play.end_ns)

    def action_goto(self) -> None:
        """Ask for a time, and go there."""
        latest = self._moment.latest
        if latest is None:
            self.notify("there is no moment to go to yet")
            return
        self.push_screen(GotoScreen(self._span(latest)), self._go_to)

    def action_speed(self, by: int) -> None:
        """Play faster (1) or slower (-1)."""
        play = self._moment.playback
        if play is None:
            self.notify("only what was recorded has a speed")
        elif play.ended:
            self.notify(END)
        elif (speed := next_speed(play.speed, by)) == play.speed:
            self.notify(f"it cannot be played {'faster' if by > 0 else 'slower'}")
        else:
            self._pace(replace(play, speed=speed))

    # How

    def _at_ns(self, latest: Snapshot) -> int:
        """Give the moment that is shown, or the one that is on its way."""
        seeking = self._moment.seeking
        return seeking.to_ns if seeking is not None else latest.now_ns

    def _span(self, latest: Snapshot) -> TimeRange:
        play, offset_ns = self._moment.playback, latest.wall_offset_ns
        seen = self._moment.snapshot or latest
        ends = (play.began_ns, play.end_ns) if play is not None else (latest.began_ns, latest.now_ns)
        return TimeRange((ends[0] + offset_ns) / SECOND_NS, seen.wall_s, (ends[1] + offset_ns) / SECOND_NS)

    def _go_to(self, wall_s: float | None) -> None:
        latest, play = self._moment.latest, self._moment.playback
        if wall_s is None or latest is None:
            return
        to_ns = round(wall_s * SECOND_NS) - latest.wall_offset_ns
        if play is None:
            self._look(to_ns)
        else:
            self._go(play, None, to_ns)

    def _go(self, play: Playback, from_ns: int | None, to_ns: int) -> None:
        """Go to a moment of the recording; say so where there is none."""
        to_ns = play.clamp(to_ns)
        if to_ns == from_ns:
            self.notify("this is the beginning" if to_ns == play.began_ns else "this is the end")
            return
        self.clear_notifications()  # what was said of where one was
        self._tracing.seek(to_ns)
        self._change(seeking=PendingSeek(to_ns))

    def _look(self, to_ns: int) -> None:
        """Pause, and look at a moment of what is kept."""
        latest, shown = self._moment.latest, self._moment.snapshot
        if latest is None or shown is None:
            return
        older = to_ns < shown.now_ns
        if self._rewind.base is None:
            if not older:
                self.notify("this is the newest moment")
                return
            self._rewind.hold(latest)
        self.clear_notifications()  # what was said of where one was
        if not self._rewind.go((to_ns - 1) // SECOND_NS):
            self._say_no_more(older=older)
        self._look_back()

    def _pace(self, play: Playback) -> None:
        self._tracing.set_pace(play.speed, halted=play.paused)
        self._change(playback=play)
