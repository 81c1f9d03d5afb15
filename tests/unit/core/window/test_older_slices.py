"""What is older than the longest window stays in pictures of everything, in few slices."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from records import random_records, snapshot_of

from tcpconntop.core.analysis.heatmap import heatmap
from tcpconntop.core.analysis.series import all_in_one_group, series
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import slice_history
from tcpconntop.core.window.rolling import RollingWindow

pytestmark = pytest.mark.xdist_group("older")

BEGAN_S, HOURS_S, EVERY_S, EACH = 1_000, 3 * 3_600, 150, 6


@pytest.fixture(scope="module")
def pictured():
    """Return the window of three hours, with room for eight old slices."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slice_history, "MAX_OLDER_SLICES", 8)
        return lived()


def lived():
    window = RollingWindow(None)
    for second in range(BEGAN_S, BEGAN_S + HOURS_S, EVERY_S):
        window.ingest(random_records(EACH, 4, second, second * SECOND_NS), second * SECOND_NS + 1)
    now_ns = (BEGAN_S + HOURS_S) * SECOND_NS - 1
    window.advance(now_ns)
    shown = snapshot_of(window, now_ns, float(HOURS_S))
    return replace(shown, window_s=None, began_ns=BEGAN_S * SECOND_NS)


def test_given_hours_then_few_slices_have_all_of_them_once(pictured):
    """GIVEN three hours WHEN all is pictured THEN every connect is in one slice, and old ones are long."""
    slices, n = pictured.pictured, -(-HOURS_S // EVERY_S) * EACH
    assert len(pictured.window.older_slices) <= 8
    assert sum(part.ended for part in slices) == n == pictured.window.stats["outcomes"].sum()
    assert all(one.second + one.seconds <= other.second for one, other in pairwise(slices))
    lengths = [part.seconds for part in pictured.window.older_slices]
    assert max(lengths) < 4 * min(lengths[:-2])
    assert replace(pictured, window_s=60).pictured == pictured.window.slices


@pytest.mark.parametrize("steps", [20, 90, 300])
def test_given_any_width_then_the_pictures_of_everything_begin_at_the_start(pictured, steps):
    n = pictured.window.stats["outcomes"].sum()
    ok = pictured.window.stats["outcomes"][:, 0].sum()
    drawn = series(pictured, all_in_one_group(pictured), 1, steps)
    assert drawn.attempts.sum() == pytest.approx(n)
    assert steps / 3 <= drawn.attempts.shape[1] <= steps
    assert drawn.attempts[0][0] > 0
    heat = heatmap(pictured, all_in_one_group(pictured), steps)
    assert heat.counts.sum() == pytest.approx(ok)
    assert heat.steps <= steps


def test_given_much_memory_then_the_slices_are_fewer(monkeypatch):
    monkeypatch.setattr(slice_history, "MAX_OLDER_BYTES", 0)
    window = RollingWindow(60)
    for second in range(BEGAN_S, BEGAN_S + 2 * 3_600, 250):
        window.ingest(random_records(3, 4, second, second * SECOND_NS), second * SECOND_NS + 1)
    assert len(window.state().older_slices) == slice_history.MIN_OLDER_SLICES
