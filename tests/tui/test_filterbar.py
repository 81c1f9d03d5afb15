"""The filter input: completion and the place of an error."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from support import Running, feed, snapshot, still, text_of
from textual.widgets import Input

from tcpconntop.tui.bars.filter_bar import HINTS, hint, text_with_pointer


async def test_tab_completes_fields_and_values_one_after_the_other():
    """GIVEN the input WHEN tab is pressed THEN the word goes on, with what is in the window."""
    app = still()
    async with app.run_test(size=(100, 30)) as pilot:
        await feed(pilot, snapshot(3))
        field = app.screen.query_one(Input)
        await pilot.press("slash", *"!com", "tab")
        assert field.value == "!comm="
        await pilot.press("n", "tab")
        assert field.value == "!comm=nginx"
        await pilot.press("tab")
        assert field.value == "!comm=node_exporter"
        await pilot.press("tab")
        assert field.value == "!comm=nginx"
        await pilot.press("enter")
        assert app.screen.spec.where.text == "!comm=nginx"


async def test_tab_without_anything_to_offer_changes_nothing():
    """GIVEN a word that nothing completes WHEN tab is pressed THEN it stays, and so does the focus."""
    app = still()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("slash", *"zzz", "tab")
        assert app.screen.query_one(Input).value == "zzz"
        assert app.screen.focused is app.screen.query_one(Input)


async def test_an_error_points_at_its_word():
    """GIVEN a filter with a wrong word WHEN it is typed THEN a mark stands below that word."""
    app = still()
    async with app.run_test(size=(100, 30)) as pilot:
        await feed(pilot, snapshot(3))
        await pilot.press("slash", *"nginx p99>x !curl", "enter")
        line = text_of(app.screen.filter_bar.query("Static").last())[0]
        assert line.index("▲") == len("nginx ")
        assert "needs a number" in line
        assert app.screen.filter_bar.display


@pytest.mark.parametrize("at", [0, 3, 20, 39, 70, -5])
@pytest.mark.parametrize(
    "message", ["short", "日本語 is no number", "one of more than forty cells in all, and more"]
)
def test_a_message_fits_beside_its_mark(message, at):
    """GIVEN a place and a message WHEN there is room for both THEN both are there."""
    line = text_with_pointer(message, at, 40)
    assert cell_len(line) <= 40
    assert "▲" in line
    if cell_len(message) < 18:
        assert cell_len(line[: line.index("▲")]) == min(max(at, 0), 39)


async def test_a_word_with_one_possibility_goes_on_to_the_next():
    """GIVEN a field that was completed WHEN tab is pressed again THEN its values follow."""
    app = still()
    async with app.run_test(size=(100, 30)) as pilot:
        await feed(pilot, snapshot(3))
        field = app.screen.query_one(Input)
        await pilot.press("slash", *"com", "tab", "tab")
        assert field.value == "comm=nginx"
        await pilot.press("tab")
        assert field.value.startswith("comm=")
        assert field.value != "comm=nginx"


@pytest.mark.parametrize("width", [20, 80, *(pytest.param(w, marks=pytest.mark.long) for w in (40, 120))])
async def test_the_hint_is_never_cut_without_a_sign(width):
    """GIVEN a terminal of any width WHEN a filter is asked for THEN the hint is whole words, or has an …."""
    app = still()
    async with app.run_test(size=(width, 24)) as pilot:
        await feed(pilot, snapshot(3))
        await pilot.press("slash")
        await pilot.pause()
        line = text_of(app.screen.filter_bar.query("Static").last())[0].strip()
        assert line.endswith("…") or set(line.split(" · ")) <= set(HINTS)
        assert line.startswith(HINTS[0][:10])
        await pilot.resize_terminal(200, 24)
        await pilot.pause()
        assert text_of(app.screen.filter_bar.query("Static").last())[0].strip() == " · ".join(HINTS)


@pytest.mark.parametrize(
    ("size", "pid"),
    [
        ((80, 16), None),
        ((120, 36), None),
        ((80, 24), 2310),
        ((120, 36), 2310),
        *(
            pytest.param(size, pid, marks=pytest.mark.long)
            for size, pid in [((80, 16), 2310), ((80, 24), None), ((200, 60), None), ((200, 60), 2310)]
        ),
    ],
)
async def test_the_panes_stay_where_they_are_while_a_filter_is_asked_for(size, pid):
    """GIVEN a screen with panes WHEN the filter is opened and left THEN nothing but the table gives room."""
    async with Running(size=size, pid=pid) as run:
        others = [part for part in run.screen.children if part.display and part is not run.screen.table]
        before = [part.region for part in others]
        height = run.screen.table.region.height
        await run.press("slash")
        bar = run.screen.filter_bar.region
        assert bar.height == 2
        assert [part.region for part in others] == before
        assert run.screen.table.region.height == height - 2
        assert bar.y == run.screen.table.region.bottom
        await run.press("escape")
        assert run.screen.table.region.height == height


async def test_what_is_typed_replaces_the_filter_and_the_right_arrow_goes_on_in_it():
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        await pilot.press("slash", *"port=80", "enter")
        assert app.screen.spec.where.text == "port=80"
        await pilot.press("slash", *"port=8", "enter", "slash", "right", "0", "enter")
        assert app.screen.spec.where.text == "port=80"


@pytest.mark.parametrize("width", [80, 40, 24])
def test_the_hint_says_first_within_which_filters_it_filters(width):
    line = hint(width, "-P 443, dest:10.84.0.0/16")
    assert cell_len(line) <= width
    assert line.startswith("narrows -P 443, dest:10.84.0.0/16 · "[: max(width // 2, 20) - 1])
    assert (HINTS[0] in line) is (width == 80)
