"""What is worth a colour, by itself and beside everything else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tcpconntop.tui.text.severity import LATENCY_PAINTS, latency_levels, latency_paint, metric_paint

MS = 1_000.0


@pytest.mark.parametrize(
    ("us", "overall_us", "paint"),
    [
        (math.nan, 1 * MS, "dim"),
        (5 * MS, 1 * MS, "warn"),  # five times what everything takes
        (5 * MS, 2 * MS, ""),
        (0.9 * MS, 0.02 * MS, ""),  # too short to be felt, whatever everything takes
        (5 * MS, math.nan, ""),
        (150 * MS, 150 * MS, "warn"),  # felt, even where everything is as slow
        (1_030 * MS, 1_030 * MS, "bad"),
    ],
)
def test_a_latency_is_judged_by_itself_and_by_the_whole(us, overall_us, paint):
    assert metric_paint("p99", us, overall_us) == paint


@pytest.mark.parametrize(
    ("share", "whole", "paint"),
    [
        (0.0, 0.5, "dim"),
        (math.nan, 0.5, "dim"),
        (0.01, math.nan, "warn"),
        (0.01, 0.01, "warn"),
        (0.01, 0.2, ""),  # the others fail far more often
        (0.1, 0.9, "bad"),
    ],
)
def test_failures_are_judged_by_themselves_and_by_the_whole(share, whole, paint):
    assert metric_paint("fail", share, whole) == paint


def test_other_figures_do_not_depend_on_the_whole():
    assert metric_paint("rtx", 3, 1000) == "warn"
    assert metric_paint("count", 3, 1000) == ""


def test_the_levels_of_many_latencies_are_the_colours_of_each():
    us = np.array([0.0, 1.0, 99_999.9, 100_000.0, 5e5, 999_999.9, 1e6, 1.37e8, math.inf])
    assert [LATENCY_PAINTS[level] for level in latency_levels(us)] == [latency_paint(one) for one in us]
    assert latency_levels(np.array([math.nan])).tolist() == [0]
