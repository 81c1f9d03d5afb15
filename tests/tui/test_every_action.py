"""Every action of the registry, by each of its keys: it does what it is for, and nothing else."""

from __future__ import annotations

import pytest
from support import feed, snapshot, still, until

from tcpconntop.tui.actions import ACTIONS
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.screens.table_screen import TableScreen

# What has to change, and what is pressed before. An action that is not here fails below: it needs an entry.
EFFECTS: dict[str, tuple[set[str], str]] = {
    "quit": ({"ended"}, ""),
    "help": ({"screen"}, ""),
    "filter": ({"filtering", "focus"}, ""),
    "sort-left": ({"sort"}, "P"),
    "sort-right": ({"sort"}, "P"),
    "show-everything": (set(), ""),  # the command line chose nothing: `test_scope_of_session.py`
    "reverse": ({"descending"}, ""),
    "next-grouping": ({"group"}, ""),
    "next-window": ({"window"}, ""),
    "pause": ({"paused"}, ""),
    "older": ({"second"}, "comma"),
    "newer": ({"second"}, "comma comma"),
    "back-10-seconds": ({"second"}, "comma"),
    "forward-10-seconds": ({"second"}, "0"),
    "back-a-minute": ({"second"}, "comma"),
    "forward-a-minute": ({"second"}, "0"),
    "to-the-start": ({"second"}, "comma"),
    "to-the-end": ({"second", "paused"}, "0"),
    "go-to-a-time": ({"screen"}, ""),
    "next-spike": (set(), ""),  # there is none: `test_strip.py`
    "previous-spike": (set(), ""),
    "alerts": (set(), ""),  # without one, a note says how to set one: `test_alerting.py`
    "go-to-the-last-alert": (set(), ""),
    "slower": (set(), ""),  # what is live has no speed: `test_playing.py`
    "faster": (set(), ""),
    "mark": ({"mark"}, ""),
    "compare": (set(), ""),  # nothing is kept from before these seconds: `test_comparing.py`
    "open-process": ({"screen", "row"}, "down"),
    "expand": ({"expanded"}, ""),
    "leave-the-process": ({"screen"}, "enter"),
    "back": ({"row"}, "down"),
    "copy": ({"clipboard"}, "down"),
    "export": ({"files"}, ""),
    "suspend": (set(), ""),  # needs a terminal: `test_terminal.py`
    "sort-by-p99": ({"sort", "descending"}, "D"),
    "sort-by-trouble": ({"sort", "descending"}, "D"),
    "sort-by-port": ({"sort", "descending"}, ""),
    "previous-grouping": ({"group"}, ""),
    "previous-window": ({"window"}, ""),
    "refresh-less-often": ({"interval"}, ""),
    "refresh-more-often": ({"interval"}, ""),
    "next-pane": ({"pane"}, ""),
    "previous-pane": ({"pane"}, ""),
    "first-pane": ({"pane"}, "2"),
    "second-pane": ({"pane"}, ""),
    "third-pane": ({"pane"}, ""),
    "fourth-pane": ({"pane"}, ""),
    "fifth-pane": ({"pane"}, ""),
    "sixth-pane": (set(), ""),  # the main screen has five; test_panes has a screen with more
    "hide-the-panes": ({"panes"}, ""),
    "up": ({"row"}, "end"),
    "down": ({"row"}, ""),
    "page-up": ({"row"}, "end"),
    "page-down": ({"row"}, "home"),
    "first-row": ({"row"}, "end"),
    "last-row": ({"row"}, ""),
    "names": ({"names"}, ""),
    "columns": ({"screen"}, ""),
    "explain": ({"pane", "focus", "finding"}, ""),
    "previous-finding": ({"finding"}, "x down"),
    "next-finding": ({"finding"}, "x"),
    "go-to-the-finding": ({"row", "focus", "finding"}, "x"),
    "copy-the-next-step": ({"clipboard"}, "x"),
    "copy-the-finding": ({"clipboard"}, "x"),
    "leave-the-findings": ({"focus", "finding"}, "x"),
}


def aspects(app, folder):
    """Return everything that an action may change."""
    board = next(screen for screen in app.screen_stack[::-1] if isinstance(screen, TableScreen))
    state, spec, explain = board.state, board.spec, board.query_one(Explain)
    return {
        "ended": app.return_code,
        "screen": type(app.screen).__name__,
        "filtering": board.filter_bar.display,
        "focus": type(app.screen.focused).__name__ if app.screen is board else "",
        "sort": spec.sort,
        "descending": spec.descending,
        "group": spec.group_by,
        "where": spec.where.text,
        "window": state.window,
        "interval": state.interval_s,
        "paused": state.pause is not None,
        "second": state.snapshot.second,
        "mark": state.baseline is not None,
        "compared": state.compare_s,
        "names": state.namer is not None,
        "row": board.table.row,
        "expanded": board.table.expanded,
        "pane": board.panes.visible_names,
        "panes": board.panes.display,
        "finding": explain.chosen.name if explain.has_focus and explain.chosen else "",
        "clipboard": app.clipboard,
        "files": len(list(folder.iterdir())),
    }


async def check(pilot, action, key, folder):
    """Press a key of an action, and compare what changes with what is written above."""
    assert action.id in EFFECTS, "a new action: say in EFFECTS what it changes"
    expected, before_it = EFFECTS[action.id]
    await pilot.press(*before_it.split())
    await pilot.pause()
    before = aspects(pilot.app, folder)
    await pilot.press(key)
    await pilot.pause()
    if "files" in expected:
        await until(pilot, lambda: len(list(folder.iterdir())) == 4)
    after = aspects(pilot.app, folder)
    if "screen" in expected:
        after["focus"] = before["focus"]
    assert {name for name in after if after[name] != before[name]} == expected, f"{action.id}: {key}"


def set_back(app, state, spec, folder):
    """Bring a dashboard back to its start, without a key."""
    while len(app.screen_stack) > 1:
        app.pop_screen()
    board = app.screen
    board.filter_bar.close()
    board.table.focus()
    board.table.select(None)
    board.table.expanded = None
    board.panes_enabled = True
    board.set_heights(board.size.height)
    board.panes.choose_at(0)
    board.set_spec(spec)
    app._store.set(state)
    app._clipboard = ""
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.usefixtures("five_panes")
async def test_the_first_key_of_each_action_does_what_the_help_says_and_nothing_else(tmp_path, monkeypatch):
    """GIVEN a dashboard, brought back to its start each time WHEN a key is pressed THEN only that changes."""
    monkeypatch.chdir(tmp_path)
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        start, state, spec = aspects(app, tmp_path), app._store.state, app.screen.spec
        for action in sorted(ACTIONS, key=lambda action: action.id == "quit"):  # that one last
            await check(pilot, action, action.keys.split(",")[0], tmp_path)
            if action.id != "quit":
                set_back(app, state, spec, tmp_path)
                await pilot.pause()
                assert aspects(app, tmp_path) == start, action.id


@pytest.mark.long
@pytest.mark.parametrize(
    ("action", "key"),
    [
        pytest.param(action, key, id=f"{action.id}-{key}")
        for action in ACTIONS
        for key in action.keys.split(",")
    ],
)
@pytest.mark.usefixtures("five_panes")
async def test_a_key_does_what_the_help_says_and_nothing_else(action, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        await check(pilot, action, key, tmp_path)


async def test_every_key_of_an_action_is_bound_to_the_same():
    """GIVEN an action with several keys WHEN one of them is looked up THEN it is bound as the first is."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5))
        board = app.screen
        compared = 0
        parts = {"app": app, "screen": board, "table": board.table, "findings": board.query_one(Explain)}
        for scope, part in parts.items():
            bound = {
                key: {binding.action for binding in bindings}
                for key, bindings in part._bindings.key_to_bindings.items()
            }
            for action in (action for action in ACTIONS if action.scope == scope):
                first, *others = action.keys.split(",")
                assert [bound[key] for key in others] == [bound[first]] * len(others), action.id
                compared += len(others)
    assert compared == sum(action.keys.count(",") for action in ACTIONS) > 10


def test_no_effect_is_of_an_action_that_is_no_more():
    assert set(EFFECTS) <= {action.id for action in ACTIONS}
