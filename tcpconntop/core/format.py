"""Numbers as people read them: short, in a fitting unit, and of a nearly constant width."""

from __future__ import annotations

import math

_DURATIONS = ((1e3, 1.0, "µs"), (1e6, 1e3, "ms"), (60e6, 1e6, "s"))
_LONGEST_S = 100 * 3600


def duration(us: float) -> str:
    """Format microseconds in at most six characters: `210µs`, `14.2ms`, `1.00s`, `1m40s`; `-` for NaN."""
    if math.isnan(us):
        return "-"
    for limit, unit_us, unit in _DURATIONS:
        text = three_digits(us / unit_us)
        if us < limit and float(text) < limit / unit_us:
            return text + unit
    seconds = round(us / 1e6)
    return elapsed(seconds) if seconds < _LONGEST_S else f"{us / 3600e6:.0f}h"


def three_digits(value: float) -> str:
    """Format a number below 1,000 with three significant digits: `1.00`, `14.2`, `210`; 0 is `0`."""
    if value < 9.995:
        return f"{value:.2f}" if value else "0"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def count(number: float) -> str:
    """Format a count in at most five characters: `412`, `9,999`, `24.7k`, `1.3M`."""
    if number < 9_999.5:
        return f"{number:,.0f}"
    unit = 0
    while number >= 999.5:
        number, unit = number / 1e3, unit + 1
    return (f"{number:.1f}" if number < 99.95 else f"{number:.0f}") + " kMGTPE"[unit]


def rate(hz: float) -> str:
    """Format a rate in at most five characters, small ones with a decimal: `0.3`, `12.5`, `1,284`."""
    return f"{hz:.1f}" if hz < 99.95 else count(hz)


def percent(share: float) -> str:
    """Format a share (0 … 1) in percent: only exactly 0 and 1 are `0` and `100`; below 0.05 %, `<0.1`."""
    if math.isnan(share):
        return "-"
    if share in (0.0, 1.0):
        return f"{share * 100:.0f}" if share else "0"
    return "<0.1" if 0 < share < 0.0005 else f"{min(share * 100, 99.9):.1f}"


def seen_share(share: float) -> str:
    """Format a share (0 … 1) of what was seen, rounded down: `99.5%`, `>99.9%`; only all of it is `100%`."""
    if share >= 1 or share <= 0:
        return "100%" if share >= 1 else "0%"
    if share > 0.999:
        return ">99.9%"
    return f"{math.floor(share * 1000) / 10:.1f}%" if share >= 0.001 else "<0.1%"


def memory(size_bytes: int) -> str:
    """Format a memory size: `61MB`."""
    return f"{size_bytes / 1e6:.0f}MB"


def size(size_bytes: int) -> str:
    """Format the size of a file: `912 B`, `61.2 kB`, `1.3 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    text = count(size_bytes) if size_bytes >= 9_999.5 else f"{size_bytes / 1e3:.1f}k"
    return f"{text[:-1]} {text[-1]}B"


def elapsed(seconds: float) -> str:
    """Format a time span: `45s`, `3m10s`, `2h05m`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def round_elapsed(seconds: float) -> str:
    """Format a round time span without parts that are zero: `45s`, `3m`, `2h`; others as `elapsed` does."""
    return elapsed(seconds).replace("m00s", "m").replace("h00m", "h")


EIGHTHS = "▁▂▃▄▅▆▇█"


def sparkline(values: list[float]) -> str:
    """Return values drawn as one block character each; NaN is a space.

    The scale is 0 to the highest value, so that a flat series is flat and a spike stands out.
    """
    top = max((value for value in values if not math.isnan(value)), default=0.0)
    if top <= 0:
        return "".join(" " if math.isnan(value) else EIGHTHS[0] for value in values)
    return "".join(
        " " if math.isnan(value) else EIGHTHS[min(int(value / top * len(EIGHTHS)), len(EIGHTHS) - 1)]
        for value in values
    )


def printable(text: str) -> str:
    """Return text from outside, safe to show: control and format characters become `·`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "·" for char in text)
