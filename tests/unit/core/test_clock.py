"""Times of day: with the zone, and the hour that comes twice told apart."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest

from tcpconntop.core.clock import clock, clock_with_zone, date_and_clock, zone


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def unix(*utc: int) -> float:
    return datetime(*utc, tzinfo=timezone.utc).timestamp()


def test_a_time_has_its_zone():
    """GIVEN summer and winter WHEN a time is shown with its zone THEN it is the one of that day."""
    assert date_and_clock(unix(2026, 7, 1, 10, 0, 5)) == "2026-07-01 12:00:05 UTC+2"
    assert clock_with_zone(unix(2026, 12, 1, 10, 0, 5)) == "11:00:05 UTC+1"


def test_the_hour_that_comes_twice_is_told_apart():
    """GIVEN clocks put back at 3 o'clock WHEN it is 02:30 for the second time THEN it reads otherwise."""
    assert clock(unix(2026, 10, 25, 0, 30)) == "02:30:00 UTC+2"
    assert clock(unix(2026, 10, 25, 1, 30)) == "02:30:00 UTC+1"
    assert clock(unix(2026, 10, 24, 23, 59)) == "01:59:00"
    assert clock(unix(2026, 10, 25, 2, 0)) == "03:00:00"


def test_the_hour_that_is_left_out_has_no_zone():
    """GIVEN clocks put forward WHEN it is just before and after THEN nothing comes twice."""
    assert clock(unix(2026, 3, 29, 0, 59, 59)) == "01:59:59"
    assert clock(unix(2026, 3, 29, 1, 0, 0)) == "03:00:00"


@pytest.mark.parametrize(
    ("name", "text"), [("UTC", "UTC"), ("NST3:30", "UTC-3:30"), ("IST-5:30", "UTC+5:30"), ("XXX12", "UTC-12")]
)
def test_zones_have_hours_and_minutes(monkeypatch, name, text):
    """GIVEN a zone WHEN it is named THEN it is the distance from UTC, without what is zero."""
    monkeypatch.setenv("TZ", name)
    time.tzset()
    assert zone(1e9) == text
