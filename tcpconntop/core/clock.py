"""Times of day as people read them: local, the zone said once, a repeated hour told apart. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def local(unix_s: float) -> datetime:
    """Return the local time, with its distance from UTC."""
    return datetime.fromtimestamp(unix_s, timezone.utc).astimezone()


def zone(unix_s: float) -> str:
    """Return the zone of the local time at a moment, such as `UTC+1`, `UTC-3:30` or `UTC`."""
    offset = local(unix_s).utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{hours}{f':{rest:02d}' * bool(rest)}" if minutes else "UTC"


def clock(unix_s: float) -> str:
    """Return the local time of day, such as `10:03:12`.

    An hour that comes twice, as clocks are put back, has its zone: `02:30:00 UTC+1`.
    """
    return f"{local(unix_s):%H:%M:%S}{repeated_zone(unix_s)}"


def clock_with_zone(unix_s: float) -> str:
    """Return the local time of day and its zone, such as `10:03:12 UTC+1`."""
    return f"{local(unix_s):%H:%M:%S} {zone(unix_s)}"


def date_and_clock(unix_s: float) -> str:
    """Return the local date and time with the zone, such as `2026-11-22 10:03:12 UTC+1`."""
    return f"{local(unix_s):%Y-%m-%d} {clock_with_zone(unix_s)}"


def repeated_zone(unix_s: float) -> str:
    """Return a space and the zone if the local time of a moment comes twice, else an empty string."""
    naive = local(unix_s).replace(tzinfo=None)
    first, second = (naive.replace(fold=fold).astimezone().utcoffset() for fold in (0, 1))
    return f" {zone(unix_s)}" if first != second else ""
