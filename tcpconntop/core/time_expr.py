"""Where somebody wants to go in time, as they write it: `10:03`, `2026-11-22 10:03:12`, `+90s`, `50%`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_CLOCK = re.compile(r"(?:(\d{4})-(\d\d?)-(\d\d?)[ T]+)?(\d\d?):(\d\d)(?::(\d\d))?")
_STEP = re.compile(r"([+-])(\d+(?:\.\d+)?)([smh]?)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
TIME_EXAMPLES = "10:03  10:03:12  2026-11-22 10:03  +90s  -5m  50%"


@dataclass(frozen=True)
class TimeRange:
    """What can be gone to, as Unix times, and where one is."""

    began_s: float
    now_s: float
    end_s: float


def parse_time(text: str, span: TimeRange) -> float:
    """Understand where somebody wants to go, as a Unix time; times of day are the local ones.

    A time of day without a date is the one nearest to where one is, of those that are within.

    Raises:
        ValueError: it cannot be understood, or is outside; the message says so in one line.
    """
    text = text.strip()
    if found := _SHARE.fullmatch(text):
        return _within(span.began_s + float(found[1]) / 100 * (span.end_s - span.began_s), span)
    if found := _STEP.fullmatch(text):
        seconds = float(found[2]) * _SECONDS[found[3]]
        wanted_s = span.now_s + (seconds if found[1] == "+" else -seconds)
        return min(max(wanted_s, span.began_s), span.end_s)
    if found := _CLOCK.fullmatch(text):
        try:
            return _within(_at([int(part or 0) for part in found.groups()], found[1] is not None, span), span)
        except OverflowError:
            raise ValueError(f"there is no {text}") from None
    raise ValueError(f"no time is written like that: {TIME_EXAMPLES}")


def _at(parts: list[int], dated: bool, span: TimeRange) -> float:
    year, month, day, hour, minute, second = parts
    here = datetime.fromtimestamp(span.now_s)
    try:
        there = here.replace(hour=hour, minute=minute, second=second, microsecond=0)
        if dated:
            return there.replace(year=year, month=month, day=day).timestamp()
    except ValueError as error:
        raise ValueError(f"there is no such time: {error}") from None
    days = {there + timedelta(days=by) for by in (-1, 0, 1)}
    for end_s in (span.began_s, span.end_s):
        end = datetime.fromtimestamp(end_s)
        days.add(there.replace(year=end.year, month=end.month, day=end.day))
    moments = sorted((day.timestamp() for day in days), key=lambda moment_s: abs(moment_s - span.now_s))
    return next((moment_s for moment_s in moments if _inside(moment_s, span)), there.timestamp())


def _inside(moment_s: float, span: TimeRange) -> bool:
    """Say whether a whole second is within; the one in which the span begins counts."""
    return span.began_s - 1 < moment_s <= span.end_s


def _within(moment_s: float, span: TimeRange) -> float:
    if not _inside(moment_s, span):
        first, last = (datetime.fromtimestamp(end_s) for end_s in (span.began_s, span.end_s))
        form = "%H:%M:%S" if first.date() == last.date() else "%Y-%m-%d %H:%M:%S"
        raise ValueError(f"it goes from {first:{form}} to {last:{form}}")
    return max(moment_s, span.began_s)
