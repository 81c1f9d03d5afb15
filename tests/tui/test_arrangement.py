"""Where panes stand, and sizes that do not jump: plain functions."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from textual.geometry import Region

from tcpconntop.tui.panes.arrangement import COLUMN_MIN_WIDTH, all_together, is_big, side_by_side
from tcpconntop.tui.panes.registry import PANES
from tcpconntop.tui.steady import HOLD, SteadySize

NAMES = list(PANES)
BIG = list(product((180, 181, 199, 200, 250, 251, 400), (12, 19, 21, 22, 23, 30, 41, 70)))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((180, 50), True), ((400, 100), True), ((179, 50), False), ((180, 49), False), ((120, 36), False)],
)
def test_a_terminal_is_big_from_180_by_50_on(size, expected):
    assert is_big(*size) is expected


@pytest.mark.parametrize(("width", "height"), BIG)
def test_panes_fill_what_they_have_and_never_overlap(width, height):
    for picked in (None, *NAMES):
        places = all_together(NAMES, picked, width, height)
        regions = [Region(place.x, place.y - 1, place.width, place.height + 1) for place in places]
        assert not any(one.overlaps(other) for one, other in combinations(regions, 2))
        assert all(Region(0, 0, width, height).contains_region(region) for region in regions)
        lines = {region.y for region in regions} | {region.bottom for region in regions}
        assert {0, height} <= lines
        assert max(region.right for region in regions) == width
        assert all(region.width >= COLUMN_MIN_WIDTH for region in regions)
        assert picked is None or picked in [place.name for place in places]
        assert {"Explain", "Heatmap"} <= {place.name for place in places}


def test_what_has_one_time_axis_stands_above_each_other():
    places = {place.name: place for place in all_together(NAMES, None, 200, 40)}
    assert set(places) == set(NAMES)
    timeline, heatmap, explain = places["Timeline"], places["Heatmap"], places["Explain"]
    assert (timeline.x, timeline.width) == (heatmap.x, heatmap.width)
    assert heatmap.y == timeline.y + timeline.height + 1
    assert (explain.x, explain.y, explain.height) == (0, 1, 39)


@pytest.mark.parametrize(
    ("width", "picked", "expected"),
    [
        (180, None, ["Explain", "Heatmap", "Timeline"]),
        (180, "Timeline", ["Explain", "Heatmap", "Timeline"]),
        (180, "Failures", ["Explain", "Heatmap", "Failures"]),
        (250, None, ["Explain", "Heatmap", "Timeline", "Histogram"]),
        (300, None, ["Explain", "Heatmap", "Timeline", "Histogram", "Failures"]),
    ],
)
def test_in_few_lines_they_stand_in_one_row_and_one_that_is_wanted_takes_the_last_place(
    width, picked, expected
):
    places = all_together(NAMES, picked, width, 19)
    assert [place.name for place in places] == expected
    assert {place.y for place in places} == {1}


@pytest.mark.parametrize(
    ("width", "active", "expected"),
    [
        (120, "Heatmap", ["Heatmap"]),
        (199, "Explain", ["Explain"]),
        (200, "Histogram", ["Histogram", "Timeline"]),
        (200, "Explain", ["Failures", "Explain"]),
        (300, "Timeline", ["Timeline", "Heatmap", "Failures"]),
    ],
)
def test_a_smaller_terminal_shows_the_pane_of_the_tab_and_its_neighbours(width, active, expected):
    places = side_by_side(NAMES, active, width, 15)
    assert [place.name for place in places] == expected
    assert sum(place.width for place in places) == width
    assert {(place.y, place.height) for place in places} == {(1, 14)}


def test_a_size_grows_at_once_and_shrinks_late_to_the_most_that_was_needed():
    size = SteadySize()
    assert [size.fit(needed) for needed in (5, 9, 7)] == [5, 9, 9]
    assert {size.fit(needed) for needed in [6, 3] * (HOLD // 2 - 1)} == {9}
    assert [size.fit(3), size.fit(3)] == [7, 7]
    assert size.fit(8) == 8


def test_a_size_of_another_view_begins_anew():
    size = SteadySize()
    assert [size.fit(9, "a"), size.fit(2, "a"), size.fit(2, "b"), size.fit(1, "b")] == [9, 9, 2, 2]
