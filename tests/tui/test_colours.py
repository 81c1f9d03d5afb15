"""Whether colours can be read, and whether there are none where there shall be none."""

from __future__ import annotations

from itertools import product

import pytest
from support import Running, flow
from textual.color import Color
from textual.theme import BUILTIN_THEMES

THEMES = [name for name in BUILTIN_THEMES if not name.startswith("ansi-")]
LEAST = 4.5
"""Contrast that text has at least (WCAG 2.1)."""

ALARMING = [
    flow("slow", 1, "10.0.0.1", median_us=200_000, lost_syn_share=0.5),
    flow("b", 2, "10.0.0.2", failure_share=0.03),
]


def luminance(colour):
    """Return the relative luminance as WCAG 2 defines it."""
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(style):
    """Return the contrast between the colours of a style."""
    low, high = sorted(luminance(Color.from_rich_color(colour)) for colour in (style.color, style.bgcolor))
    return (high + 0.05) / (low + 0.05)


async def test_figures_of_the_selected_row_can_be_read(long):
    """GIVEN any theme WHEN a row with slow, failed and repeated connects is selected THEN all is legible."""
    seen = set()
    async with Running(10, flows=ALARMING) as run:
        themes = THEMES if long else THEMES[::4]
        for theme, key in product(themes, ("home", "down")):
            run.app.theme = theme
            await run.press(key)
            row = run.screen.table.render_line(1 + run.screen.table.row)
            words = [segment for segment in row if segment.text.strip(" ▁▂▃▄▅▆▇█▌")]
            poor = [(theme, segment.text, contrast(segment.style)) for segment in words]
            seen |= {segment.style.color for segment in words}
            assert len(words) > 2
            assert not [one for one in poor if one[2] < LEAST]
    assert len(seen) > len(themes)  # the colours did change with the theme


@pytest.mark.parametrize("key", ["1", "2", "3", "4"])
async def test_a_terminal_without_colours_gets_none(monkeypatch, key):
    """GIVEN a terminal that calls itself dumb WHEN charts are drawn THEN no line has a colour."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("COLORTERM", raising=False)
    async with Running(20, flows=ALARMING) as run:
        await run.press("down", key)
        pane = run.screen.panes.query_one(f"{run.screen.panes.visible_names[0]}")
        strips = pane.render_lines(pane.size.region)
        colours = [
            colour
            for strip in strips
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
        ]
        assert any(strip.text.strip() for strip in strips)
        assert all(colour is None or colour.is_default for colour in colours)
