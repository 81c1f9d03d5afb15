"""Keys that cannot do what they are for: they do what it takes, or say why not."""

from __future__ import annotations

import pytest
from support import Running, notes, still, until

from tcpconntop.tui.state import NOTHING_YET

NO_ROOM = "there is no room for the panes: make the terminal higher"
KEYS = [
    ("2", "Timeline"),
    ("right_square_bracket", "Timeline"),
    ("left_square_bracket", "Explain"),
    ("x", "Explain"),
]


async def nothing_said(run):
    """Take the notes off the screen: the next key has to bring its own."""
    run.app.clear_notifications()
    await until(run.pilot, lambda: notes(run.app) == [])


@pytest.mark.parametrize(
    ("key", "name"), [*KEYS[:2], *(pytest.param(*each, marks=pytest.mark.long) for each in KEYS[2:])]
)
@pytest.mark.usefixtures("five_panes")
async def test_a_key_that_shows_a_pane_brings_hidden_panes_back(key, name):
    """GIVEN hidden panes WHEN one is asked for THEN it is seen."""
    async with Running() as run:
        await run.press("v")
        assert not run.screen.panes.display
        await run.press(key)
        assert run.screen.panes.display
        assert run.screen.panes.visible_names == [name]


@pytest.mark.parametrize(
    "key", [KEYS[0][0], "v", *(pytest.param(key, marks=pytest.mark.long) for key, _ in KEYS[1:])]
)
async def test_where_there_is_no_room_a_key_says_so_and_changes_nothing(key):
    """GIVEN a terminal without room for panes WHEN one is asked for THEN it is there when there is room."""
    async with Running(size=(80, 12)) as run:
        seen = run.screen.panes.visible_names
        await run.press(key)
        await until(run.pilot, lambda: notes(run.app) == [NO_ROOM])
        assert not run.screen.panes.display
        await run.pilot.resize_terminal(80, 24)
        await run.pilot.pause()
        assert run.screen.panes.display
        assert run.screen.panes.visible_names == seen


@pytest.mark.usefixtures("five_panes")
async def test_a_key_of_a_pane_that_is_not_there_says_so():
    """GIVEN a screen of five panes WHEN the sixth is asked for THEN a note says that there is none."""
    async with Running() as run:
        await run.press("6")
        await until(run.pilot, lambda: notes(run.app) == ["there is no pane 6 here"])
        assert run.screen.panes.visible_names == ["Histogram"]


async def test_a_process_begins_with_its_last_connects_where_they_have_no_place_of_their_own():
    """GIVEN a low terminal WHEN a process is opened THEN the pane of its connects is seen first."""
    async with Running(size=(80, 24), pid=2310) as run:
        assert run.screen.panes.visible_names == ["Connects"]
        await run.pilot.resize_terminal(80, 40)
        await run.pilot.pause()
        assert run.screen.panes.visible_names == ["Histogram"]


@pytest.mark.usefixtures("five_panes")
async def test_a_note_takes_the_place_of_the_one_before():
    """GIVEN a note WHEN another one comes, or the same again THEN the newest alone is on the screen."""
    async with Running() as run:
        await run.press("y", "y", "6")
        await until(run.pilot, lambda: notes(run.app) == ["there is no pane 6 here"])


async def test_a_key_that_has_nothing_to_work_on_yet_says_so():
    """GIVEN a dashboard that is still starting WHEN a key needs something seen THEN a note says so."""
    app = still()
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        for key in ("space", "comma", "full_stop", "m", "e"):
            app.clear_notifications()
            await until(pilot, lambda: notes(app) == [])
            await pilot.press(key)
            await until(pilot, lambda: notes(app) == [NOTHING_YET])


OF_A_PROCESS = {
    "g": "this screen always groups by destination: esc goes back",
    "G": "this screen always groups by destination: esc goes back",
    "full_stop": "this is the newest moment",
    "right": "this is the newest moment",
    "L": "this is the newest moment",
    "dollar_sign": "this is the newest moment",
}


async def test_a_key_that_changes_nothing_here_says_why():
    """GIVEN the screen of a process, live WHEN a key of the help has no use there THEN a note says so."""
    async with Running(pid=2310) as run:
        spec = run.screen.spec
        for key, note in OF_A_PROCESS.items():
            await nothing_said(run)
            await run.press(key)
            await until(run.pilot, lambda note=note: notes(run.app) == [note])
            assert run.screen.spec == spec


ROW_KEYS = ["up", "down", "j", "k", "pageup", "pagedown", "home", "end", "enter", "y"]


async def test_without_rows_a_key_that_wants_one_says_so():
    """GIVEN no connect yet WHEN a key needs a row THEN a note says that there is none."""
    async with Running(0) as run:
        for key in ROW_KEYS:
            await nothing_said(run)
            await run.press(key)
            await until(run.pilot, lambda: notes(run.app) == ["there is no row to select"])


async def test_a_selected_row_that_is_gone_is_not_taken_for_another():
    """GIVEN a selected row that a filter hides WHEN a key needs a row THEN a note says what to do."""
    async with Running() as run:
        await run.press("down", "slash", *"dport=22", "enter", "y")
        await until(run.pilot, lambda: notes(run.app) == ["select a row first: ↑ ↓ or the mouse"])
        await run.press("down", "up", "end", "home", "pageup")
        assert run.screen.table.row == 0
        assert run.app.clipboard == ""


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
@pytest.mark.usefixtures("five_panes")
async def test_a_note_covers_what_is_below_it_up_to_the_edge(size):
    """GIVEN a note WHEN it is shown THEN nothing of the pane below it is left beside it."""
    async with Running(size=size) as run:
        await run.press("6")
        await until(run.pilot, lambda: notes(run.app))
        assert run.screen.query_one("Toast").region.right == size[0]


@pytest.mark.parametrize(("size", "lines"), [((20, 6), 2), ((40, 10), 3)])
async def test_a_note_leaves_the_table_of_a_low_terminal(size, lines):
    """GIVEN few lines WHEN a long note is shown THEN it has two or three, and the rows are seen."""
    async with Running(size=size) as run:
        run.app.notify("a note that is too long for a few lines of a small terminal, " * 3)
        await until(run.pilot, lambda: notes(run.app))
        toast = run.screen.query_one("Toast").region
        assert toast.height == lines
        assert toast.y > run.screen.table.region.y


@pytest.mark.parametrize(
    ("key", "note"),
    [("plus", "10s is the longest refresh interval"), ("minus", "0.2s is the shortest refresh interval")],
)
async def test_the_last_interval_is_said_to_be_the_last(key, note):
    """GIVEN a dashboard WHEN the interval cannot change further THEN a note says so, and not before."""
    async with Running() as run:
        for _ in range(3 if key == "plus" else 2):
            await run.press(key)
        assert notes(run.app) == []
        await run.press(key)
        await until(run.pilot, lambda: notes(run.app) == [note])
