"""Formatted numbers: their text, and that they fit their columns."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from tcpconntop.core import format as units

SWEEP = [0.0, *(float(value) for value in np.geomspace(1e-3, 1e14, 10_001))]
EDGES = [
    edge * 10.0**power * (1 + shift)
    for edge in (1, 6, 9.995, 9.9995, 99.95, 999.5, 9_999.5, 3.6)
    for power in range(-2, 15)
    for shift in (-1e-9, 0, 1e-9)
]
VALUES = [value for value in SWEEP + EDGES if value <= 1e14]
UNIT_US = {"µs": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (1.0, "100%"), (0.99999, ">99.9%"), (0.9991, ">99.9%"), (0.999, "99.9%"), (0.9951, "99.5%"),
        (0.9949, "99.4%"), (0.5, "50.0%"), (0.001, "0.1%"), (0.0004, "<0.1%"), (0.0, "0%"),
    ],
)  # fmt: skip
def test_what_was_seen_is_rounded_down(share: float, text: str) -> None:
    assert units.seen_share(share) == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0µs"),
        (0.4, "0.40µs"),
        (1, "1.00µs"),
        (210, "210µs"),
        (999.4, "999µs"),
        (999.6, "1.00ms"),
        (14_200, "14.2ms"),
        (1_030_000, "1.03s"),
        (59_990_000, "1m00s"),
        (100e6, "1m40s"),
        (7_200e6, "2h00m"),
        (720_000e6, "200h"),
        (math.nan, "-"),
    ],
)
def test_given_microseconds_then_they_are_spelled_in_the_unit_that_fits(us, text):
    assert units.duration(us) == text


def test_given_any_duration_then_it_takes_at_most_six_cells_and_is_within_two_percent():
    for us in VALUES:
        text = units.duration(us)
        assert len(text) <= 6, (us, text)
        parts = re.findall(r"([\d.]+)(µs|ms|s|m|h)", text)
        assert "".join(number + unit for number, unit in parts) == text
        said = sum(float(number) * UNIT_US[unit] for number, unit in parts)
        assert us < 1 or said == pytest.approx(us, rel=0.02), (us, text)


def test_given_any_count_then_it_takes_at_most_five_cells_and_says_two_digits():
    for number in VALUES:
        text = units.count(number)
        assert len(text) <= 5, (number, text)
        scale = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}.get(text[-1], 1)
        said = float(text.rstrip("kMGT").replace(",", "")) * scale
        assert said == pytest.approx(number, rel=0.06, abs=0.51), (number, text)


def test_given_any_rate_then_it_takes_at_most_five_cells():
    for hz in VALUES:
        assert len(units.rate(hz)) <= 5, hz


@pytest.mark.parametrize(
    ("number", "text"), [(412, "412"), (9_999, "9,999"), (24_700, "24.7k"), (1.3e6, "1.3M")]
)
def test_given_a_count_then_it_is_spelled_short(number, text):
    assert units.count(number) == text


@pytest.mark.parametrize(
    ("hz", "text"), [(0, "0.0"), (0.3, "0.3"), (12.5, "12.5"), (1_284, "1,284"), (99.96, "100")]
)
def test_given_a_rate_then_small_ones_keep_a_digit(hz, text):
    assert units.rate(hz) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0"),
        (1, "100"),
        (0.5, "50.0"),
        (1e-9, "<0.1"),
        (0.00049, "<0.1"),
        (0.0006, "0.1"),
        (1 - 1e-9, "99.9"),
        (math.nan, "-"),
    ],
)
def test_given_a_share_then_what_is_neither_nothing_nor_all_never_reads_so(share, text):
    assert units.percent(share) == text


def test_given_any_share_then_it_takes_at_most_five_cells():
    assert max(len(units.percent(float(share))) for share in np.linspace(0, 1, 10_001)) <= 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (60, "1m00s"), (190, "3m10s"), (3_599, "59m59s"), (7_500, "2h05m")],
)
def test_given_a_time_span_then_it_is_spelled_for_people(seconds, text):
    assert units.elapsed(seconds) == text


def test_given_a_size_then_it_is_spelled_in_megabytes():
    assert units.memory(61_400_000) == "61MB"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0, 0], "▁▁"),
        ([math.nan, 0], " ▁"),
        ([1, 2, 3, 4, 5, 6, 7, 8], "▂▃▄▅▆▇██"),
        ([5, 5], "██"),
        ([0, 100, math.nan], "▁█ "),
    ],
)
def test_given_values_then_the_sparkline_begins_at_zero_and_leaves_gaps(values, drawn):
    assert units.sparkline(values) == drawn


def test_given_text_from_outside_then_nothing_in_it_can_steer_a_terminal():
    assert units.printable("a\x1b[31m\n\u202eb\x00é✓") == "a·[31m··b·é✓"
