"""Buckets hold exactly what their bounds say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpconntop.core.types import SECOND_NS
from tcpconntop.exporter.buckets import (
    CLASSIC_BOUNDS_S,
    FIRST_NATIVE,
    LAST_NATIVE,
    NATIVE_SCHEMA,
    classic_bucket_of,
    native_bucket_of,
)


@given(st.integers(0, 200 * SECOND_NS))
def test_a_latency_is_in_the_first_classic_bucket_that_includes_it(latency_ns):
    bucket = int(classic_bucket_of(np.array([latency_ns]))[0])
    bounds_ns = [round(bound * 1e9) for bound in CLASSIC_BOUNDS_S]
    assert bucket == next((i for i, bound in enumerate(bounds_ns) if latency_ns <= bound), len(bounds_ns))


def test_the_bounds_are_ascending_and_close_where_syns_are_sent_again():
    assert list(CLASSIC_BOUNDS_S) == sorted(set(CLASSIC_BOUNDS_S))
    for wait_s in (1, 3, 7):
        assert {wait_s, wait_s + 0.01, wait_s + 0.025, wait_s + 0.05} <= {*CLASSIC_BOUNDS_S}


@given(st.integers(0, 300 * SECOND_NS))
def test_a_native_bucket_holds_what_the_specification_says(latency_ns):
    index = int(native_bucket_of(np.array([latency_ns]))[0]) + FIRST_NATIVE
    lower, upper = (2.0 ** ((index - n) / 2**NATIVE_SCHEMA) for n in (1, 0))
    seconds = latency_ns / 1e9
    if FIRST_NATIVE < index < LAST_NATIVE:
        assert lower * (1 - 1e-12) < seconds <= upper * (1 + 1e-12)
    else:
        assert seconds <= upper if index == FIRST_NATIVE else seconds > lower


def test_powers_of_two_are_in_the_bucket_that_they_bound():
    latency_ns = np.array([SECOND_NS // 4, SECOND_NS, SECOND_NS + 1, 4 * SECOND_NS])
    assert (native_bucket_of(latency_ns) + FIRST_NATIVE).tolist() == [-64, 0, 1, 64]


def test_a_quantile_is_wrong_by_two_percent_at_most():
    assert 2 ** (1 / 2**NATIVE_SCHEMA) - 1 < 0.022
