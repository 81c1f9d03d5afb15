"""The picture of how the cost grows: its axes, and that everything in it can be read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.append(str(Path(__file__).parents[2] / "screenshots"))

from plots import (
    CHARACTER_WIDTH,
    FOLDER,
    FONT_SIZE,
    LOOKS,
    Column,
    Figure,
    Plot,
    draw,
    figure_of,
    linear_ticks,
    log_ticks,
    value_text,
)

NAMESPACE = "{http://www.w3.org/2000/svg}"
POINTS = [(10, 90, 100, 110), (100, 150, 200, 250), (1_000, 390, 400, 600), (10_000, 100, 300, 310)]
STORED = figure_of(json.loads((FOLDER / "scaling.json").read_text("utf-8")))
ONE = Figure([Column("one", "CPUs", [Plot("ns", [(1, 0, 0, 0)])], [])], ["of <one> & the same machine"])


def parts(figure, name):
    return ElementTree.fromstring(draw(figure)).iter(NAMESPACE + name)


def texts(figure, looks="tdvs"):
    """Return the texts that look so, each with its edges, as wide as it is at the most, and its baseline."""
    found = []
    for text in parts(figure, "text"):
        width = len(text.text) * CHARACTER_WIDTH * LOOKS[text.attrib["class"]][1]
        share = {"start": 0, "middle": 0.5, "end": 1}[text.attrib["text-anchor"]]
        left = float(text.attrib["x"]) - share * width
        if text.attrib["class"] in looks:
            found.append((text.text, left, left + width, float(text.attrib["y"])))
    return found


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (95, 52_000, [100, 1_000, 10_000]),
        (10, 200_000, [10, 100, 1_000, 10_000, 100_000]),
        (1, 64, [1, 2, 5, 10, 20, 50]),
        (0.5, 8, [0.5, 1, 2, 5]),
    ],
)
def test_given_a_log_axis_then_its_ticks_are_decades_and_more_where_there_are_few(low, high, ticks):
    assert log_ticks(low, high) == ticks


@pytest.mark.parametrize(
    ("top", "ticks"),
    [(539, [0, 200, 400, 600]), (600, [0, 200, 400, 600]), (3.6, [0, 2, 4]), (0.25, [0, 0.1, 0.2, 0.3])],
)
def test_given_a_linear_axis_then_its_ticks_are_round_and_reach_the_top(top, ticks):
    assert linear_ticks(top) == ticks


def test_given_values_then_they_are_written_with_three_digits_at_most():
    values = [value_text(value) for value in (0.26, 2.94, 17.6, 539.4, 1_894.7, 37_347)]
    assert values == ["0.3", "2.9", "18", "539", "1,890", "37,300"]


def test_given_points_when_drawn_then_each_is_where_the_axes_say():
    figure = Figure([Column("title", "x", [Plot("y", POINTS)], ["note"])], ["footer"])
    dots = sorted((float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in parts(figure, "circle"))
    middles = {text: (left + right) / 2 for text, left, right, _ in texts(figure, "d")}
    expected = [middles[text] for text in ("10", "100", "1k", "10k")]
    assert [x for x, _ in dots] == pytest.approx(expected, abs=0.2)
    heights = {text: y - 4 for text, _, _, y in texts(figure, "d") if text in ("0", "200", "400")}
    zero, step = heights["0"], (heights["0"] - heights["400"]) / 4
    assert [y for _, y in dots] == pytest.approx([zero - n * step for n in (1, 2, 4, 3)], abs=0.2)
    assert {text for text, *_ in texts(figure, "v")} == {"100", "200", "400", "300"}
    assert {"title", "x", "y", "note", "footer"} <= {text for text, *_ in texts(figure)}


def test_given_points_close_to_each_other_when_drawn_then_the_highest_has_its_value():
    points = [(10, 1, 2, 3), (900, 4, 5, 6), (1_000, 7, 8, 9), (1_100, 6, 7, 8)]
    figure = Figure([Column("title", "x", [Plot("y", points)], [])], [])
    assert {text for text, *_ in texts(figure, "v")} == {"8.0", "2.0"}


@pytest.mark.parametrize("figure", [STORED, ONE], ids=["as stored", "one point"])
def test_given_a_figure_when_drawn_then_every_text_is_inside(figure):
    root = ElementTree.fromstring(draw(figure))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    outside = [
        text
        for text, left, right, y in texts(figure)
        if left < 0 or right > width or not FONT_SIZE <= y < height
    ]
    assert outside == []


def test_given_the_picture_when_drawn_then_no_text_of_a_column_reaches_the_next_one():
    lefts = [left for _, left, _, _ in texts(STORED, "t")]
    for column, following in zip(STORED.columns, lefts[1:], strict=False):
        words = {column.title, column.x, *column.notes, *(plot.y for plot in column.plots)}
        inside = [text for text, left, right, _ in texts(STORED) if left < following < right]
        assert words.isdisjoint(inside)


def test_given_the_stored_figures_when_drawn_then_they_are_the_stored_picture():
    """If they are not: `python screenshots/plots.py`."""
    assert draw(STORED) == (FOLDER / "scaling.svg").read_text("utf-8")
