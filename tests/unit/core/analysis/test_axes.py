"""Labels of the axes."""

from __future__ import annotations

import pytest

from tcpconntop.core.analysis.axes import axis_labels, round_duration, time_labels


@pytest.mark.parametrize(
    ("span_s", "at_most", "labels"),
    [
        (60, 3, ["-1m", "-40s", "-20s"]),
        (60, 6, ["-1m", "-50s", "-40s", "-30s", "-20s", "-10s"]),
        (10, 3, ["-9s", "-6s", "-3s"]),
        (10, 6, ["-10s", "-8s", "-6s", "-4s", "-2s"]),
        (2, 6, ["-2s", "-1s"]),
        (29, 3, ["-20s", "-10s"]),
        (300, 3, ["-4m", "-2m"]),
        (900, 6, ["-15m", "-12m", "-9m", "-6m", "-3m"]),
        (900, 1, ["-10m"]),
        (7_200, 3, ["-2h", "-1h"]),
        (3 * 86_400, 3, ["-72h", "-48h", "-24h"]),
        (0.5, 6, []),
    ],
)
def test_times_are_round_and_none_stands_twice(span_s: float, at_most: int, labels: list[str]) -> None:
    assert [label for _, label in time_labels(span_s, at_most)] == labels


def test_every_axis_has_few_labels_and_each_is_its_age() -> None:
    for span_s in range(1, 100_000, 37):
        for at_most in (1, 3, 6):
            ages = [age_s for age_s, _ in time_labels(span_s, at_most)]
            assert 1 <= len(ages) <= at_most
            assert ages == sorted(set(ages), reverse=True)
            assert span_s >= ages[0]
            assert ages[-1] > 0


@pytest.mark.parametrize(
    ("span_s", "end_s", "has_room", "labels"),
    [
        (300, None, True, ["-4m", "-2m", "now"]),
        (300, 36_000, False, ["-4m", "-2m", "10:00:00"]),
        (300, 36_000, True, ["09:55:00", "-4m", "-2m", "10:00:00"]),
        (60, 36_000, True, ["09:59:00", "-40s", "-20s", "10:00:00"]),
    ],
)
def test_an_axis_that_does_not_end_now_has_the_times_of_its_ends(span_s, end_s, has_room, labels) -> None:
    assert [label for _, label in axis_labels(span_s, 3, end_s, has_room)] == labels


@pytest.mark.parametrize(
    ("us", "text"), [(1, "1µs"), (10, "10µs"), (1_000, "1ms"), (10e6, "10s"), (60e6, "60s"), (100e6, "100s")]
)
def test_a_round_value_has_no_decimals(us: float, text: str) -> None:
    assert round_duration(us) == text
