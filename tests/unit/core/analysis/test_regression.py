"""Which rows do worse than they used to."""

from __future__ import annotations

import numpy as np
import pytest

from tcpconntop.core.analysis.regression import find_regressions
from tcpconntop.core.analysis.series import Series

NAN = float("nan")


def told(p99, attempts=20, failed=0):
    """Return the regression of one row; figures are of each step, or the same for all."""
    p99 = np.array([p99], np.float64)
    attempts, failed = (np.broadcast_to(np.array(n, np.float64), p99.shape) for n in (attempts, failed))
    found = find_regressions(Series(1.0, attempts, failed, p99[:, :, np.newaxis]))
    return bool(found.slower[0]), bool(found.failing[0])


STEADY = [2_000.0] * 10
RISEN = [2_000.0] * 7 + [6_000.0] * 3


@pytest.mark.parametrize(
    ("p99", "attempts", "slower"),
    [
        (RISEN, 20, True),
        (STEADY, 20, False),
        ([2_000.0] * 7 + [5_900.0] * 3, 20, False),  # not by three times
        ([2_000.0] * 9 + [90_000.0], 20, False),  # one step alone is an outlier
        ([2_000.0] * 7 + [6_000.0, 6_000.0, NAN], 20, True),
        ([2_000.0, 90_000.0] * 3 + [2_000.0] + [90_000.0] * 3, 20, False),  # it comes and goes
        ([2_000.0] * 7 + [6_000.0, 2_000.0, 6_000.0], 20, False),
        ([20.0] * 7 + [90.0] * 3, 20, False),  # too fast for anybody to feel it
        (RISEN, 3, False),  # few connects now
        (RISEN, [1] * 7 + [20] * 3, False),  # few connects before
        ([NAN] * 5 + [2_000.0] * 2 + [6_000.0] * 3, 20, False),  # no past to speak of
        ([NAN] * 7 + [6_000.0] * 3, 20, False),
        (RISEN[5:], 20, False),  # few steps
        ([6_000.0] * 7 + [2_000.0] * 3, 20, False),  # better
        ([NAN] * 10, 0, False),
    ],
)
def test_given_a_past_then_a_row_is_slower_when_it_really_is(p99, attempts, slower):
    """GIVEN p99 per step WHEN the last are held against the rest THEN only a real rise is one."""
    assert told(p99, attempts) == (slower, False)


@pytest.mark.parametrize(
    ("failed", "attempts", "failing"),
    [
        ([0] * 7 + [4] * 3, 20, True),
        ([0] * 10, 20, False),
        ([5] * 10, 20, False),  # as always
        ([20] * 10, 20, False),  # nothing ever works: no news
        ([0] * 9 + [2], 20, False),  # few failures
        ([10] * 7 + [14] * 3, 20, False),  # more, but not twice as many
        ([1] * 7 + [2] * 3, 6, False),  # chance
        ([0] * 7 + [1] * 3, 100, False),  # 1 % of many
        ([0] * 7 + [1] * 3, 1, False),  # few attempts
        ([4] * 7 + [0] * 3, 20, False),  # better
    ],
)
def test_given_a_past_then_a_row_fails_more_when_it_really_does(failed, attempts, failing):
    """GIVEN failures per step WHEN the last are held against the rest THEN only a real rise is one."""
    assert told(STEADY, attempts, failed) == (False, failing)


def test_given_no_rows_then_nothing_is_said():
    """GIVEN no row WHEN all are compared THEN both masks are empty."""
    none = np.zeros((0, 10))
    found = find_regressions(Series(1.0, none, none, none[:, :, np.newaxis]))
    assert len(found.slower) == len(found.failing) == 0
