"""The rolling window against figures that are computed from the records one by one."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from records import connect, expected_of, join, random_records, rows_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

LENGTHS = {10: 1, 60: 1, 300: 10, 900: 30}


def first_second(now: int, window_s: float | None) -> int:
    """Return where a window begins, as documented in `slices.py`."""
    if window_s is None:
        return 0
    length = LENGTHS[int(window_s)]
    return (now - int(window_s) + 1) // length * length


class Story:
    """A window, and a log of everything that was put into it."""

    def __init__(self, window_s: float | None = 60, max_keys: int = 1_000) -> None:
        self.window = RollingWindow(window_s, max_keys)
        self.log = []
        self.now = 1_000.0

    def tell(self, events, later_s: float = 0.0) -> None:
        self.now += later_s
        self.window.ingest(events, int(self.now * SECOND_NS))
        self.log.append((int(self.now), events))

    def inside(self):
        first = first_second(int(self.now), self.window.window_s)
        return join(*(events for second, events in self.log if second >= first))


def assert_right(story: Story) -> None:
    events, state = story.inside(), story.window.state()
    assert rows_of(story.window) == {key: entry.row for key, entry in expected_of(events).items()}
    ok = events["outcome"] == Outcome.OK
    assert state.latency.counts.sum() == ok.sum()
    assert state.errors.counts.sum() == (~ok).sum()
    per_row = np.bincount(state.latency.rows(), state.latency.counts, len(state.keys))
    assert (per_row == state.stats["outcomes"][:, Outcome.OK]).all()
    in_slices = sum(part.ended for part in state.slices)
    if story.window.window_s is not None:
        assert in_slices == len(events)


@pytest.mark.parametrize("window_s", WINDOWS.values())
def test_given_a_window_when_it_slides_record_by_record_then_it_equals_recomputed_figures(window_s, long):
    story = Story(window_s)
    random = np.random.default_rng(11)
    # Without --long: fewer steps in more time, so that slices leave the longest window, too.
    for step in range(400 if long else 150):
        events = random_records(int(random.integers(0, 4)), 6, step, int(story.now * SECOND_NS))
        story.tell(
            events, later_s=float(random.choice([0.1, 0.3, 1, 2, 4] if long else [0.1, 0.7, 1, 9, 25]))
        )
        if step % (10 if long else 37) == 0:
            assert_right(story)
    assert_right(story)


def test_given_a_history_when_windows_are_switched_then_none_loses_anything(long):
    story = Story(10)
    for step in range(260):
        story.tell(random_records(3, 8, step, int(story.now * SECOND_NS)), later_s=4.3)
        if step % (20 if long else 61) == 0:
            for window_s in (10, None, 900, 60, 300, 10):
                story.window.set_window(window_s)
                assert_right(story)


@cache
def busy(window_s):
    """Return a story of 70 seconds, to be copied."""
    story = Story(window_s)
    for step in range(70):
        story.tell(random_records(4, 6, step, int(story.now * SECOND_NS)), later_s=1)
    return story


@pytest.mark.xdist_group("rolling")
@pytest.mark.parametrize("window_s", WINDOWS.values())
@pytest.mark.parametrize(
    "gap_s",
    [60, 931, *(pytest.param(s, marks=pytest.mark.long) for s in (9, 10, 59, 61, 299, 310, 899, 10**6))],
)
def test_given_an_idle_gap_then_what_is_older_than_the_window_is_gone(window_s, gap_s):
    story = deepcopy(busy(window_s))
    story.tell(connect(pid=77), later_s=gap_s)
    assert_right(story)
    story.tell(connect(pid=78), later_s=1)
    assert_right(story)


def test_given_blocks_that_form_and_go_when_windows_are_switched_then_it_equals_recomputed_figures(long):
    story = Story(60, max_keys=12)
    for step in range(1_000 if long else 210):
        story.tell(random_records(2, 5, step, int(story.now * SECOND_NS)), later_s=1 if long else 3)
        if step % (97 if long else 103) == 0:
            for window_s in (10, 60, 300, 900, None, 900, 900, 300, None, 60):
                story.window.set_window(window_s)
                assert_right(story)


def test_given_the_extremes_when_they_leave_the_window_then_those_that_remain_take_their_place():
    window = RollingWindow(10)
    for second, latency_ns in enumerate((9_000, 100, 5_000, 5_000, 700)):
        window.ingest(connect(latency_ns=latency_ns), (1_000 + second) * SECOND_NS)
    seen = []
    for second in range(1_009, 1_016):
        window.advance(second * SECOND_NS)
        stats = window.state().stats[1]
        seen.append((int(stats["min_ns"]), int(stats["max_ns"])))
    empty = (st.NO_MINIMUM, 0)
    assert seen == [(100, 9_000), (100, 5_000), (700, 5_000), (700, 5_000), (700, 700), empty, empty]


def test_given_a_clock_that_goes_back_then_records_count_in_the_running_second():
    window = RollingWindow(10)
    window.ingest(connect(), 1_000 * SECOND_NS)
    window.ingest(connect(), 1_005 * SECOND_NS)
    window.ingest(connect(), 900 * SECOND_NS)
    assert window.state().stats["outcomes"].sum() == 3
    window.advance(1_010 * SECOND_NS)
    assert window.state().stats["outcomes"].sum() == 2
    window.advance(1_015 * SECOND_NS)
    assert window.state().stats["outcomes"].sum() == 0


@pytest.mark.parametrize("jumps", [[-500, 3], [-1, -1, -1, 2, -30], [0.2, -0.1, 0.2, -5, 70, -3]])
def test_given_a_clock_that_jumps_then_the_window_is_that_of_the_latest_reading(jumps):
    window, latest, told = RollingWindow(60), 0.0, []
    now = 5_000.0
    for step, jump in enumerate([0, *jumps * 4]):
        now += jump
        latest = max(latest, now)
        events = random_records(20, 5, step, (1_000 + step) * SECOND_NS)
        window.ingest(events, int(now * SECOND_NS))
        told.append((int(latest), events))
        inside = join(*(events for second, events in told if second >= int(latest) - 59))
        assert rows_of(window) == {key: entry.row for key, entry in expected_of(inside).items()}


def test_given_a_process_that_renames_itself_then_each_name_has_its_own_counts():
    window = RollingWindow(60)
    window.ingest(connect(comm="sh", times=2), 1_000 * SECOND_NS)
    window.ingest(connect(comm="curl", times=3), 1_001 * SECOND_NS)
    state = window.state()
    assert dict(zip(state.keys["comm"].tolist(), state.stats["outcomes"][:, 0].tolist(), strict=True)) == {
        b"": 0,
        b"sh": 2,
        b"curl": 3,
    }
    window.advance(1_060 * SECOND_NS)
    assert window.state().stats["outcomes"][:, 0].tolist() == [0, 0, 3]


def test_given_a_pid_that_is_used_again_then_the_old_process_and_the_new_one_are_told_apart():
    window = RollingWindow(60)
    window.ingest(connect(pid=7, comm="old", unit=1, times=2), 1_000 * SECOND_NS)
    window.ingest(connect(pid=7, comm="new", unit=2, times=3), 1_001 * SECOND_NS)
    window.ingest(connect(pid=7, comm="old", unit=1), 1_002 * SECOND_NS)  # a connect that took long
    assert window.state().stats["outcomes"][:, 0].tolist() == [0, 3, 3]


def test_given_many_states_in_one_second_then_each_counts_everything_once():
    window = RollingWindow(60)
    for n in range(1, 8):
        window.ingest(connect(), 1_000 * SECOND_NS + n)
        for _ in range(2):
            assert window.state().stats["outcomes"].sum() == n
    window.advance(1_001 * SECOND_NS)
    state = window.state()
    assert len(state.slices) == 1
    assert state.stats["outcomes"].sum() == state.slices[0].ended == 7


def test_given_a_state_when_the_window_moves_on_then_it_does_not_change_and_is_read_only():
    story = Story(10)
    story.tell(random_records(200, 20))
    state = story.window.state()
    before = (state.keys.copy(), state.stats.copy(), state.latency.codes.copy(), state.latency.counts.copy())
    for step in range(30):
        story.tell(random_records(50, 60, step), later_s=1)
        story.window.state()
    after = (state.keys, state.stats, state.latency.codes, state.latency.counts)
    for old, new in zip(before, after, strict=True):
        assert (old == new).all()
        with pytest.raises(ValueError, match="read-only"):
            new[:1] = old[:1]


@pytest.mark.parametrize(("window_s", "exact"), [(10, 10), (60, 60), (300, 300), (900, 900)])
def test_given_a_window_then_its_span_is_what_its_slices_cover(window_s, exact):
    window = RollingWindow(window_s)
    for now_s in range(5_000, 5_061):
        window.advance(now_s * SECOND_NS)
        span = window.span_s(0, (now_s + 1) * SECOND_NS)
        assert exact <= span < exact + LENGTHS[window_s]
        assert span == now_s + 1 - first_second(now_s, window_s)
    assert window.span_s(5_059 * SECOND_NS, 5_060 * SECOND_NS + SECOND_NS // 2) == 1.5


def test_given_an_endless_window_then_its_span_is_the_time_since_the_start():
    window = RollingWindow(None)
    window.advance(5_000 * SECOND_NS)
    assert window.span_s(100 * SECOND_NS, 5_000 * SECOND_NS) == 4_900
    assert window.span_s(5_001 * SECOND_NS, 5_000 * SECOND_NS) == 0


@pytest.mark.parametrize("window_s", [0, -1, 901])
def test_given_a_window_that_no_slice_can_serve_then_it_is_an_error(window_s):
    with pytest.raises(ValueError, match="900 seconds"):
        RollingWindow(window_s)


@cache
def full_history(records: int, keys: int):
    """Return the slices of fifteen minutes with so many records of so many keys in each second."""
    window = RollingWindow(900)
    random = np.random.default_rng(4)
    events = random_records(records, keys)
    for second in range(10_070, 11_000):
        events["begin_ns"] = events["end_ns"] - random.lognormal(12.6, 0.5, records).astype(np.uint64)
        window.ingest(events, second * SECOND_NS)
    return window.state().slices


@pytest.mark.long  # the bench measures it as well
def test_given_fifteen_minutes_of_ten_thousand_destinations_then_the_history_stays_below_40_megabytes():
    a_twentieth = full_history(500, 2_000)
    assert 20 * sum(part.nbytes for part in a_twentieth) < 40e6


def test_given_a_full_history_then_there_are_about_a_hundred_slices_and_they_do_not_overlap():
    slices = full_history(3, 12)
    assert 100 <= len(slices) <= 60 + 9 + 26 + 2 + 21
    for before, after in pairwise(slices):
        assert before.second + before.seconds == after.second
    assert slices[-1].second + slices[-1].seconds == 11_000
