"""Snapshots of earlier moments against those that the window published at the time."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from records import connect, join, random_records, snapshot_of

from tcpconntop.core.analysis.series import attempt_rates_hz
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.history import second_after, second_before, snapshot_at
from tcpconntop.core.window.host import ListenQueue, NetnsFacts, QueueCount
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.slices import slice_span

BEGAN_S = 1_000
LONG_S = 1_100
"""Longer than the slices reach back."""

pytestmark = pytest.mark.xdist_group("past")


def taken(window, second):
    """Return the snapshot at the end of a second."""
    now_ns = (second + 1) * SECOND_NS - 1
    span_s = window.span_s(BEGAN_S * SECOND_NS, now_ns)
    return replace(snapshot_of(window, now_ns, span_s), began_ns=BEGAN_S * SECOND_NS)


def lived(seconds, window_s=60, last=False):
    """Return the snapshots of every second, or the last one only; some seconds have no records."""
    return lived_in(seconds, window_s, last)[1]


@cache
def records_of_seconds(seconds):
    """Return the records of each second."""
    numbers = np.random.default_rng(5).choice([0, 1, 3, 20], seconds).tolist()
    return [random_records(n, 8, second, second * SECOND_NS) for second, n in enumerate(numbers, BEGAN_S)]


@cache
def lived_in(seconds, window_s, last):
    """Return the window as well."""
    window, pictures = RollingWindow(window_s), {}
    for second, records in enumerate(records_of_seconds(seconds), BEGAN_S):
        window.ingest(records, second * SECOND_NS + SECOND_NS // 5)
        if not last or second == BEGAN_S + seconds - 1:
            pictures[second] = taken(window, second)
    return window, pictures


def rows(shown):
    """Return all figures of a snapshot by the key of their row, without `last`: the past may not know it."""
    view = make_view(shown, ViewSpec("process+dest", sort="count"))
    return {
        view.identity(row): {
            name: None if np.isnan(values[row]) else round(float(values[row]), 6)
            for name, values in view.metrics.items()
            if name != "last"
        }
        for row in range(len(view))
    }


@pytest.mark.parametrize("window_s", [60, *(pytest.param(s, marks=pytest.mark.long) for s in (10, None))])
def test_given_a_minute_when_looked_back_then_every_second_is_what_was_published(window_s):
    pictures = lived(59, window_s)
    base = pictures[max(pictures)]
    for second, picture in pictures.items():
        then = snapshot_at(base, second, window_s)
        assert rows(then) == rows(picture)
        assert then.span_s == pytest.approx(picture.span_s)
        assert then.window.latency.counts.sum() == picture.window.latency.counts.sum()
        assert then.window.errors.counts.sum() == picture.window.errors.counts.sum()


@pytest.mark.parametrize("window_s", [pytest.param(10, marks=pytest.mark.long), 300, None])
def test_given_a_long_run_when_looked_at_through_another_window_then_it_is_what_that_window_shows(
    window_s, long
):
    last = BEGAN_S + LONG_S - 1
    if long:
        base = lived(LONG_S, 60, last=True)[last]
        direct = lived(LONG_S, window_s, last=True)[last]
    else:
        window = deepcopy(lived_in(LONG_S, None, last=True)[0])
        window.set_window(60)
        base = taken(window, last)
        window.set_window(window_s)
        direct = taken(window, last)
    other = snapshot_at(base, last, window_s)
    assert rows(other) == rows(direct)
    assert other.span_s == pytest.approx(direct.span_s, abs=1e-6)


@pytest.mark.parametrize("window_s", [60, pytest.param(None, marks=pytest.mark.long)])
def test_given_a_quarter_of_an_hour_when_stepped_through_then_each_step_has_the_attempts_of_its_slices(
    window_s,
):
    base = lived(LONG_S, None, last=True)[BEGAN_S + LONG_S - 1]
    attempts = np.cumsum([len(part) for part in records_of_seconds(LONG_S)])
    second, steps = base.second, [base.second]
    while (second := second_before(base, second)) is not None:
        steps.append(second)
    assert base.second - MAX_WINDOW_S - 30 < steps[-1] < base.second - MAX_WINDOW_S + 60
    assert 59 + 24 + 19 <= len(steps) <= 59 + 25 + 21  # seconds, tens, thirties
    for at in steps:
        then = snapshot_at(base, at, window_s)
        since = 0 if window_s is None else slice_span(at - 60 + 1, base.second)[0]
        since = max(since, (base.second - MAX_WINDOW_S + 1) // 30 * 30) if window_s else 0
        before = attempts[since - 1 - BEGAN_S] if since > BEGAN_S else 0
        assert then.window.stats["outcomes"].sum() == attempts[at - BEGAN_S] - before


@pytest.mark.parametrize(
    "window_s", [10, 300, None, *(pytest.param(s, marks=pytest.mark.long) for s in (60, 900))]
)
def test_given_another_moment_nearby_when_looked_back_then_it_is_as_if_all_were_summed_anew(window_s):
    base = lived(400, last=True)[BEGAN_S + 399]
    near, apart = None, snapshot_at(base, BEGAN_S + 150, 5)  # of another window, and far away
    for second in (
        base.second,
        base.second - 1,
        base.second - 30,
        base.second - 29,
        BEGAN_S + 99,
        base.second,
    ):
        near = snapshot_at(base, second, window_s, near=near)
        anew = snapshot_at(base, second, window_s, near=apart)
        assert rows(near) == rows(anew)
        assert near.window.errors.counts.tolist() == anew.window.errors.counts.tolist()
        assert (near.span_s, near.now_ns) == (anew.span_s, anew.now_ns)


def test_given_the_oldest_step_when_stepped_forward_then_the_same_steps_lead_back():
    base = lived(200, last=True)[BEGAN_S + 199]
    second, back = base.second, []
    while second is not None:
        back.append(second)
        second = second_before(base, second)
    second, forth = back[-1], []
    while second is not None:
        forth.append(second)
        second = second_after(base, second)
    assert forth == back[::-1]
    assert back[-1] >= BEGAN_S


def test_given_a_later_connect_when_looked_back_then_the_last_latency_does_not_come_from_the_future():
    window = RollingWindow(60)
    window.ingest(connect("10.0.0.1", latency_ns=1_000, end_ns=1_000 * SECOND_NS), 1_000 * SECOND_NS)
    window.ingest(connect("10.0.0.2", latency_ns=2_000, end_ns=1_001 * SECOND_NS), 1_001 * SECOND_NS)
    window.ingest(connect("10.0.0.1", latency_ns=9_000, end_ns=1_005 * SECOND_NS), 1_005 * SECOND_NS)
    base = taken(window, 1_005)
    view = make_view(snapshot_at(base, 1_002, 60), ViewSpec(sort="daddr", descending=False))
    assert np.isnan(view.metrics["last"][0])
    assert view.metrics["last"][1] == 2
    assert view.metrics["max"].tolist() == [1, 2]
    assert len(view.snapshot.window.recent) == 2


def test_given_facts_of_the_host_when_looked_back_then_none_is_of_a_later_time():
    early, late = (QueueCount((BEGAN_S + n) * SECOND_NS, n, n) for n in (1, 8))
    queues = {(bytes(16), 4, n): ListenQueue((BEGAN_S + n) * SECOND_NS, n, 5) for n in (1, 8)}
    facts = NetnsFacts((32_768, 60_999), {(bytes(16), 4, 443): 9}, (early, late), listeners=queues)
    base = replace(lived(10)[BEGAN_S + 9], host={0: facts})
    assert snapshot_at(base, BEGAN_S + 9, 60).host == {0: facts}
    back = snapshot_at(base, BEGAN_S + 5, 60).host[0]
    assert (back.queues, list(back.listeners), back.port_use, back.port_count) == (
        (early,), [(bytes(16), 4, 1)], {}, 0,
    )  # fmt: skip


def test_given_totals_when_looked_back_then_they_are_the_ones_passed_in():
    base = lived(10)[BEGAN_S + 9]
    ledger = Ledger(attempts=17, outcomes=(16, 0, 0, 0, 0, 0))
    assert snapshot_at(base, BEGAN_S + 3, 60, ledger).ledger is ledger
    assert snapshot_at(base, BEGAN_S + 3, 60).ledger is base.ledger


def test_given_a_base_when_looked_back_then_it_does_not_change():
    window = RollingWindow(60)
    for second in range(1_000, 1_040):
        window.ingest(join(connect(end_ns=second * SECOND_NS)), second * SECOND_NS)
    base = taken(window, 1_039)
    before = (base.window.stats.copy(), base.window.latency.counts.copy())
    snapshot_at(base, 1_010, None)
    for second in range(1_040, 3_000, 7):  # what the window does next does not reach it either
        window.ingest(connect(end_ns=second * SECOND_NS), second * SECOND_NS)
    assert (base.window.stats == before[0]).all()
    assert (base.window.latency.counts == before[1]).all()
    assert snapshot_at(base, 1_019, None).window.stats["outcomes"].sum() == 20


def test_given_a_steady_rate_when_an_old_moment_is_looked_at_then_its_rate_is_steady_too():
    window = RollingWindow(60)
    for second in range(BEGAN_S, BEGAN_S + 300):
        window.ingest(connect(end_ns=second * SECOND_NS, times=10), second * SECOND_NS)
    base = taken(window, BEGAN_S + 299)
    then = snapshot_at(base, slice_span(BEGAN_S + 150, base.second)[0] - 1, 60)
    assert then.second < base.second - 100
    assert attempt_rates_hz(then, 10)[1:] == pytest.approx(
        [10.0] * 9
    )  # the first one begins before the window
    assert attempt_rates_hz(then, 30)[1:] == pytest.approx([10.0] * 29)
