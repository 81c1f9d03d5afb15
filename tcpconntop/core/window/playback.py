"""The state of playing a recording: how far, how fast, paused or not."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from tcpconntop.core.types import SECOND_NS

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, float("inf"))
"""The speeds that the dashboard offers; the last one is as fast as the recording can be read."""


@dataclass(frozen=True)
class Playback:
    """How a recording is played. Times are on the clock of its records.

    Attributes:
        began_ns: when the recording begins.
        end_ns: when it ends, as far as known: a damaged one ends with its last complete block.
        speed: how many times faster than it was recorded; infinite for as fast as possible.
        paused: whether it is paused.
        ended: whether it was played to its end.
        last_seek_ns: target of the last seek that was completed; None before there was one.
    """

    began_ns: int
    end_ns: int
    speed: float = 1.0
    paused: bool = False
    ended: bool = False
    last_seek_ns: int | None = None

    def clamp(self, moment_ns: int) -> int:
        """Return the time of the recording that is nearest to `moment_ns`."""
        return min(max(moment_ns, self.began_ns), self.end_ns)


def next_speed(speed: float, direction: int) -> float:
    """Return the next faster speed (1) or the next slower one (-1); `speed` itself if there is none."""
    index = bisect_right(SPEEDS, speed) if direction > 0 else bisect_left(SPEEDS, speed) - 1
    return SPEEDS[index] if 0 <= index < len(SPEEDS) else speed


def format_position(position_ns: int, length_ns: int) -> str:
    """Format a position in a recording, `1:07` or `1:02:07`, padded to the width of the total length."""
    widest = _clock(length_ns // SECOND_NS)
    return _clock(max(position_ns, 0) // SECOND_NS).rjust(len(widest))


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def format_speed(speed: float) -> str:
    """Format a speed: `×10`, `max`; empty for normal speed."""
    if speed == float("inf"):
        return "max"
    return "" if speed == 1 else f"×{speed:g}"
