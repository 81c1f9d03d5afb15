"""Make `story.svg`, the moving picture of README: `python screenshots/story.py`.

A database begins to lose SYNs, and somebody finds out. The records are made by a seeded generator, so the
picture is the same on every machine; the screen is that of the dashboard. It is one SVG without scripts: each
line of the screen is in it once for each look that it has, and an animation shows it when the screen does.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate

from make import FOLDER, dashboard, scenario, settle, show
from rich.cells import cell_len

from tcpconntop.sources.synthetic import SCENARIO, Flow
from tcpconntop.tui.export import screen_lines
from tcpconntop.tui.text.svg import CELL_HEIGHT, CELL_WIDTH, MARGIN, SvgStyles, svg_file, svg_line

COLUMNS, LINES, BAR_LINES = 112, 30, 2
GROUND, POINTER = "#20262d", "#ffd75f"
SANS = "font-family:system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif"
KEY, SENTENCE = "fill:#14181c;font-weight:bold;font-size:17px", f"fill:#ffffff;{SANS};font-size:19px"
LABEL = f"fill:#8b98a5;{SANS};font-size:14px;text-anchor:end"
KEY_WIDTH = 10.2
"""Width of a letter of `KEY`; it is pinned, so that every font fits its key."""

DATABASE, SICK_AT_S, END_S = ("10.7.0.12", 5432), 200, 240
ROW, RESENDING, FACTOR = r"10\.7\.0\.12 .*\S", r"1 of \d+ destinations resending SYNs", r"×([\d,.]+)"
BAND = r"(?<= )▄{6,}(?= +connects)"
LOST, NEXT, COPIED = r"\S+ of \S+ connects to \S+ lost a SYN", r"→ on .*\S", r"(?=clipboard: ss -ltn)"
"""Patterns of the text on the screen that captions are about."""


@dataclass(frozen=True)
class Step:
    """A part of the story: keys are pressed, then time goes on.

    Attributes:
        key: what was pressed, as the reader sees it; empty if something happened by itself.
        caption: one short sentence. `{}` is what the first group of `points_at` has found on the screen.
        begin_s: second of the scenario at which it begins.
        pictures: how many seconds of the scenario are shown, one after the other.
        each_s: how long each of them is shown.
        presses: keys to press first, by Textual's names.
        points_at: patterns of what the caption is about. The last picture has all of them, and a line is
            drawn around each, unless it matches no cells (a lookahead).
    """

    key: str
    caption: str
    begin_s: int
    pictures: int
    each_s: float
    presses: tuple[str, ...] = ()
    points_at: tuple[str, ...] = ()


STORY = (
    Step("tcpconntop", "shows every connect of this machine as it happens, by destination", 196, 3, 1.1),
    Step(
        "", "A database begins to lose SYNs: its row goes to the top", 202, 6, 0.8, points_at=(RESENDING, ROW)
    ),
    Step(
        "M",
        "compares with a minute earlier: the database's p99 is {} times as high",
        210,
        1,
        4.0,
        ("M",),
        (FACTOR,),
    ),
    Step("3", "shows a new band: a lost SYN costs a second", 216, 5, 0.7, ("3",), (BAND,)),
    Step("x", "names the cause, with the evidence and the next step", 222, 1, 5.0, ("x",), (LOST, NEXT)),
    Step("y", "copies that command, ready to paste", 222, 1, 3.5, ("y",), (NEXT, COPIED)),
)
STILL = 4
"""The step that is shown where nothing moves."""


@dataclass(frozen=True)
class Picture:
    """What is seen for some seconds.

    Attributes:
        bar: the bar above the screen.
        lines: the lines of the screen.
        pointers: what is drawn over the screen.
        length_s: how long it is seen.
    """

    bar: str
    lines: Sequence[str]
    pointers: str
    length_s: float


def flows_at(second: int) -> Sequence[Flow]:
    """Return what happens in a second: from some time on, a database loses SYNs. Nothing else is wrong."""
    share = 0.11 if second >= SICK_AT_S else 0.0
    found = []
    for flow in SCENARIO:
        is_database = flow.dport == DATABASE[1]
        found.append(
            replace(
                flow,
                failure_share=0,
                lost_syn_share=share * ((flow.daddr, flow.dport) == DATABASE),
                median_us=330 if is_database else flow.median_us,  # its replica is as fast as it
                sigma=0.3 if is_database else flow.sigma,
            )
        )
    return found


async def story(styles: SvgStyles) -> tuple[list[Picture], int]:
    """Return the pictures, and which of them stands for all where nothing moves."""
    snapshots, found, still = scenario(END_S, flows_at), [], 0
    app = dashboard()
    async with app.run_test(size=(COLUMNS, LINES), notifications=True) as pilot:
        for index, step in enumerate(STORY):
            app.clear_notifications()  # in the time of the story, the last one has gone
            screens = []
            for number in range(step.pictures):
                await show(pilot, snapshots[step.begin_s + number])
                if not number:
                    await pilot.press(*step.presses)
                await settle(pilot)
                screens.append([list(line) for line in screen_lines(app)])
            texts = [["".join(each.text for each in line) for line in screen] for screen in screens]
            bar = bar_svg(step.key, step.caption.format(*quoted(step, texts[-1])), styles)
            for text, screen in zip(texts, screens, strict=True):
                lines = [svg_line(line, styles) for line in screen]
                found.append(Picture(bar, lines, pointers_svg(step.points_at, text), step.each_s))
            still = len(found) - 1 if index == STILL else still
    return found, still


def quoted(step: Step, screen: Sequence[str]) -> list[str]:
    """Return what the patterns of a step quote from the screen.

    Raises:
        AssertionError: the screen does not show what the caption says.
    """
    hits = [re.search(pattern, "\n".join(screen)) for pattern in step.points_at]
    assert all(hits), f"{step.caption}: {step.points_at} is not on the screen\n" + "\n".join(screen)
    return [group for hit in hits if hit for group in hit.groups()]


def bar_svg(key: str, caption: str, styles: SvgStyles) -> str:
    """Return the bar above the screen: the key that was pressed, and one sentence."""
    parts, x = [], 0.0
    if key:
        wide = KEY_WIDTH * len(key)
        parts.append(f'<rect width="{wide + 20:g}" height="26" rx="5" fill="{POINTER}"/>')
        parts.append(
            f'<text class="{styles.name(KEY)}" x="10" y="19" textLength="{wide:g}">{escape(key)}</text>'
        )
        x = wide + 32
    parts.append(f'<text class="{styles.name(SENTENCE)}" x="{x:g}" y="20">{escape(caption)}</text>')
    right = COLUMNS * CELL_WIDTH
    parts.append(f'<text class="{styles.name(LABEL)}" x="{right}" y="19">made records</text>')
    return "".join(parts)


def pointers_svg(patterns: Sequence[str], screen: Sequence[str]) -> str:
    """Return a line around the first cells that each pattern matches, if there are any."""
    parts = []
    for pattern in patterns:
        hits = ((y, text, re.search(pattern, text)) for y, text in enumerate(screen, BAR_LINES))
        y, text, hit = next((each for each in hits if each[2]), (0, "", None))
        if hit and hit[0]:
            x, width = cell_len(text[: hit.start()]), cell_len(hit[0])
            parts.append(
                f'<rect x="{x * CELL_WIDTH - 4}" y="{y * CELL_HEIGHT}" width="{width * CELL_WIDTH + 8}"'
                f' height="{CELL_HEIGHT}" rx="4" fill="none" stroke="{POINTER}" stroke-width="1.5"/>'
            )
    return "".join(parts)


def rule(name: str, shown: Sequence[int], ends_s: Sequence[float], still: int) -> str:
    """Return the rule of what is seen in some pictures; where nothing moves, one of them is seen."""
    begins_s = [0.0, *ends_s]
    changes = {0.0: "hidden"}
    changes |= {begins_s[n]: "visible" for n in shown}
    changes |= {ends_s[n]: "hidden" for n in shown if n + 1 not in shown}
    frames = "".join(
        f"{100 * at / ends_s[-1]:.3f}%{{visibility:{look}}}" for at, look in sorted(changes.items())
    )
    return (
        f"@keyframes {name}{{{frames}}}.{name}{{visibility:{'visible' if still in shown else 'hidden'}}}"
        f"@media (prefers-reduced-motion:no-preference)"
        f"{{.{name}{{animation:{name} {ends_s[-1]:g}s step-end infinite}}}}"
    )


def animated(pictures: Sequence[Picture], still: int, styles: SvgStyles) -> str:
    """Return the SVG of pictures, one of which is seen where nothing moves."""
    looks: dict[tuple[int, str], list[int]] = {}
    for number, picture in enumerate(pictures):
        for y, line in [(0, picture.bar), *enumerate(picture.lines, BAR_LINES)]:
            looks.setdefault((y, line), []).append(number)
    for number, picture in enumerate(pictures):  # last: they are drawn over the lines
        looks.setdefault((0, picture.pointers), []).append(number)
    ends_s = list(accumulate(picture.length_s for picture in pictures))
    classes: dict[tuple[int, ...], str] = {}
    parts = []
    for (y, line), numbers in looks.items():
        if line:
            name = classes.setdefault(tuple(numbers), f"k{len(classes)}")
            place = f"translate({MARGIN} {MARGIN + y * CELL_HEIGHT})"
            parts.append(f'<g class="{name}" transform="{place}">{line}</g>')
    rules = "".join(rule(name, numbers, ends_s, still) for numbers, name in classes.items())
    return svg_file(parts, styles.sheet() + rules, (COLUMNS, LINES + BAR_LINES), "tcpconntop", GROUND)


def main() -> None:
    """Write the picture."""
    os.environ.update(TZ="UTC", COLORTERM="truecolor")
    time.tzset()
    styles = SvgStyles()
    pictures, still = asyncio.run(story(styles))
    (FOLDER / "story.svg").write_text(animated(pictures, still, styles), encoding="utf-8")


if __name__ == "__main__":
    main()
