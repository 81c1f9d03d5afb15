"""The moving picture of README: each of its pictures is seen in its time, and says what is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.append(str(Path(__file__).parents[2] / "screenshots"))

from story import SICK_AT_S, STILL, STORY, Picture, Step, animated, flows_at, pointers_svg, quoted

from tcpconntop.tui.text.svg import SvgStyles

NAMESPACE = "{http://www.w3.org/2000/svg}"


def seen(picture, at_s, length_s):
    """Return the lines that an animation shows at a time."""
    root = ElementTree.fromstring(picture)
    sheet = root.find(NAMESPACE + "style").text
    shown = []
    for part in root.findall(NAMESPACE + "g"):
        frames = re.search(rf"@keyframes {part.attrib['class']}\{{(.*?)\}}\.", sheet)[1]
        looks = [(float(at), look) for at, look in re.findall(r"([\d.]+)%\{visibility:(\w+)", frames)]
        assert looks == sorted(looks)
        if [look for at, look in looks if at <= 100 * at_s / length_s + 1e-3][-1] == "visible":
            shown.append(ElementTree.tostring(part, encoding="unicode", method="text").strip())
    return shown


PICTURES = [
    Picture("<text>one</text>", ["<text>a</text>", "<text>same</text>"], "", 1.0),
    Picture("<text>two</text>", ["<text>b</text>", "<text>same</text>"], "<text>here</text>", 2.0),
    Picture("<text>two</text>", ["<text>a</text>", ""], "", 0.5),
]


def test_given_pictures_when_animated_then_each_is_seen_in_its_time_alone():
    picture = animated(PICTURES, 0, SvgStyles())
    assert picture.count("same") == 1
    for at_s, expected in (
        (0, ["one", "a", "same"]),
        (0.9, ["one", "a", "same"]),
        (1, ["two", "b", "same", "here"]),
        (2.9, ["two", "b", "same", "here"]),
        (3, ["two", "a"]),
        (3.4, ["two", "a"]),
    ):
        assert sorted(seen(picture, at_s, 3.5)) == sorted(expected)


@pytest.mark.parametrize(
    ("still", "expected"), [(0, {"one", "a", "same"}), (1, {"two", "b", "same", "here"})]
)
def test_given_a_viewer_without_motion_then_one_picture_is_seen_whole(still, expected):
    root = ElementTree.fromstring(animated(PICTURES, still, SvgStyles()))
    sheet = root.find(NAMESPACE + "style").text
    resting = dict(re.findall(r"\.(k\d+)\{visibility:(\w+)\}", sheet))
    parts = root.findall(NAMESPACE + "g")
    assert {
        "".join(part.itertext()) for part in parts if resting[part.attrib["class"]] == "visible"
    } == expected


def test_given_a_caption_that_quotes_the_screen_then_it_says_what_is_there_or_is_refused():
    step = Step("M", "its p99 is {}", 0, 1, 1.0, points_at=(r"(×\S+)",))
    assert quoted(step, ["no", "a  ×31  b"]) == ["×31"]
    with pytest.raises(AssertionError, match="is not on the screen"):
        quoted(step, ["no", "a  ~  b"])


def test_given_a_pattern_then_the_line_is_drawn_around_its_cells():
    box = ElementTree.fromstring(pointers_svg((r"×\d+",), ["", "数据 ×31 "])).attrib
    assert (box["x"], box["width"]) == (str(5 * 9 - 4), str(3 * 9 + 8))
    assert pointers_svg((r"×\d+",), ["nothing"]) == ""


def test_given_the_story_then_nothing_is_wrong_before_the_database_is():
    assert not any(flow.lost_syn_share or flow.failure_share for flow in flows_at(SICK_AT_S - 1))
    assert [flow.dport for flow in flows_at(SICK_AT_S) if flow.lost_syn_share] == [5432, 5432]
    assert STORY[0].begin_s + STORY[0].pictures <= SICK_AT_S
    assert all(step.begin_s >= SICK_AT_S for step in STORY[1:])


def test_given_the_story_then_every_caption_can_be_read_in_its_time():
    """GIVEN the steps THEN each has 0.25 s for each word, at least 3 s, and all of them 25 s at most."""
    lengths_s = [step.pictures * step.each_s for step in STORY]
    words = [len(f"{step.key} {step.caption}".split()) for step in STORY]
    assert all(length_s >= max(3, n * 0.25) - 1e-9 for length_s, n in zip(lengths_s, words, strict=True))
    assert sum(lengths_s) <= 25
    assert STORY[STILL].key == "x"
