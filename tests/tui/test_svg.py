"""The screen as SVG: on the grid of cells, without seams, and safe to open."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from rich.segment import Segment
from rich.style import Style

from tcpconntop.tui.text.svg import BLOCKS, CELL_HEIGHT, CELL_WIDTH, MARGIN, svg_picture

NAMESPACE = "{http://www.w3.org/2000/svg}"


def elements(name, *lines):
    """Return the attributes and text of the elements of a picture of lines, without the ground."""
    root = ElementTree.fromstring(svg_picture(lines, 40, "title"))
    found = [each for each in root.iter(NAMESPACE + name) if "rx" not in each.attrib]
    return [(each.attrib, each.text) for each in found]


def columns(name, *lines):
    return [float(attributes["x"]) / CELL_WIDTH for attributes, _ in elements(name, *lines)]


def test_given_text_when_drawn_then_each_run_begins_in_its_cell():
    line = [Segment("p99", Style(bold=True)), Segment("  ab c "), Segment(" <&> ", Style(color="red"))]
    drawn = elements("text", line)
    assert [text for _, text in drawn] == ["p99", "ab c", "<&>"]
    assert columns("text", line) == [0, 5, 11]
    assert [float(attributes["textLength"]) / CELL_WIDTH for attributes, _ in drawn] == [3, 4, 3]


def test_given_wide_characters_when_drawn_then_what_follows_is_not_shifted():
    line = [Segment("数据 x", Style(color="red")), Segment("|y")]
    assert columns("text", line) == [0, 2, 5, 6]


def test_given_combining_characters_when_drawn_then_they_take_no_cell():
    line = [Segment("e\u0301a", Style(color="red")), Segment("|y")]
    assert columns("text", line) == [0, 2]


@pytest.mark.parametrize("char", sorted(BLOCKS))
def test_given_a_block_when_drawn_then_it_is_no_letter_and_lies_in_its_cells(char):
    assert elements("text", [Segment(f" {char}{char} ")]) == []
    boxes = [attributes for attributes, _ in elements("rect", [Segment(f" {char}{char} ")])]
    assert boxes
    for box in boxes:
        assert CELL_WIDTH <= float(box["x"]) <= float(box["x"]) + float(box["width"]) <= 3 * CELL_WIDTH
        assert 0 <= float(box["y"]) <= float(box["y"]) + float(box["height"]) <= CELL_HEIGHT


def test_given_the_same_block_side_by_side_when_drawn_then_it_is_one_rectangle_without_a_seam():
    ((box, _),) = elements("rect", [Segment("▄▄▄▄", Style(color="#102030"))])
    assert (float(box["width"]), float(box["height"]), box["fill"]) == (4 * CELL_WIDTH, 9, "#102030")


def test_given_upper_half_blocks_when_drawn_then_they_meet_the_background_of_the_same_cells():
    back, front = (
        box for box, _ in elements("rect", [Segment("▀", Style(color="#ff0000", bgcolor="#00ff00"))])
    )
    assert (back["fill"], back["y"], back["height"]) == ("#00ff00", "0", "18")
    assert (front["fill"], front["y"], front["height"]) == ("#ff0000", "0", "9")


def test_given_reverse_and_dim_when_drawn_then_the_colours_are_those_that_are_seen():
    picture = svg_picture([[Segment("x", Style(color="#ffffff", bgcolor="#000000", reverse=True))]], 1, "")
    assert "fill:#000000" in picture
    assert 'fill="#ffffff"' in picture
    picture = svg_picture([[Segment("x", Style(color="#ffffff", bgcolor="#000000", dim=True))]], 1, "")
    assert "fill:#999999" in picture


def test_given_lines_when_drawn_then_each_is_below_the_one_before_it():
    picture = svg_picture([[Segment("a")], [], [Segment("b")]], 1, "")
    assert re.findall(r"translate\((\d+) (\d+)\)", picture) == [
        (str(MARGIN), str(MARGIN)),
        (str(MARGIN), str(MARGIN + 2 * CELL_HEIGHT)),
    ]


def test_given_hostile_text_when_drawn_then_it_is_text():
    evil = "</text><script>\x1b[31m\u202e\x00]]>"
    picture = svg_picture([[Segment(evil)]], 40, evil)
    assert ElementTree.fromstring(picture).findall(f".//{NAMESPACE}script") == []
    assert all(char.isprintable() or char == "\n" for char in picture)
