"""Folding: the least active keys are merged into `other`, and no count is lost."""

from __future__ import annotations

import numpy as np
import pytest
from records import connect, expected_of, join, random_records, rows_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.keys import OTHER_ROW
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome


def test_given_more_keys_than_the_bound_then_other_takes_the_rest_and_no_count_is_lost(long):
    window = RollingWindow(60, max_keys=40)
    told, retransmits = np.zeros(6, np.int64), 0
    for step in range(80 if long else 40):
        events = random_records(60, 400, step, (1_000 + step) * SECOND_NS)
        window.ingest(events, 1_000 * SECOND_NS + step * SECOND_NS // 2)
        told += np.bincount(events["outcome"], minlength=6)
        retransmits += int(events["syn_retransmits"].sum())
        for window_s in (60, None, 900):
            window.set_window(window_s)
            state = window.state()
            assert len(state.keys) <= 41
            assert state.stats["outcomes"].sum(axis=0).tolist() == told.tolist()
            assert state.stats["syn_retransmits"].sum() == retransmits
            assert state.latency.counts.sum() == told[Outcome.OK]
            assert state.errors.counts.sum() == told[1:].sum()
    assert state.keys["special"].tolist() == [1] + [0] * (len(state.keys) - 1)
    assert state.stats["outcomes"][OTHER_ROW].sum() > 0


def test_given_a_fold_then_the_busiest_keys_keep_their_figures():
    window = RollingWindow(60, max_keys=8)
    busy = join(*(connect(pid=pid, times=20) for pid in range(6)))
    window.ingest(busy, 1_000 * SECOND_NS)
    for second in range(1, 30):
        window.ingest(random_records(10, 500, second), (1_000 + second) * SECOND_NS)
    rows = rows_of(window)
    for key, entry in expected_of(busy).items():
        assert rows[key] == entry.row


def test_given_a_fold_when_a_key_comes_back_in_the_same_second_then_it_is_counted_once():
    window = RollingWindow(60, max_keys=4)
    for pid in range(4):
        window.ingest(connect(pid=pid), 1_000 * SECOND_NS)
    window.ingest(connect(pid=9), 1_000 * SECOND_NS)  # no room: other
    assert window.state().stats["outcomes"][OTHER_ROW].sum() == 1
    window.ingest(connect(pid=9, times=3), 1_001 * SECOND_NS)  # folded: there is room
    window.state()
    window.ingest(connect(pid=9, times=2), 1_001 * SECOND_NS)
    state = window.state()
    by_pid = dict(zip(state.keys["tgid"].tolist(), state.stats["outcomes"].sum(axis=1).tolist(), strict=True))
    assert by_pid[9] == 5
    assert by_pid[0] == 2  # other: the record without room, and the one key that was folded
    assert sum(by_pid.values()) == 10


def test_given_a_key_that_was_busy_long_ago_then_it_is_folded_before_one_that_is_alive():
    window = RollingWindow(60, max_keys=4)
    window.ingest(join(*(connect(pid=pid, times=50) for pid in (1, 2))), 1_000 * SECOND_NS)
    later = 1_000 + 2 * MAX_WINDOW_S
    alive = join(*(connect(pid=pid, end_ns=later * SECOND_NS) for pid in (3, 4)))
    window.ingest(alive, later * SECOND_NS)
    window.ingest(connect(pid=5, end_ns=later * SECOND_NS), later * SECOND_NS)
    window.advance((later + 1) * SECOND_NS)
    pids = set(window.state().keys["tgid"].tolist())
    assert {3, 4} <= pids
    assert len(pids & {1, 2}) == 1


@pytest.mark.parametrize("max_keys", [0, 1, 2, 3])
def test_given_a_tiny_bound_then_nothing_is_lost(max_keys):
    window = RollingWindow(60, max_keys)
    for second in range(9):
        window.ingest(random_records(20, 50, second), (1_000 + second) * SECOND_NS)
    state = window.state()
    assert state.stats["outcomes"].sum() == 180
    assert len(state.keys) <= max_keys + 1


def test_given_keys_older_than_the_history_when_folded_then_the_endless_window_keeps_their_counts():
    window = RollingWindow(60, max_keys=8)
    window.ingest(join(*(connect(pid=pid, times=pid) for pid in range(1, 7))), 1_000 * SECOND_NS)
    later = 1_000 + 2 * MAX_WINDOW_S
    window.advance(later * SECOND_NS)
    fresh = join(*(connect(pid=pid, times=9, end_ns=later * SECOND_NS) for pid in range(11, 15)))
    window.ingest(fresh, later * SECOND_NS)
    window.advance((later + 1) * SECOND_NS)
    window.set_window(None)
    state = window.state()
    assert state.stats["outcomes"].sum() == state.latency.counts.sum() == 21 + 36
    counts = dict(zip(state.keys["tgid"].tolist(), state.stats["outcomes"].sum(axis=1).tolist(), strict=True))
    assert counts.pop(0) > 0
    assert all(n == (pid if pid < 10 else 9) for pid, n in counts.items())


def test_given_a_fold_when_no_more_keys_come_then_there_is_no_other_fold():
    window = RollingWindow(60, max_keys=4)
    window.ingest(join(*(connect(pid=pid) for pid in range(6))), 1_000 * SECOND_NS)
    window.advance(1_001 * SECOND_NS)
    folded = window.state().slices
    window.advance(1_002 * SECOND_NS)
    assert window.state().slices[0] is folded[0]
