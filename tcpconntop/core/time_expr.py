"""Points in time as users write them: `10:03`, `2026-11-22 10:03:12`, `+90s`, `50%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from tcpconntop.core.clock import repeated_zone

_CLOCK = re.compile(r"(?:(\d{4})-(\d\d?)-(\d\d?)[ T]+)?(\d\d?):(\d\d)(?::(\d\d))?")
_STEP = re.compile(r"([+-])(\d+(?:\.\d+)?)([smh]?)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
TIME_EXAMPLES = "10:03  10:03:12  2026-11-22 10:03  +90s  -5m  50%"


@dataclass(frozen=True)
class TimeRange:
    """The range that can be chosen from and the current time in it, as Unix times."""

    began_s: float
    now_s: float
    end_s: float


def parse_time(text: str, span: TimeRange) -> float:
    """Return the Unix time that `text` means; times of day are local.

    A time of day without a date means the day, among those within the range, that is nearest to now.

    Raises:
        ValueError: `text` is no time, or is outside the range; the message is one line.
    """
    text = text.strip()
    if match := _SHARE.fullmatch(text):
        return _checked(span.began_s + float(match[1]) / 100 * (span.end_s - span.began_s), span)
    if match := _STEP.fullmatch(text):
        seconds = float(match[2]) * _SECONDS[match[3]]
        target_s = span.now_s + (seconds if match[1] == "+" else -seconds)
        return min(max(target_s, span.began_s), span.end_s)
    if match := _CLOCK.fullmatch(text):
        parts = [int(part or 0) for part in match.groups()]
        try:
            return _checked(_clock_time(parts, match[1] is not None, span), span)
        except OverflowError:
            raise ValueError(f"no such time: {text}") from None
    raise ValueError(f"not a time; examples: {TIME_EXAMPLES}")


def _clock_time(parts: list[int], dated: bool, span: TimeRange) -> float:
    """Return the Unix time of (year, month, day, hour, minute, second); the date counts only if `dated`."""
    year, month, day, hour, minute, second = parts
    now = datetime.fromtimestamp(span.now_s)
    try:
        today = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
        if dated:
            dated_day = today.replace(year=year, month=month, day=day)
            times_s = [dated_day.replace(fold=fold).timestamp() for fold in (0, 1)]
            return next((time_s for time_s in times_s if _inside(time_s, span)), times_s[0])
    except ValueError as error:
        raise ValueError(f"no such time: {error}") from None
    candidates = {today + timedelta(days=by) for by in (-1, 0, 1)}
    for end_s in (span.began_s, span.end_s):
        end = datetime.fromtimestamp(end_s)
        candidates.add(today.replace(year=end.year, month=end.month, day=end.day))
    # An hour that comes twice is meant both times.
    all_s = {day.replace(fold=fold).timestamp() for day in candidates for fold in (0, 1)}
    nearest = sorted(all_s, key=lambda time_s: abs(time_s - span.now_s))
    return next((time_s for time_s in nearest if _inside(time_s, span)), today.timestamp())


def _inside(time_s: float, span: TimeRange) -> bool:
    """True if a whole second is within the range, or is the second in which the range begins."""
    return span.began_s - 1 < time_s <= span.end_s


def _checked(time_s: float, span: TimeRange) -> float:
    if not _inside(time_s, span):
        first, last = (datetime.fromtimestamp(end_s) for end_s in (span.began_s, span.end_s))
        form = "%H:%M:%S" if first.date() == last.date() else "%Y-%m-%d %H:%M:%S"
        twice = [repeated_zone(end_s) for end_s in (span.began_s, span.end_s)]
        raise ValueError(f"choose a time from {first:{form}}{twice[0]} to {last:{form}}{twice[1]}")
    return max(time_s, span.began_s)
