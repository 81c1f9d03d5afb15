"""Points in time as users write them."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from tcpconntop.core.time_expr import TimeRange, parse_time


@pytest.fixture(autouse=True)
def _berlin(monkeypatch):
    """Use a zone whose summer time ends in the night to 25 October 2026."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


DAY = ("2026-11-22 10:00:00.700", "2026-11-22 10:02:00", "2026-11-22 10:05:30.200")
NIGHT = ("2026-11-21 22:00:00", "2026-11-23 01:00:00", "2026-11-23 04:00:00")
Words = tuple[str, str, str]


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("10:03", DAY, "2026-11-22 10:03:00"),
        (" 10:03:12 ", DAY, "2026-11-22 10:03:12"),
        ("2026-11-22 10:03", DAY, "2026-11-22 10:03:00"),
        ("2026-11-22T10:03:12", DAY, "2026-11-22 10:03:12"),
        ("10:00", DAY, "2026-11-22 10:00:00.700"),  # the second that it begins in
        ("10:05:30", DAY, "2026-11-22 10:05:30"),
        ("+90s", DAY, "2026-11-22 10:03:30"),
        ("-1.5m", DAY, "2026-11-22 10:00:30"),
        ("+7", DAY, "2026-11-22 10:02:07"),
        ("-1h", DAY, "2026-11-22 10:00:00.700"),
        ("+1h", DAY, "2026-11-22 10:05:30.200"),
        ("0%", DAY, "2026-11-22 10:00:00.700"),
        ("100%", DAY, "2026-11-22 10:05:30.200"),
        ("22:30", NIGHT, "2026-11-22 22:30:00"),  # of two, the nearer one
        ("03:00", NIGHT, "2026-11-23 03:00:00"),
        ("04:30", NIGHT, "2026-11-22 04:30:00"),  # the only one that is within
        ("2026-11-21 23:00", NIGHT, "2026-11-21 23:00:00"),
    ],
)
def test_a_time_is_where_one_expects_it(text: str, span: Words, expected: str) -> None:
    assert parse_time(text, TimeRange(*map(at, span))) == pytest.approx(at(expected), abs=1e-3)


def test_the_nearest_day_is_found_in_a_long_recording() -> None:
    span = TimeRange(at("2026-11-02 10:00"), at("2026-11-12 09:00"), at("2026-11-22 08:00"))
    assert parse_time("23:00", span) == at("2026-11-11 23:00")
    assert parse_time("09:30", TimeRange(span.began_s, span.end_s, span.end_s)) == at("2026-11-21 09:30")


def test_days_of_25_hours_do_no_harm() -> None:
    span = TimeRange(at("2026-10-24 20:00"), at("2026-10-25 12:00"), at("2026-10-25 12:00"))
    assert parse_time("21:00", span) == at("2026-10-24 21:00")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a time; examples"),
        ("noon", "not a time; examples"),
        ("10", "not a time; examples"),
        ("10:99", "no such time"),
        ("2026-02-30 10:00", "no such time"),
        ("0000-01-01 10:00", "no such time"),
        ("09:59", "choose a time from 10:00:00 to 10:05:30"),
        ("10:05:31", "choose a time from 10:00:00 to 10:05:30"),
        ("101%", "choose a time from"),
        ("2025-11-22 10:03", "choose a time from"),
    ],
)
def test_what_is_no_time_or_not_there_is_one_line(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        parse_time(text, TimeRange(*map(at, DAY)))
    assert "\n" not in str(error.value)


def test_an_hour_that_comes_twice_is_meant_where_it_is_nearer_or_at_all() -> None:
    """GIVEN 02:30 twice WHEN only the second is in the range, or is nearer THEN that one is meant."""
    first = at("2026-10-25 02:30")
    later = TimeRange(first + 1800, first + 5400, first + 7200)
    assert parse_time("02:30", later) == parse_time("2026-10-25 02:30", later) == first + 3600
    both = TimeRange(first - 3600, first - 60, first + 7200)
    assert parse_time("02:30", both) == first
    with pytest.raises(ValueError, match=r"from 02:30:00 UTC\+2 to 02:30:00 UTC\+1$"):
        parse_time("09:00", TimeRange(first, first, first + 3600))
