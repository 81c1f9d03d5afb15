"""Intervals: against sums of the definition, and how often they miss the truth."""

from __future__ import annotations

import math
from math import comb

import numpy as np
import pytest

from tcpconntop.core.counts import MAX_RELATIVE_ERROR, bucket_of
from tcpconntop.core.view.noise import (
    binomial_cdf,
    more_often_by_chance,
    quantile_interval,
    quantile_ranks,
    rate_ratio_interval,
    share_interval,
)


def exact_cdf(k: int, n: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize("n", [1, 2, 10, 173])
@pytest.mark.parametrize("p", [0.01, 0.5, 0.99])
def test_a_binomial_tail_is_the_sum_of_its_terms(n: int, p: float) -> None:
    for k in range(-1, n + 1):
        assert binomial_cdf(k, n, p) == pytest.approx(exact_cdf(k, n, p), rel=1e-9, abs=1e-14)


def test_a_large_one_is_half_at_its_mean() -> None:
    assert binomial_cdf(500_000, 1_000_000, 0.5) == pytest.approx(0.5, abs=1e-3)


def test_ranks_of_a_known_table() -> None:
    """GIVEN 20 samples THEN the median is between the 6th and the 15th with 95 % (David and Nagaraja)."""
    assert quantile_ranks(20, 0.5, 0.05) == (6, 15)
    assert quantile_ranks(20, 0.99, 0.05)[1] == 21  # no upper bound of a p99 of 20


def buckets_of(us: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(bucket_of((us * 1000).astype(np.uint64)), return_counts=True)


@pytest.mark.parametrize(("q", "n"), [(0.5, 25), (0.5, 400), (0.99, 2_000)])
def test_an_interval_misses_the_quantile_no_more_often_than_it_says(q: float, n: int) -> None:
    random = np.random.default_rng(4)
    truth = -math.log(1 - q) * 1_000
    intervals = [quantile_interval(*buckets_of(random.exponential(1_000, n)), q, 0.1) for _ in range(400)]
    missed = sum(not low <= truth <= high for low, high in intervals)
    assert 1 <= missed <= 50  # of 40 expected at most; none would be too wide to tell anything
    assert all(low < high for low, high in intervals)


def test_connects_that_are_missing_may_have_been_the_fastest_or_the_slowest() -> None:
    buckets, counts = buckets_of(np.full(1_000, 500.0))
    low, high = quantile_interval(buckets, counts, 0.99, 0.05)
    assert 500 * (1 - 2 * MAX_RELATIVE_ERROR) <= low < 500 < high <= 500 * (1 + 2 * MAX_RELATIVE_ERROR)
    assert quantile_interval(buckets, counts, 0.99, 0.05, missing=20)[1] == math.inf
    assert quantile_interval(buckets, counts, 0.5, 0.05, missing=2_000)[0] == 0


def test_an_interval_of_a_share_is_that_of_clopper_and_pearson() -> None:
    assert share_interval(0, 10, 0.05) == pytest.approx((0, 0.3085), abs=1e-4)
    assert share_interval(5, 10, 0.05) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert share_interval(10, 10, 0.05) == pytest.approx((0.6915, 1), abs=1e-4)


def test_a_ratio_of_rates() -> None:
    low, high = rate_ratio_interval(200, 100, 1.0, 0.05)
    assert 1.5 < low < 2 < high < 2.6
    assert rate_ratio_interval(5, 0, 1.0, 0.05)[1] == math.inf


def test_fisher_and_the_lady() -> None:
    """GIVEN her eight cups THEN all four right have a chance of 1 in 70, three or more of 17 in 70."""
    assert more_often_by_chance(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert more_often_by_chance(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert more_often_by_chance(0, 9, 0, 9) == pytest.approx(1)
