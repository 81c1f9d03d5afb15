"""Spikes: what stands out from just before, is not noise, and is found once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tcpconntop.core.analysis.overview import Overview, OverviewBuilder
from tcpconntop.core.analysis.spikes import LONGEST, find_spikes, next_spike
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT

CALM_US, N = 700.0, 2_000


def overview(*changes, steps=100, attempts=N, known=None, p99=CALM_US):
    """An overview of equal steps but for some: (first, after the last, p99, its lower end, failures)."""
    p99_us, low_us, failed = np.full(steps, p99), np.full(steps, p99 * 0.9), np.zeros(steps)
    for first, end, p99_there, low, n_failed in changes:
        p99_us[first:end], low_us[first:end], failed[first:end] = p99_there, low, n_failed
    ended = np.full(steps, float(attempts))
    return Overview(1_000, 10, ended, failed, p99_us, low_us, steps if known is None else known)


def found(*changes, **options):
    return [(spike.first, spike.last, spike.slow) for spike in find_spikes(overview(*changes, **options))]


def test_given_a_steady_time_then_there_is_no_spike():
    assert found() == []
    assert found(known=0) == []


def test_given_slow_steps_that_follow_each_other_then_they_are_one_spike():
    """GIVEN two slow times WHEN looked for THEN each is one spike, with what it was before."""
    spikes = find_spikes(overview((40, 43, 9_000.0, 7_000.0, 0), (60, 61, 1e6, 9e5, 0)))
    assert [(spike.first, spike.last, spike.p99_us) for spike in spikes] == [(40, 42, 9_000.0), (60, 60, 1e6)]
    assert {(spike.usual_us, spike.share, spike.slow) for spike in spikes} == {(CALM_US, 0.0, True)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((50, 52, 2_200.0, 2_100.1, 0), [(50, 51, True)]),  # three times
        ((50, 52, 2_200.0, 2_099.9, 0), []),
        ((50, 52, 1e6, 700.0, 0), []),  # so few connects that it may be the usual p99
        ((50, 52, CALM_US, 600.0, 60), [(50, 51, False)]),  # 3 %, and surely more than 1 %
        ((50, 52, CALM_US, 600.0, 25), []),  # 1.25 %: perhaps less than 1 %
        ((50, 52, CALM_US, 600.0, 2), []),
    ],
)
def test_given_a_change_then_it_is_a_spike_if_it_is_large_and_no_noise(change, expected):
    assert found(change) == expected


def test_given_blocks_that_are_several_steps_then_one_that_is_partly_slow_hides_no_spike():
    """GIVEN blocks of six steps, the first slow one slow at its end only THEN the next ones are a spike."""
    changes = ((18, 24, 350_000.0, CALM_US, 0), (24, 30, 1.4e6, 1e6, 0))
    parts = replace(overview(*changes, steps=48), step_s=5, block_of=np.arange(48) // 6)
    (spike,) = find_spikes(parts)
    assert (spike.first, spike.last, spike.usual_us) == (24, 29, CALM_US)
    assert not parts.is_exact(spike.first)
    assert replace(parts, step_s=2, block_of=None).is_exact(spike.first)


def test_given_latencies_that_nobody_feels_then_there_is_no_spike():
    assert found((50, 52, 900.0, 890.0, 0), p99=50.0) == []


def test_given_too_few_connects_then_nothing_is_said_of_a_step():
    assert found((50, 52, 1e6, 1e6, 0), attempts=9) == []


def test_given_a_gap_without_connects_then_a_spike_goes_on_behind_it():
    shown = overview((50, 56, 1e6, 9e5, 0))
    shown.attempts[52:54] = 0
    assert [(spike.first, spike.last) for spike in find_spikes(shown)] == [(50, 55)]


def test_given_failures_all_the_time_then_only_a_rise_is_a_spike():
    always = (0, 100, CALM_US, 600.0, 120)  # 6 %
    assert found(always) == []
    assert found(always, (50, 52, CALM_US, 600.0, 180)) == []  # 9 %: not twice as many
    assert found(always, (50, 52, CALM_US, 600.0, 300)) == [(50, 51, False)]


def test_given_what_comes_and_goes_all_the_time_then_it_is_no_spike():
    """GIVEN a slow step in each three WHEN looked for THEN only the first ones stand out."""
    spikes = found(*((step, step + 1, 1e6, 9e5, 0) for step in range(40, 100, 3)))
    assert len(spikes) < 10
    assert all(first < 65 for first, _, _ in spikes)


def test_given_a_change_that_stays_then_it_is_one_spike_and_then_how_things_are():
    assert found((30, 200, 1e6, 9e5, 0), steps=200) == [(30, 30 + LONGEST - 1, True)]


def test_given_an_incident_of_minutes_then_it_is_one_spike_and_the_next_one_is_another():
    changes = (30, 70, 1e6, 9e5, 0), (75, 80, 1e6, 9e5, 0)
    assert found(*changes) == [(30, 69, True), (75, 79, True)]


def test_given_a_spike_at_the_beginning_then_it_is_compared_with_what_follows():
    assert found((0, 2, 1e6, 9e5, 0)) == [(0, 1, True)]


def test_given_a_part_that_is_read_then_a_spike_that_may_go_on_is_left_out():
    change = (50, 54, 1e6, 9e5, 0)
    assert found(change, known=52) == []
    assert found(change, known=54) == []
    assert found(change, known=55) == [(50, 53, True)]
    assert found((96, 100, 1e6, 9e5, 0)) == [(96, 99, True)]


def test_given_a_moment_then_the_next_spike_and_the_one_before_are_others():
    """GIVEN spikes WHEN gone from one to the next THEN none is met twice."""
    shown = overview((20, 22, 1e6, 9e5, 0), (60, 61, 1e6, 9e5, 0))
    spikes = find_spikes(shown)
    now_ns, ends = shown.began_ns, [shown.end_ns(21), shown.end_ns(60)]
    for end_ns in ends:
        spike = next_spike(shown, spikes, now_ns, 1)
        now_ns = shown.end_ns(spike.last)
        assert now_ns == end_ns
    assert next_spike(shown, spikes, now_ns, 1) is None
    assert shown.end_ns(next_spike(shown, spikes, now_ns, -1).last) == ends[0]
    assert next_spike(shown, spikes, ends[0], -1) is None


def test_given_random_latencies_then_there_is_hardly_a_spike():
    """GIVEN an hour with a lost SYN now and then WHEN spikes are looked for THEN nothing stands out."""
    random, builder = np.random.default_rng(5), OverviewBuilder(0, 3_600 * SECOND_NS - 1)
    for second in range(0, 3_600, 5):
        events = np.zeros(random.poisson(100), EVENT)
        latency_us = random.lognormal(math.log(500), 0.8, len(events))
        latency_us[random.random(len(events)) < 0.002] += 1e6
        events["end_ns"] = (second + 4) * SECOND_NS
        events["begin_ns"] = events["end_ns"] - (latency_us * 1e3).astype(np.uint64)
        events["outcome"] = random.random(len(events)) < 0.01
        builder.add(events, (second + 4) * SECOND_NS)
    builder.finish()
    assert len(builder.overview()) == 720
    assert find_spikes(builder.overview()) == []
