"""Make `story.svg`, the moving picture of README: `python screenshots/story.py`.

A database begins to lose SYNs, and somebody finds out. The records are made by a seeded generator, so the
picture is the same on every machine. It is one SVG without scripts: each line of the screen is in it once for
each look that it has, and an animation shows it as long as the screen does.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate

from make import FOLDER, dashboard, scenario, settle, show

from tcpconntop.sources.synthetic import SCENARIO, Flow
from tcpconntop.tui.export import screen_lines
from tcpconntop.tui.text.svg import CELL_HEIGHT, MARGIN, SvgStyles, svg_file, svg_line

COLUMNS, LINES = 118, 32
GROUND, CAPTION = "#20262d", "fill:#ffffff;font-weight:bold"
DATABASE, SICK_AT_S, END_S = ("10.7.0.12", 5432), 200, 240


@dataclass(frozen=True)
class Step:
    """A part of the story: keys are pressed, then time goes on.

    Attributes:
        caption: what the reader is told.
        begin_s: second of the scenario at which it begins.
        pictures: how many seconds of the scenario are shown, one after the other.
        each_s: how long each of them is shown.
        keys: keys to press first.
    """

    caption: str
    begin_s: int
    pictures: int
    each_s: float
    keys: tuple[str, ...] = ()


STORY = (
    Step("Every connect of this machine, as it happens", 196, 3, 1.0),
    Step("m  marks this moment, to compare with it later", 199, 1, 2.5, ("m",)),
    Step("The database begins to lose SYNs: the second line says so, its row goes to the top", 202, 6, 0.8),
    Step("Each row says what has changed since the mark", 210, 1, 4.0),
    Step("3  shows the new band: a lost SYN costs a second", 220, 5, 0.8, ("3",)),
    Step("x  says what it is, with the evidence and the next step", 225, 1, 5.0, ("x",)),
    Step("enter  goes to where it happens", 225, 1, 3.5, ("enter",)),
)


def flows_at(second: int) -> Sequence[Flow]:
    """Return what happens in a second: from some time on, a database loses SYNs. Nothing else is wrong."""
    share = 0.11 if second >= SICK_AT_S else 0.0
    return [
        replace(flow, lost_syn_share=share * ((flow.daddr, flow.dport) == DATABASE), failure_share=0)
        for flow in SCENARIO
    ]


async def pictures(styles: SvgStyles) -> list[tuple[str, float, list[str]]]:
    """Return the caption, seconds and lines of each picture."""
    snapshots, found = scenario(END_S, flows_at), []
    app = dashboard()
    async with app.run_test(size=(COLUMNS, LINES)) as pilot:
        for step in STORY:
            for number in range(step.pictures):
                await show(pilot, snapshots[step.begin_s + number])
                if not number:
                    await pilot.press(*step.keys)
                await settle(pilot)
                lines = [svg_line(line, styles) for line in screen_lines(app)]
                found.append((step.caption, step.each_s, lines))
    return found


def rule(name: str, shown: Sequence[int], ends_s: Sequence[float]) -> str:
    """Return the rule of what is seen in some pictures; who wants no motion sees the last one."""
    begins_s = [0.0, *ends_s]
    changes = {0.0: "hidden"}
    changes |= {begins_s[n]: "visible" for n in shown}
    changes |= {ends_s[n]: "hidden" for n in shown if n + 1 not in shown}
    frames = "".join(
        f"{100 * at / ends_s[-1]:.3f}%{{visibility:{look}}}" for at, look in sorted(changes.items())
    )
    still = "visible" if shown[-1] == len(ends_s) - 1 else "hidden"
    return (
        f"@keyframes {name}{{{frames}}}.{name}{{visibility:{still}}}"
        f"@media (prefers-reduced-motion:no-preference)"
        f"{{.{name}{{animation:{name} {ends_s[-1]:g}s step-end infinite}}}}"
    )


def animated(shown: Sequence[tuple[str, float, list[str]]], styles: SvgStyles) -> str:
    """Return the SVG of pictures."""
    looks: dict[tuple[int, str], list[int]] = {}
    for number, (caption, _, lines) in enumerate(shown):
        title = f'<text class="{styles.name(CAPTION)}" y="14">{escape(caption)}</text>'
        for y, line in enumerate([title, "", *lines]):
            looks.setdefault((y, line), []).append(number)
    ends_s = list(accumulate(each_s for _, each_s, _ in shown))
    classes: dict[tuple[int, ...], str] = {}
    parts = []
    for (y, line), numbers in looks.items():
        if line:
            name = classes.setdefault(tuple(numbers), f"k{len(classes)}")
            place = f"translate({MARGIN} {MARGIN + y * CELL_HEIGHT})"
            parts.append(f'<g class="{name}" transform="{place}">{line}</g>')
    rules = "".join(rule(name, numbers, ends_s) for numbers, name in classes.items())
    return svg_file(parts, styles.sheet() + rules, (COLUMNS, LINES + 2), "tcpconntop", GROUND)


def main() -> None:
    """Write the picture."""
    os.environ.update(TZ="UTC", COLORTERM="truecolor")
    time.tzset()
    styles = SvgStyles()
    (FOLDER / "story.svg").write_text(animated(asyncio.run(pictures(styles)), styles), encoding="utf-8")


if __name__ == "__main__":
    main()
