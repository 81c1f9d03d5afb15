"""What was remembered at work, what is to be remembered, and keys of the user's own."""

from __future__ import annotations

import pytest
from support import feed, never, notes, snapshot, still, text_of
from textual.widgets import Input

from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.settings.ui_state import UiState
from tcpconntop.tui.actions import ACTIONS, key_bindings
from tcpconntop.tui.app import Dashboard
from tcpconntop.tui.screens.help import HelpText


async def test_it_begins_as_it_was_left_and_tells_what_to_remember():
    before = UiState(theme="nord", panes=False, pane="Timeline", filters=("dport=22",))
    app = Dashboard(never, ViewSpec("process"), "5m", 2.0, ui_state=before, ask=lambda _: "")
    began = app.ui_choices()
    assert (began.group, began.window, began.delay, began.theme) == ("process", "5m", 2.0, "nord")
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        assert app.theme == "nord"
        assert not app.screen.panes.display
        await pilot.press("v")
        assert app.screen.panes.visible_names == ["Timeline"]
        await pilot.press("1", "g", "w", "plus", "P", "n", "slash", *"nginx", "enter")
        app.theme = "gruvbox"
        await pilot.press("q")
    chosen = app.ui_choices()
    assert chosen == UiState(
        theme="gruvbox", group="process+dest", sort="p99:desc", window="15m", delay=5.0,
        pane="Histogram", filters=("dport=22", "nginx"), dns=True,
    )  # fmt: skip


async def test_a_theme_that_is_no_more_and_a_pane_that_is_no_more_do_no_harm():
    app = Dashboard(never, ui_state=UiState(theme="no such", pane="no such"))
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        assert app.screen.panes.visible_names == ["Histogram"]
        await pilot.press("q")
    assert app.ui_choices().theme == "no such"  # not chosen anew, so left as it was


async def test_an_order_by_a_change_is_not_remembered_but_the_one_before_it():
    app = still(ViewSpec(sort="count"))
    async with app.run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot(5))
        await pilot.press("m", "greater_than_sign")
        assert app.screen.spec.sort == "dcount"
        assert app.ui_choices().sort == "count:desc"


async def test_a_notice_is_shown_at_the_start():
    app = Dashboard(never, notice="what was remembered is [not] used")
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.pause()
        assert "what was remembered is [not] used" in notes(app)


async def test_filters_that_were_used_come_back():
    app = Dashboard(never, ui_state=UiState(filters=("first", "second")))
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        seen = []
        await pilot.press("slash")
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(app.screen.query_one(Input).value)
        assert seen == ["second", "first", "first", "second", "", ""]
        await pilot.press(*"curl", "enter", "slash", "up")
        assert app.screen.query_one(Input).value == "curl"
        await pilot.press("escape", "escape", "down", "enter", "slash", "up")
        assert app.screen.query_one(Input).value == "curl"  # also on the screen of a process


async def test_keys_of_ones_own_do_what_footer_and_help_say():
    keys = key_bindings({"filter": ["f", "f3"], "pause": [","], "older": ["o"], "down": ["h"], "quit": ["z"]})
    app = Dashboard(never, keys=keys)
    async with app.run_test(size=(160, 48)) as pilot:
        await feed(pilot, snapshot(5))
        assert text_of(app.screen.footer)[0].strip().startswith("z quit  ? help  f filter")
        await pilot.press("slash", "space", "q", "down")
        assert not app.screen.filter_bar.display
        assert "paused" not in str(app.screen.header.render())
        assert app.screen.table.row is None
        assert app.is_running
        assert " expand " not in text_of(app.screen.footer)[0]  # its key is that of `older` now
        await pilot.press("comma", "h")
        assert "paused" in str(app.screen.header.render())
        assert app.screen.table.row == 1
        await pilot.press("f3")
        assert app.screen.filter_bar.display
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        page = "\n".join(text_of(app.screen.query_one(HelpText)))
        assert "  f               Show only the rows that match, within" in page
        assert "  ,               Pause the view" in page
        titles = [command.title for command in app.get_system_commands(app.screen_stack[0])]
        assert "Pause  (,)" in titles
        await pilot.press("escape", "z")
    assert app.return_code == 0


@pytest.mark.parametrize(
    ("settings", "name", "reason"),
    [
        ({"filtr": ["f"]}, "filtr", "there is no such action"),
        ({"filter": ["q"]}, "filter", "the key q already belongs to quit"),
        ({"filter": ["/"], "pause": ["slash"]}, "pause", "the key slash already belongs to filter"),
        ({"filter": [" "]}, "filter", "a key is a character"),
        ({"filter": ["f,g"]}, "filter", "a key is a character"),
        ({"filter": [""]}, "filter", "a key is a character"),
        ({"filter": ["\x1b"]}, "filter", "a key is a character"),
        ({"filter": ["slahs"]}, "filter", "a key is a character"),
        ({"filter": ["ctrl+pagup"]}, "filter", "a key is a character"),
    ],
)
def test_keys_that_cannot_be_are_explained(settings, name, reason):
    with pytest.raises(KeyError) as caught:
        key_bindings(settings)
    assert caught.value.args[0] == name
    assert caught.value.args[1].startswith(reason)


def test_keys_can_change_places():
    keys = key_bindings({"filter": ["q"], "quit": ["/"]})
    assert keys.keymap == {"filter": "q", "quit": "slash"}
    assert keys.labels == {"filter": "q", "quit": "/"}


@pytest.mark.parametrize("key", ["o", "T", "Q", "M", "N", "B", "a", "A"])
def test_a_key_that_is_newer_than_settings_files_is_still_free(key):
    """GIVEN a settings file with a key of its own WHEN a later version uses that key THEN the file works."""
    assert key_bindings({"filter": [key]}).labels["filter"] == key


@pytest.mark.parametrize("key", ["ctrl+pageup", "f5", "shift+tab", "at", "ctrl+o", "ä", "alt+slash"])
def test_names_of_keys_that_exist_are_taken(key):
    assert key_bindings({"filter": [key]}).labels == {"filter": key}


def test_every_action_has_a_name_of_its_own():
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert all(action.id.replace("-", "").isalnum() for action in ACTIONS)
