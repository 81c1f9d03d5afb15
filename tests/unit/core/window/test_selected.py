"""What a slice has of some keys: the same whether it was asked before or not."""

from __future__ import annotations

import numpy as np
import pytest
from records import random_records

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.selected import MAX_KEPT, selected_counts
from tcpconntop.core.wire import Outcome

START_S = 5_000


def filled(seconds: int, n_keys: int = 21) -> RollingWindow:
    window = RollingWindow(60)
    for second in range(START_S, START_S + seconds):
        records = random_records(40 + second % 5, n_keys + second % 3, second, second * SECOND_NS)
        window.ingest(records, second * SECOND_NS)
    return window


def expected(part, selected):
    """Return the sums of a slice, from all that it has."""
    rows = part.rows[selected[part.rows]]
    outcomes = part.outcomes()[np.isin(part.rows, rows)].sum(axis=0)
    group_of = np.where(selected, 0, -1)
    return outcomes, part.latency.regroup(group_of), part.errors.regroup(group_of)


def assert_right(slices, selected):
    for part, counts in zip(slices, selected_counts(slices, selected), strict=True):
        outcomes, latency, errors = expected(part, selected)
        assert counts.outcomes.tolist() == outcomes.tolist()
        assert (counts.attempts, counts.failed) == (outcomes.sum(), outcomes[Outcome.OK + 1 :].sum())
        for one, other in ((counts.latency, latency), (counts.errors, errors)):
            assert one.codes.tolist() == other.codes.tolist()
            assert one.counts.tolist() == other.counts.tolist()


@pytest.mark.parametrize("keep", ["all", "none", "one", "some"])
def test_given_some_keys_then_the_sums_are_those_of_their_rows(keep):
    window = filled(7)
    state = window.state()
    n = len(state.keys)
    masks = {
        "all": np.ones(n, np.bool_),
        "none": np.zeros(n, np.bool_),
        "one": np.arange(n) == n // 2,
        "some": np.random.default_rng(3).random(n) < 0.4,
    }
    for _ in range(2):  # the second time from what was kept
        assert_right(state.slices, masks[keep])


def test_given_many_selections_in_turn_then_none_gets_the_sums_of_another():
    state = filled(3).state()
    keys = np.arange(len(state.keys))
    for chosen in [*range(len(keys)), *range(len(keys))]:
        assert_right(state.slices, keys == chosen)
    assert all(len(vars(part)["_selected"]) == MAX_KEPT for part in state.slices)


def test_given_new_keys_then_what_older_slices_have_is_kept():
    window = filled(3, n_keys=9)
    before = window.state()
    known = selected_counts(before.slices, np.ones(len(before.keys), np.bool_))
    records = random_records(200, 90, 1, (START_S + 3) * SECOND_NS)
    window.ingest(records, (START_S + 3) * SECOND_NS)
    after = window.state()
    assert len(after.keys) > len(before.keys)
    selected = np.ones(len(after.keys), np.bool_)
    again = selected_counts(after.slices, selected)
    assert all(now is then for now, then in zip(again[:2], known[:2], strict=True))
    assert_right(after.slices, selected)
