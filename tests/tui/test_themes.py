"""Themes change colours and nothing else, and text can be read in each of them."""

from __future__ import annotations

import pytest
from goldens import Captured, capture
from stories import FAILING
from support import Running
from textual.theme import BUILTIN_THEMES

SOME = ["textual-light", "ansi-dark", "nord"]


def unreadable(app) -> list[str]:
    """Return the text whose colour is that of its background; a terminal's own two colours always differ."""
    strips = app.screen._compositor.render_strips()
    styled = [(part.text, part.style) for strip in strips for part in strip if part.text.strip()]
    return [text for text, style in styled if style.color == style.bgcolor and not style.color.is_default]


def table_of(drawn: Captured) -> str:
    """Return the text above the panes."""
    return drawn.text[: drawn.text.index("──")]


@pytest.mark.parametrize("keys", [["down", "2"], ["3"]], ids="-".join)
async def test_in_every_theme_the_same_text_can_be_read(keys, long):
    """GIVEN a pane WHEN the theme changes THEN its text stays, its colours do not, and each letter shows."""
    assert set(SOME) < set(BUILTIN_THEMES)
    async with Running(20, flows=FAILING) as run:
        await run.press(*keys)
        usual = capture(run.app)
        assert "P99" in usual.text
        assert not unreadable(run.app)
        for theme in BUILTIN_THEMES.keys() - {"textual-dark"} if long else SOME:
            run.app.theme = theme
            await run.pilot.pause()
            drawn = capture(run.app)
            assert table_of(drawn) == table_of(usual), theme
            if not theme.startswith("ansi-"):  # too few colours for a heatmap of half blocks
                assert drawn.text == usual.text, theme
            assert drawn.styles != usual.styles, theme
            assert not unreadable(run.app), theme
