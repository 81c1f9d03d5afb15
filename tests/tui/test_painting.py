"""What is painted: lines that have changed, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import Running, feed
from textual.geometry import Region
from textual.widget import Widget

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Cost
from tcpconntop.tui.bars.footer import Footer
from tcpconntop.tui.table.table import Table


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
        await run.press("home")
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


def painted_text(table):
    """Return the text of a table as it was painted last."""
    return " ".join(line.text for line in table.render_lines(Region(0, 0, *table.size)))


async def test_given_no_row_when_a_snapshot_comes_then_the_table_is_drawn_only_if_it_looks_different(
    monkeypatch,
):
    drawn, render_line = [], Table.render_line

    def note(table, y):
        drawn.append(y)
        return render_line(table, y)

    async with Running() as run:
        rows = run.shown
        at_rest = replace(rows, window=RollingWindow(60).state())
        await feed(run.pilot, at_rest)
        monkeypatch.setattr(Table, "render_line", note)
        await feed(run.pilot, replace(at_rest, now_ns=at_rest.now_ns + SECOND_NS))
        assert not drawn
        await run.press(">")
        assert drawn
        await feed(run.pilot, rows)
        assert "the next one will be listed here" not in painted_text(run.screen.table)
        await feed(run.pilot, at_rest)
        assert "the next one will be listed here" in painted_text(run.screen.table)
        await run.pilot.resize_terminal(100, 30)
        assert "the next one will be listed here" in painted_text(run.screen.table)


async def test_given_the_same_figures_when_a_snapshot_comes_then_the_footer_is_not_drawn(monkeypatch):
    drawn, draw = [], Footer.draw

    def note(footer, width):
        drawn.append(width)
        return draw(footer, width)

    async with Running() as run:
        monkeypatch.setattr(Footer, "draw", note)
        await feed(run.pilot, replace(run.shown, now_ns=run.shown.now_ns + SECOND_NS))
        assert not drawn
        await feed(run.pilot, replace(run.shown, cost=Cost(0.5, 1 << 30)))
        assert drawn == [120]


async def test_given_more_rows_than_fit_when_they_are_drawn_then_lines_reach_below_the_scroll_bar():
    """Textual cuts a line where the scroll bar begins, and drops it if it ends before its region does."""
    async with Running(size=(120, 18)) as run:
        table = run.screen.table
        assert table.show_vertical_scrollbar
        table.repaint()
        for lines in (table.render_lines(Region(0, 0, *table.size)), table._draw(range(table.size.height))):
            assert [line.cell_length for line in lines] == [table.size.width] * table.size.height
            assert all(line.text.strip() for line in lines)
