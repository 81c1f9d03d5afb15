"""How far a recording is played, and how fast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tcpconntop.core.types import SECOND_NS

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, float("inf"))
"""What the dashboard steps through; the last one is as fast as it can be read."""


@dataclass(frozen=True)
class Playback:
    """How a recording is played; moments are on the clock of its records.

    Attributes:
        began_ns: its first moment.
        end_ns: its last one, as far as it can be told: of a torn one, that of the last whole block.
        speed: how much faster than it was recorded; infinite: as fast as it is read.
        paused: whether it stands still.
        ended: whether it was played to its end.
        last_seek_ns: where the last seek that has arrived went; None before there was one.
    """

    began_ns: int
    end_ns: int
    speed: float = 1.0
    paused: bool = False
    ended: bool = False
    last_seek_ns: int | None = None

    def clamp(self, moment_ns: int) -> int:
        """Give the moment of the recording that is nearest to another one."""
        return min(max(moment_ns, self.began_ns), self.end_ns)


def next_speed(speed: float, by: int) -> float:
    """Give the next faster speed (1) or the next slower one (-1); the same where there is none."""
    at = bisect_right(SPEEDS, speed) if by > 0 else bisect_left(SPEEDS, speed) - 1
    return SPEEDS[at] if 0 <= at < len(SPEEDS) else speed


def format_position(since_ns: int, whole_ns: int) -> str:
    """Spell how far into a recording a moment is, `1:07` or `1:02:07`, as wide as the length of it."""
    widest = _clock(whole_ns // SECOND_NS)
    return _clock(max(since_ns, 0) // SECOND_NS).rjust(len(widest))


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def format_speed(speed: float) -> str:
    """Spell a speed: `×10`, `max`; nothing for the usual one."""
    if speed == float("inf"):
        return "max"
    return "" if speed == 1 else f"×{speed:g}"
