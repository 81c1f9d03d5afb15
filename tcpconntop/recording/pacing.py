"""How fast a recording's clock goes beside ours."""

from __future__ import annotations

from collections.abc import Callable

from tcpconntop.core.types import SECOND_NS

MAX_SLEEP_S = 0.1
"""The longest that a read sleeps, however slowly the clock goes."""


class PlaybackClock:
    """Goes from one moment of a recording to the next, and sleeps meanwhile.

    Args:
        speed: how much faster than it was recorded; infinite never waits.
        clock_s: our own clock.
        sleep: waits.
    """

    def __init__(self, speed: float, clock_s: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.speed, self.halted = speed, False
        self._clock_s, self._sleep = clock_s, sleep
        # Our clock, the recording's, and the speed since.
        self._anchor: tuple[float, int, float] | None = None

    def reset(self) -> None:
        """Begin anew with the next moment: what lies before it was not waited for."""
        self._anchor = None

    def idle(self, timeout_s: float) -> None:
        """Let our time pass, and none of the recording's."""
        self._anchor = None
        if timeout_s > 0:
            self._sleep(min(timeout_s, MAX_SLEEP_S))

    def advance_to(self, now_ns: int, goal_ns: int) -> int:
        """Wait for a moment, but never for long; give the moment that has come."""
        speed = self.speed  # somebody else may change it
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
