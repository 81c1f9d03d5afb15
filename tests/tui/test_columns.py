"""The choice of columns."""

from __future__ import annotations

import pytest
from support import feed, snapshot, still, text_of

from tcpconntop.core.view.column_choice import DEFAULT_COLUMNS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.tui.screens.picker import ColumnPicker


def shown(app):
    return [place.column.key for place in app.screen.table.column_layouts]


async def test_columns_are_hidden_shown_and_moved():
    """GIVEN the list of columns WHEN one is hidden, one moved and enter pressed THEN the table follows."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        before = shown(app)
        await pilot.press("c", "down", "space", "greater_than_sign", "up", "up", "shift+down", "enter")
        await pilot.pause()
        assert before[:3] == ["daddr", "dport", "comm"]
        assert app.screen.spec.columns[:4] == ("pid", "daddr", "unit", "netns")
        assert shown(app)[:2] == ["daddr", "comm"]
        assert len(app.screen.spec.columns) == len(DEFAULT_COLUMNS) - 1


async def test_a_choice_that_is_dropped_changes_nothing():
    """GIVEN changes in the list WHEN it is left with esc THEN the table is as it was."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        before = shown(app)
        await pilot.press("c", "space", "escape")
        assert shown(app) == before
        assert app.screen.spec.columns == ()


async def test_zero_goes_back_to_the_usual_columns():
    """GIVEN a choice WHEN 0 and enter are pressed THEN the usual columns are there, and no choice is kept."""
    app = still(ViewSpec(columns=("daddr", "mean")))
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        assert shown(app) == ["daddr", "mean"]
        await pilot.press("c", "0", "enter")
        await pilot.pause()
        assert app.screen.spec.columns == ()
        assert "p50" in shown(app)


async def test_a_table_without_any_column_cannot_be_had():
    """GIVEN one column WHEN it is hidden and enter pressed THEN the list stays and says why."""
    app = still(ViewSpec(columns=("daddr",)))
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        await pilot.press("c", "space", "enter")
        assert isinstance(app.screen, ColumnPicker)


@pytest.mark.parametrize("width", [30, 80, 200])
async def test_what_was_chosen_last_goes_first_when_it_is_narrow(width):
    """GIVEN a choice WHEN there is no room for all THEN the last ones are missing, and nothing is cut off."""
    choice = ("daddr", "p99", "count", "refused", "timeout", "min", "mean", "last", "ok", "failed", "max")
    app = still(ViewSpec(columns=choice))
    async with app.run_test(size=(width, 36)) as pilot:
        await feed(pilot, snapshot(3))
        keys = shown(app)
        assert tuple(keys) == choice[: len(keys)]
        assert all(len(line) <= width for line in text_of(app.screen.table))
        assert (width < 200) == (len(keys) < len(choice))


async def test_the_list_says_which_columns_need_a_mark_and_never_breaks_a_line():
    """GIVEN no mark WHEN the columns are listed THEN those that compare say so; each has one line."""
    app = still()
    async with app.run_test(size=(40, 30)) as pilot:
        await feed(pilot, snapshot(3))
        await pilot.press("c")
        await pilot.pause()
        options = app.screen.query_one("OptionList")
        assert options.virtual_size.height == options.option_count
        said = {option.id: str(option.prompt) for option in options.options}
        assert "while rows are compared" in said["dp99"]
        assert "not by this grouping" in said["pid"]
