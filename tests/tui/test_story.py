"""The moving picture of README: each of its pictures is seen in its time, and only then."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

sys.path.append(str(Path(__file__).parents[2] / "screenshots"))

from story import SICK_AT_S, STORY, animated, flows_at

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


def test_given_pictures_when_animated_then_each_is_seen_in_its_time_alone():
    pictures = [
        ("one", 1.0, ["<text>a</text>", "<text>same</text>"]),
        ("two", 2.0, ["<text>b</text>", "<text>same</text>"]),
        ("two", 0.5, ["<text>a</text>", ""]),
    ]
    picture = animated(pictures, SvgStyles())
    assert picture.count("same") == 1
    for at_s, expected in (
        (0, ["one", "a", "same"]),
        (0.9, ["one", "a", "same"]),
        (1, ["two", "b", "same"]),
        (2.9, ["two", "b", "same"]),
        (3, ["two", "a"]),
        (3.4, ["two", "a"]),
    ):
        assert sorted(seen(picture, at_s, 3.5)) == sorted(expected)


def test_given_the_story_then_nothing_is_wrong_before_the_database_is():
    assert not any(flow.lost_syn_share or flow.failure_share for flow in flows_at(SICK_AT_S - 1))
    assert [flow.dport for flow in flows_at(SICK_AT_S) if flow.lost_syn_share] == [5432, 5432]
    assert all(step.begin_s < SICK_AT_S for step in STORY[:2])
    assert all(step.begin_s >= SICK_AT_S for step in STORY[2:])
