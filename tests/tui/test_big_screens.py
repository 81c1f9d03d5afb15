"""Big terminals: the panes stand beside each other, and keys of panes still do what they say."""

from __future__ import annotations

import pytest
from support import Running, flow, text_of

from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.panes.registry import PANES

NAMES = set(PANES)


def lines_of(screen) -> list[str]:
    """Return the lines of a screen."""
    return ["".join(part.text for part in strip) for strip in screen._compositor.render_strips()]


async def test_all_panes_have_what_few_rows_leave():
    async with Running(20, size=(200, 60)) as run:
        panes, table = run.screen.panes, run.screen.table
        assert set(panes.visible_names) == NAMES
        assert table.size.height - 1 - len(run.screen.view) in range(2, 6)
        assert panes.size.height + table.size.height == 60 - 4
        lines = [line.rstrip() for line in lines_of(run.screen)]
        titles = next(line for line in lines if "Timeline" in line)
        assert titles.startswith("── Explain ──")
        assert titles.endswith("connects ──")
        assert "[ Histogram ]" in titles
        assert any("Heatmap" in line and "Failures" in line for line in lines)
        for name in NAMES - {"Explain"}:
            pane = panes.query_one(name)
            assert any(line.strip() for line in text_of(pane)), name
        await run.press("v")
        assert not panes.display
        assert not any(pane._selection for pane in panes._panes.values()), "each would hold a snapshot"
        assert table.size.height == 60 - 4


async def test_the_key_of_a_pane_marks_it_and_again_shows_it_alone():
    async with Running(size=(200, 60)) as run:
        panes = run.screen.panes
        tabs = panes.query("PaneTabs").first()
        await run.press("3")
        assert set(panes.visible_names) == NAMES
        assert "[ Heatmap ]" in "\n".join(lines_of(run.screen))
        assert "[ Histogram ]" not in text_of(tabs)[0]
        await run.press("3")
        assert panes.visible_names == ["Heatmap"]
        assert [name for name, pane in panes._panes.items() if pane._selection] == ["Heatmap"]
        assert text_of(tabs)[0].startswith("── Histogram ─ Timeline ─[ Heatmap ]─ Failures ─ Explain ─")
        await run.press("right_square_bracket")
        assert panes.visible_names == ["Failures"]
        await run.press("4")
        assert set(panes.visible_names) == NAMES


async def test_a_click_on_a_title_does_what_its_key_does():
    async with Running(size=(200, 60)) as run:
        panes = run.screen.panes
        lower = panes.query("PaneTabs").last()
        at = text_of(lower)[0].index("Heatmap")
        for expected in (NAMES, {"Heatmap"}):
            await run.pilot.click(lower, offset=(at, 0))
            await run.pilot.pause()
            assert set(panes.visible_names) == expected


async def test_x_goes_to_the_findings_that_are_there_already_and_escape_leaves_them():
    async with Running(20, size=(180, 50)) as run:
        explain = run.screen.query_one(Explain)
        assert any("▌" in line for line in text_of(explain)) is False
        await run.press("x")
        assert explain.has_focus
        assert any("▌" in line for line in text_of(explain))
        await run.press("enter")
        assert run.screen.table.row is not None
        assert set(run.screen.panes.visible_names) == NAMES
        await run.press("x", "escape")
        assert run.screen.table.has_focus


async def test_a_long_table_keeps_its_share_and_a_wanted_pane_takes_the_last_place():
    many = [flow(f"p{n}", n, f"10.0.{n // 100}.{n % 100}", rate_hz=2) for n in range(60)]
    async with Running(size=(180, 50), flows=many) as run:
        panes = run.screen.panes
        assert panes.size.height == 19
        assert panes.visible_names == ["Explain", "Heatmap", "Timeline"]
        await run.press("4")
        assert panes.visible_names == ["Explain", "Heatmap", "Failures"]
        await run.press("2")
        assert panes.visible_names == ["Explain", "Heatmap", "Timeline"]


@pytest.mark.parametrize("size", [(179, 50), (180, 49)])
async def test_a_smaller_terminal_has_the_panes_behind_their_tabs(size):
    async with Running(size=size) as run:
        assert run.screen.panes.visible_names == ["Histogram"]
        await run.pilot.resize_terminal(180, 50)
        await run.pilot.pause()
        assert len(run.screen.panes.visible_names) == 5
        await run.pilot.resize_terminal(*size)
        await run.pilot.pause()
        assert run.screen.panes.visible_names == ["Histogram"]
        assert run.screen.panes.size.height == 1 + (size[1] - 5) * 2 // 5


async def test_sentences_beside_pictures_are_drawn_at_once_where_time_stands_still():
    async with Running(20, size=(200, 60)) as run:
        explain = run.screen.query_one(Explain)
        await run.press("space", "comma")
        assert explain._selection.snapshot.now_ns == run.screen.view.snapshot.now_ns
        await run.press("comma", "comma", "full_stop")
        assert explain._selection.snapshot.now_ns == run.screen.view.snapshot.now_ns
