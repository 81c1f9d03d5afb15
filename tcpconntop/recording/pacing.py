"""The clock of a recording that is played: how far it goes while our own clock goes on."""

from __future__ import annotations

from collections.abc import Callable

from tcpconntop.core.types import SECOND_NS

MAX_SLEEP_S = 0.1
"""Upper bound of one sleep, so that a read returns soon even when the recording is played slowly."""


class PlaybackClock:
    """Advances through the times of a recording, and sleeps so that it does so at a given speed.

    Args:
        speed: speed of playback; 1 is real time, infinity never sleeps.
        clock_s: our own clock, in seconds.
        sleep: sleeps for a number of seconds.

    Attributes:
        speed: may be changed at any time, from any thread.
        paused: True if playback is paused; the clock itself does not use it.
    """

    def __init__(self, speed: float, clock_s: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.speed, self.paused = speed, False
        self._clock_s, self._sleep = clock_s, sleep
        # Where the current speed began: (our clock in s, the recording's clock in ns, the speed).
        self._anchor: tuple[float, int, float] | None = None

    def reset(self) -> None:
        """Start timing again at the next `advance_to`: the time up to it was skipped, not played."""
        self._anchor = None

    def idle(self, timeout_s: float) -> None:
        """Sleep without advancing the recording."""
        self._anchor = None
        if timeout_s > 0:
            self._sleep(min(timeout_s, MAX_SLEEP_S))

    def advance_to(self, now_ns: int, goal_ns: int) -> int:
        """Advance the recording's clock towards `goal_ns`, with a sleep of at most `MAX_SLEEP_S`; return it.

        Args:
            now_ns: where the recording's clock is.
            goal_ns: where it is to go, not before `now_ns`.
        """
        speed = self.speed  # read once: another thread may change it
        if speed == float("inf"):
            self._anchor = None
            return goal_ns
        now_s = self._clock_s()
        if self._anchor is None or self._anchor[2] != speed:
            self._anchor = (now_s, now_ns, speed)
        start_s, start_ns, _ = self._anchor
        due_s = start_s + (goal_ns - start_ns) / SECOND_NS / speed
        if due_s > now_s:
            self._sleep(min(due_s - now_s, MAX_SLEEP_S))
            now_s = self._clock_s()
        if due_s <= now_s:
            return goal_ns
        reached_ns = start_ns + int((now_s - start_s) * SECOND_NS * speed)
        return min(max(reached_ns, now_ns), goal_ns)
