"""The mouse, and rows that stay where they are."""

from __future__ import annotations

from itertools import pairwise

from support import feed, flow, snapshot, still, text_of
from textual.events import MouseScrollDown

from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.tui.screens.process import ProcessScreen

MANY = [flow("a", i, f"10.0.0.{i}") for i in range(1, 101)]
BY_ADDRESS = ViewSpec(sort="daddr", descending=False)


async def test_a_header_sorts_and_sorts_the_other_way_when_clicked_again():
    """GIVEN a table WHEN a header is clicked twice THEN its column sorts, then the other way round."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        table = app.screen.table
        for key, first in (("count", True), ("daddr", False)):
            place = next(place for place in table.column_layouts if place.column.key == key)
            for descending in (first, not first):
                await pilot.click(table, offset=(place.start + 1, 0))
                assert (app.screen.spec.sort, app.screen.spec.descending) == (key, descending)


async def test_what_cannot_be_sorted_by_does_nothing_when_clicked():
    """GIVEN the header of the trend, or none WHEN it is clicked THEN the order stays."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        table = app.screen.table
        trend = next(place for place in table.column_layouts if place.column.key == "trend")
        await pilot.click(table, offset=(trend.start + 3, 0))
        assert app.screen.spec == ViewSpec()


async def test_a_click_selects_and_a_double_click_opens():
    """GIVEN rows WHEN one is clicked THEN it is selected; twice: its process opens; below all: nothing."""
    app = still(BY_ADDRESS)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3, MANY[:4]))
        table = app.screen.table
        await pilot.click(table, offset=(5, 2))
        assert table.row == 1
        await pilot.click(table, offset=(5, 8))
        assert table.row == 1
        await pilot.double_click(table, offset=(5, 3))
        await pilot.pause()
        assert isinstance(app.screen, ProcessScreen)
        assert app.screen.process.pid == 3


async def test_the_wheel_scrolls_and_leaves_the_selection_alone():
    """GIVEN more rows than fit WHEN the wheel turns THEN they scroll, and nothing else."""
    app = still(BY_ADDRESS)
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, snapshot(3, MANY))
        table = app.screen.table
        await pilot.press("home")
        chosen = table.selected
        for _ in range(4):
            app.post_message(MouseScrollDown(None, 5, 6, 0, 1, 0, False, False, False))
            await pilot.pause()
        first = table.scroll_offset.y
        assert first > 0
        assert table.selected == chosen
        assert text_of(table)[0].startswith(" DESTINATION")
        await feed(pilot, snapshot(4, MANY))
        assert table.scroll_offset.y == first  # a refresh does not drag the view back to the selected row


async def test_rows_keep_their_places_while_the_order_holds():
    """GIVEN rows whose sort values do not change their order WHEN it refreshes THEN they stay."""
    app = still(ViewSpec(sort="count"))
    rates = {"a": 90, "b": 40, "c": 9}
    flows = [flow(comm, i, f"10.0.0.{i}", rate_hz=rate) for i, (comm, rate) in enumerate(rates.items(), 1)]
    async with app.run_test(size=(120, 36)) as pilot:
        orders, ends = set(), set()
        for seconds in (5, 20, 45):
            await feed(pilot, snapshot(seconds, flows))
            lines = text_of(app.screen.table)[1:4]
            orders.add(tuple(line.split()[2] for line in lines))
            ends.add(tuple(place.start for place in app.screen.table.column_layouts))
        assert orders == {("a", "b", "c")}
        assert len(ends) == 1  # and no column moves when a figure gets another digit


async def test_no_gap_between_headers_is_deaf(long):
    """GIVEN a table WHEN any cell of its line of headers up to the last figure is clicked THEN it sorts."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        table = app.screen.table
        figures = [place for place in table.column_layouts if place.column.values is not None]
        pairs = list(pairwise(figures))
        assert len(pairs) > 6
        for place, following in pairs if long else pairs[::3]:
            for x in (place.start + place.width, following.start - 1, following.start):
                wanted = (place if x <= place.start + place.width else following).column.key
                app.screen.set_spec(ViewSpec(sort="p50" if wanted == "p90" else "p90"))
                await pilot.click(table, offset=(x, 0))
                assert app.screen.spec.sort == wanted
