"""The promise of the histogram: quantiles within 1 % of numpy, everything else exact."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, snapshot

from tcpconntop.core.counts import (
    CELLS,
    EDGES_US,
    MAX_RELATIVE_ERROR,
    MIDDLES_US,
    N_BUCKETS,
    SparseCounts,
    bucket_of,
    quantiles_us,
)
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec

QS = (0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0)
LOWEST_NS, HIGHEST_NS = 2**10, 2**37


def _bimodal(random):
    quick = random.lognormal(np.log(2e5), 0.3, 4_000)
    return np.concatenate((quick, quick[:600] + 1.024e9, quick[:60] + 3.07e9))


DISTRIBUTIONS = {
    "constant": lambda r: np.full(500, 210_000),
    "bimodal with lost SYNs": _bimodal,
    "log-normal": lambda r: r.lognormal(np.log(3e5), 0.5, 5_000),
    "wide log-normal": lambda r: np.clip(r.lognormal(np.log(3e5), 2, 5_000), LOWEST_NS, HIGHEST_NS - 1),
    "heavy tail": lambda r: np.minimum(2e5 * (1 + r.pareto(0.8, 5_000)), HIGHEST_NS - 1),
    "a single value": lambda r: np.array([123_457]),
    "two values": lambda r: np.array([50_000, 90_000_000]),
    "uniform": lambda r: r.uniform(LOWEST_NS, 1e9, 5_000),
    "exponential": lambda r: LOWEST_NS + r.exponential(4e5, 5_000),
    "powers of two": lambda r: 2.0 ** r.integers(10, 37, 500),
    "just below powers of two": lambda r: 2.0 ** r.integers(11, 38, 500) - 1,
    "the lowest and the highest": lambda r: np.array([LOWEST_NS, HIGHEST_NS - 1]),
    "ascending": lambda r: np.arange(1, 3_001) * 1_024,
    "seconds": lambda r: r.uniform(1e9, 130e9, 700),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_given_a_distribution_then_every_quantile_is_within_one_percent_of_numpy(name):
    latencies = DISTRIBUTIONS[name](np.random.default_rng(7)).astype(np.uint64)
    read = quantiles_us(SparseCounts.from_pairs(np.zeros(len(latencies), int), bucket_of(latencies)), 1, QS)[
        0
    ]
    exact = np.quantile(latencies / 1000, QS, method="inverted_cdf")
    error = np.abs(read - exact) / exact
    assert error.max() <= MAX_RELATIVE_ERROR * (1 + 1e-9) < 0.01


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_given_a_distribution_when_viewed_then_count_sum_and_extremes_are_exact(name):
    latencies = DISTRIBUTIONS[name](np.random.default_rng(7)).astype(np.uint64)
    events = np.repeat(connect(), len(latencies))
    events["begin_ns"] = events["end_ns"] - latencies
    view = make_view(snapshot(events), ViewSpec())
    figures = {key: values[0] for key, values in view.metrics.items()}
    assert figures["count"] == len(latencies)
    assert view.stats["sum_ns"][0] == latencies.sum()
    assert (figures["min"], figures["max"]) == (latencies.min() / 1000, latencies.max() / 1000)
    assert figures["last"] == latencies[-1] / 1000
    exact = np.quantile(latencies / 1000, (0.5, 0.9, 0.99), method="inverted_cdf")
    for key, value in zip(("p50", "p90", "p99"), exact, strict=True):
        assert figures[key] == pytest.approx(value, rel=0.01)


def test_given_latencies_below_a_microsecond_then_the_error_is_at_most_half_of_the_first_bucket():
    latencies = np.arange(LOWEST_NS, dtype=np.uint64)
    read = quantiles_us(SparseCounts.from_pairs(np.zeros(LOWEST_NS, int), bucket_of(latencies)), 1, QS)[0]
    exact = np.quantile(latencies / 1000, QS, method="inverted_cdf")
    assert np.abs(read - exact).max() <= 0.512
    assert (bucket_of(latencies) == 0).all()


def test_given_latencies_above_the_last_octave_when_viewed_then_the_exact_extremes_bound_the_quantiles():
    minutes = 60 * 10**9
    events = np.concatenate([connect(latency_ns=n * minutes) for n in (3, 5, 8)])
    view = make_view(snapshot(events), ViewSpec())
    assert view.metrics["max"][0] == 8 * minutes / 1000
    for key in ("p50", "p90", "p99"):
        assert 3 * minutes / 1000 <= view.metrics[key][0] <= 8 * minutes / 1000


def test_given_no_value_then_every_quantile_is_nan():
    assert np.isnan(quantiles_us(SparseCounts(), 3, QS)).all()
    assert quantiles_us(SparseCounts(), 0, QS).shape == (0, len(QS))


def test_given_many_rows_then_each_reads_its_own_quantiles():
    random = np.random.default_rng(2)
    rows = np.arange(4_000) % 41 * 2  # odd rows stay empty
    latencies = (random.lognormal(12, 1, 4_000) * (1 + rows)).astype(np.uint64)
    read = quantiles_us(SparseCounts.from_pairs(rows, bucket_of(latencies)), 81, (0.5, 0.99))
    for row in range(81):
        mine = latencies[rows == row] / 1000
        if row % 2:
            assert np.isnan(read[row]).all()
        else:
            exact = np.quantile(mine, (0.5, 0.99), method="inverted_cdf")
            np.testing.assert_allclose(read[row], exact, rtol=0.01)


def test_given_the_edges_then_each_bucket_begins_at_its_edge_and_ends_before_the_next():
    edges_ns = np.rint(EDGES_US[1:-1] * 1000).astype(np.uint64)
    assert (bucket_of(edges_ns) == np.arange(1, N_BUCKETS)).all()
    assert (bucket_of(edges_ns - np.uint64(1)) == np.arange(N_BUCKETS - 1)).all()
    assert (EDGES_US[:-1] <= MIDDLES_US).all()
    assert (EDGES_US[1:] >= MIDDLES_US).all()
    assert N_BUCKETS <= CELLS


def test_given_a_tiny_quantile_then_each_row_reads_its_own_smallest_value():
    latencies = np.array([5_000, 7_000, 900_000, 950_000], np.uint64)
    read = quantiles_us(SparseCounts.from_pairs(np.array([0, 0, 1, 1]), bucket_of(latencies)), 2, (1e-12,))[
        :, 0
    ]
    np.testing.assert_allclose(read, [5, 900], rtol=0.01)
