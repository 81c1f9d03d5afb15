"""What is painted: lines that have changed, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import Running, feed
from textual.geometry import Region
from textual.widget import Widget

from tcpconntop.core.window.snapshot import Cost


@pytest.fixture
def painted(monkeypatch):
    """The widgets that were refreshed, with the regions."""
    calls, refresh = [], Widget.refresh

    def note(widget, *regions, **options):
        calls.append((type(widget).__name__, regions))
        return refresh(widget, *regions, **options)

    monkeypatch.setattr(Widget, "refresh", note)
    return calls


async def test_given_a_snapshot_that_changes_nothing_when_it_comes_then_nothing_is_painted(painted):
    async with Running() as run:
        painted.clear()
        await feed(run.pilot, replace(run.shown))
        assert painted == []


async def test_given_a_new_cost_when_it_is_shown_then_the_last_line_alone_is_painted(painted):
    async with Running() as run:
        painted.clear()
        await feed(run.pilot, replace(run.shown, cost=Cost(0.5, 1 << 30)))
        assert painted == [("Footer", (Region(0, 0, 120, 1),))]
        assert "50.0%" in str(run.screen.footer.render_lines(Region(0, 0, 120, 1))[0].text)


async def test_given_another_selected_row_when_it_is_shown_then_two_lines_of_the_table_are_painted(painted):
    async with Running() as run:
        await run.press("down")
        painted.clear()
        await run.press("down")
        regions = [region for name, regions in painted if name == "Table" for region in regions]
        assert regions == [Region(0, 1, 120, 1), Region(0, 2, 120, 1)]


async def test_given_other_colours_when_a_theme_is_chosen_then_every_line_is_painted_anew():
    async with Running() as run:
        whole = Region(0, 0, 120, 1)
        before = run.screen.footer.render_lines(whole)
        run.app.theme = "textual-light"
        await run.pilot.pause()
        after = run.screen.footer.render_lines(whole)
        assert after != before
        assert after[0].text == before[0].text
