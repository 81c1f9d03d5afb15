"""The chart of bars: heights in eighths, marks in front, labels that have room."""

from __future__ import annotations

import math

from rich.style import Style

from tcpconntop.tui.panes.bar_chart import Frame, bars, write_beside

GREY, BLUE, YELLOW = (128, 128, 128), (0, 0, 255), (255, 255, 0)


def chart(heights, marks=(), ticks=((0, "1ms"),), width=12, height=5):
    frame = Frame(width, height, ticks, [(0, "  0"), (1, " 99")], GREY)
    return bars(frame, heights, BLUE, [(x, "p99") for x in marks], YELLOW)


def test_given_heights_when_drawn_then_each_bar_has_its_eighths_and_none_vanishes():
    lines = chart([1, 0.5, 1e-9, 0, math.nan, 1 / 3, 0.25, 0]).plain.split("\n")
    assert lines == [
        " 99┤█       ",
        "   │█▄      ",
        "  0┤██▁  █▆ ",
        "   └┬───────",
        "    1ms     ",
    ]


def test_given_a_mark_when_drawn_then_it_is_a_line_and_the_bar_below_it_has_its_colour():
    text = chart([1, 0.5, 0, 0, 0, 0, 0, 0], marks=(1, 3))
    lines = text.plain.split("\n")
    assert [line[5] for line in lines[:3]] == ["┊", "▄", "█"]
    assert [line[7] for line in lines[:3]] == ["┊"] * 3
    coloured = [
        (text.plain[span.start : span.end], span.style.color.triplet)
        for span in text.spans
        if span.style.color
    ]
    assert ("▄", YELLOW) in coloured
    assert ("█", BLUE) in coloured
    assert ("┊", BLUE) not in coloured


def test_given_labels_that_would_touch_when_drawn_then_the_later_one_is_left_out_but_not_its_tick():
    lines = chart([0] * 8, ticks=((0, "1ms"), (2, "2ms"), (7, "9ms"))).plain.split("\n")
    assert lines[-2:] == ["   └┬─┬────┬", "    1ms  9ms"]
    assert all(len(line) == 12 for line in lines)


def labelled(heights, column, label="lost", marks=()):
    """Return the rows of a chart with a label beside a column."""
    frame = Frame(14, 6, ((0, "1ms"),), [(0, "  0"), (1, " 99")], GREY)
    plot = bars(frame, heights, BLUE, [(x, "p99") for x in marks], YELLOW)
    rows = list(plot.split("\n"))[: frame.rows]
    written = write_beside(rows, frame, column, label, Style(color="red"))
    assert all(line.cell_len == 14 for line in written)
    assert [line.plain for line in written if "lost" not in line.plain] == [
        line.plain for line, new in zip(rows, written, strict=True) if "lost" not in new.plain
    ]
    return [line.plain for line in written]


def test_given_a_label_when_written_then_it_stands_free_above_its_bar():
    assert labelled([1, 0, 0, 0.25, 0, 0, 0, 0, 0, 0], 3) == [
        " 99┤█         ",
        "   │█         ",
        "   │█   lost  ",
        "  0┤█  █      ",
    ]


def test_given_no_room_at_the_right_when_written_then_it_stands_at_the_left():
    assert labelled([0, 0, 0, 0, 0, 0, 0, 0, 0.25, 0], 8)[2] == "   │    lost  "


def test_given_a_mark_above_the_bar_when_written_then_it_stands_beside_the_mark():
    assert labelled([0, 0, 0, 0.25, 0, 0, 0, 0, 0, 0], 3, marks=(3,))[2] == "   │   ┊lost  "


def test_given_bars_everywhere_when_written_then_nothing_is_covered():
    assert not any("lost" in line for line in labelled([1] * 10, 3))
