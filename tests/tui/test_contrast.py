"""What is drawn can be read or seen on its background: text from 4.5 : 1 on, bars from 3 : 1 on.

These are the limits of WCAG 2.1 (1.4.3 and 1.4.11).
"""

from __future__ import annotations

import pytest
from rich.color import Color as Drawn
from rich.color import ColorSystem
from rich.style import Style
from stories import FAILING
from support import Running
from test_colours import THEMES, contrast

TEXT, BARS = 4.5, 3.0
ALWAYS = ("textual-dark", "textual-light", "solarized-light")
"""Themes that are tested always; the others in the long form."""
AXES = set("─│┤└┬┊╭╮╰╯")
"""Lines that only divide may be fainter."""
SHAPES = {"·", "┃", *map(chr, (*range(0x2580, 0x25A0), *range(0x2800, 0x2900)))}

SCREENS = {
    "row and histogram": ["home", "down"],
    "past": ["left", "left"],
    "timeline": ["2"],
    "heatmap": ["3"],
    "failures": ["4"],
}


def drawn(app):
    """Return what is on the screen as pieces of one kind: (characters, style), without what only divides."""
    for strip in app.screen._compositor.render_strips():
        for part in strip:
            letters = {char for char in part.text if char.strip() and char not in AXES}
            for kind in (letters - SHAPES, letters & SHAPES):
                if kind and part.style.color and not part.style.color.is_default:
                    yield kind, part.style


@pytest.mark.parametrize(
    "theme", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.long) for name in THEMES]
)
async def test_text_and_bars_stand_out_from_what_is_behind_them(theme):
    """GIVEN a theme WHEN each screen is drawn THEN no text is below 4.5 : 1, and no bar below 3 : 1."""
    poor, seen = set(), 0
    async with Running(60, flows=FAILING) as run:
        run.app.theme = theme
        for name, keys in SCREENS.items():
            await run.press(*keys)
            for letters, style in drawn(run.app):
                if "▀" in letters or "▄" in letters:
                    continue  # both colours of a half block are shown: `test_each_step_of_the_heatmap…`
                seen += 1
                if contrast(style) < (BARS if letters <= SHAPES else TEXT):
                    poor.add((name, "".join(sorted(letters))[:12], round(contrast(style), 2)))
    assert seen > 300
    assert not poor


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_each_step_of_the_heatmap_is_seen_and_is_another_colour(theme):
    """GIVEN a theme WHEN the steps are drawn, with 256 colours too, THEN each is seen and differs."""
    async with Running(5) as run:
        run.app.theme = theme
        await run.press("3")
        pane = run.screen.panes.query_one("Heatmap")
        ground, *steps = [pane.get_component_rich_style(f"heat--{band}").color for band in range(8)]
        few = [Drawn.downgrade(step, ColorSystem.EIGHT_BIT).number for step in steps]
    assert len(set(few)) == len(steps) == 7
    contrasts = [contrast_of(step, ground) for step in steps]
    assert contrasts == sorted(contrasts)
    assert contrasts[0] >= BARS


def contrast_of(ink, ground):
    """Return the contrast of two colours."""
    return contrast(Style(color=ink, bgcolor=ground))
