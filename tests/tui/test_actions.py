"""Every action, by its key and by the palette."""

from __future__ import annotations

import pytest
from support import Running, feed, flow, snapshot, text_of
from textual.widgets import Input

from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.tui.actions import ACTIONS
from tcpconntop.tui.screens.chooser import ProcessChooser
from tcpconntop.tui.screens.help import HelpScreen, HelpText
from tcpconntop.tui.screens.process import ProcessScreen


async def test_sort_by_p99_and_port_and_reverse():
    async with Running() as run:
        await run.press("D")
        assert run.screen.spec.sort == "dport"
        assert list(run.screen.view.keys["dport"]) == sorted(run.screen.view.keys["dport"])
        assert "port▲" in run.header()
        await run.press("r")
        assert list(run.screen.view.keys["dport"]) == sorted(run.screen.view.keys["dport"], reverse=True)
        await run.press("D")  # as a click on the header of a column
        assert list(run.screen.view.keys["dport"]) == sorted(run.screen.view.keys["dport"])
        await run.press("P")
        assert (run.screen.spec.sort, run.screen.spec.descending) == ("p99", True)


async def test_sort_left_and_right_goes_round_the_shown_columns():
    async with Running() as run:
        keys = [place.column.key for place in run.screen.table.column_layouts if place.column.values]
        seen = []
        for _ in keys:
            seen.append(run.screen.spec.sort)
            await run.press(">")
        assert sorted(seen) == sorted(keys)
        assert run.screen.spec.sort == "trouble"
        await run.press("<")
        assert run.screen.spec.sort == "comm"


async def test_groups_go_round_both_ways_and_drop_a_sort_that_is_gone():
    async with Running() as run:
        await run.press("D")
        names = [name for name, grouping in GROUPINGS.items() if not grouping.by_host]  # there is one host
        for name in [*names[1:], names[0]]:
            await run.press("g")
            assert run.screen.spec.group_by == name
            assert GROUPINGS[name].title in run.header()
        await run.press("G")
        assert run.screen.spec.group_by == names[-1]
        await run.press("G")
        assert run.screen.spec.sort == "trouble"
        await run.press("D")
        assert run.screen.spec.sort == "trouble"  # there is no port by network namespace


async def test_filter_applies_on_enter_and_clears_on_escape():
    async with Running() as run:
        rows = len(run.screen.view)
        await run.press("slash", *"comm=curl")
        assert len(run.screen.view) == rows
        await run.press("enter")
        assert len(run.screen.view) == 1
        assert not run.screen.filter_bar.display
        assert "/comm=curl" in run.header()
        await run.press("escape")
        assert len(run.screen.view) == rows


async def test_a_wrong_filter_is_explained_in_place_and_not_lost():
    async with Running() as run:
        await run.press("slash", *"p99>x", "enter")
        assert run.screen.filter_bar.display
        assert run.screen.query_one(Input).value == "p99>x"
        assert "needs a number" in text_of(run.screen.filter_bar.query("Static").last())[0]
        assert run.screen.spec.where.text == ""
        await run.press("escape")
        assert not run.screen.filter_bar.display
        assert run.screen.focused is run.screen.table


async def test_a_filter_that_nothing_matches_says_how_to_leave():
    async with Running() as run:
        await run.press("slash", *"nosuch", "enter")
        assert "nothing matches the filter nosuch: esc clears it" in "\n".join(text_of(run.screen.table))


async def test_window_and_interval_step():
    async with Running() as run:
        await run.press("w")
        assert " 5m " in run.header()
        await run.press("W", "W")
        assert " 10s " in run.header()
        await run.press("+")
        assert "every 2s" in run.header()
        await run.press("-", "-")
        assert "every 0.5s" in run.header()
        await run.press("-", "-", "-")
        assert "every 0.2s" in run.header()


async def test_pause_freezes_the_view_and_not_the_collection():
    async with Running() as run:
        frozen = run.screen.view
        await run.press("space")
        await feed(run.pilot, snapshot(17))
        assert run.screen.view is frozen
        assert "paused 12s" in run.header()
        await run.press("r", "slash", *"nginx", "enter")
        assert run.screen.view.snapshot is frozen.snapshot
        assert 0 < len(run.screen.view) < len(frozen)
        await run.press("w")
        assert " 5m " in run.header()  # the same moment through another window
        assert run.screen.view.snapshot.now_ns == frozen.snapshot.now_ns
        await run.press("space")
        assert run.screen.view.snapshot is not frozen.snapshot
        assert "paused" not in run.header()


async def test_panes_switch_hide_and_follow_the_selection():
    async with Running() as run:
        panes = run.screen.panes
        assert panes.visible_names == ["Histogram"]
        for key, name in zip(
            "23451", ("Timeline", "Heatmap", "Failures", "Explain", "Histogram"), strict=True
        ):
            await run.press(key)
            assert panes.visible_names == [name]
        await run.press("right_square_bracket")
        assert panes.visible_names == ["Timeline"]
        await run.press("left_square_bracket", "left_square_bracket")
        assert panes.visible_names != ["Histogram"]  # round to the last one
        await run.press("right_square_bracket")
        assert panes.visible_names == ["Histogram"]
        tabs = panes.query_one("PaneTabs")
        assert "everything" in text_of(tabs)[0]
        await run.press("home")
        assert "10.9.1.7:9100" in text_of(tabs)[0]
        await run.press("escape")
        assert "everything" in text_of(tabs)[0]
        await run.press("v")
        assert not panes.display
        await run.press("v")
        assert panes.display


async def test_both_panes_are_seen_on_a_wide_terminal():
    async with Running(size=(200, 49)) as run:
        assert run.screen.panes.visible_names == ["Histogram", "Timeline"]


async def test_enter_opens_the_process_of_the_row_and_escape_goes_back():
    async with Running() as run:
        await run.press("P", "enter")  # the first row has the sign, although none is selected
        assert isinstance(run.screen, ProcessScreen)
        assert "curl · pid 9917" in run.header()
        assert set(run.screen.view.snapshot.window.keys["comm"][run.screen.view.busiest_index]) == {b"curl"}
        before = run.screen.view
        await feed(run.pilot, snapshot(8))
        assert run.screen.view is not before  # live while open
        await run.press("g")
        assert run.screen.spec.group_by == "dest"
        await run.press("down", "escape")
        assert isinstance(run.screen, ProcessScreen)
        await run.press("escape")
        assert not isinstance(run.screen, ProcessScreen)
        assert run.screen.view.snapshot.span_s == 8


async def test_the_process_screen_lists_the_last_connects_with_their_anatomy():
    flows = [flow("curl", 7, lost_syn_share=1.0, rate_hz=2), flow("bad", 8, failure_share=1.0, rate_hz=2)]
    async with Running(flows=flows) as run:
        await run.press("down", "enter", "enter")
        assert isinstance(run.screen, ProcessScreen)
        listed = "\n".join(text_of(run.screen.connects.query_one("Connects")))
        own = run.screen.view.snapshot.window.recent.of_process(run.screen.process.pid)
        assert listed.count("10.0.0.1") == min(len(own), 11)
        assert "RTO WAIT" in listed


@pytest.mark.parametrize(("pick", "pid"), [("enter", 11), ("down", 12)])
async def test_a_row_of_several_processes_lets_the_user_choose(pick, pid):
    flows = [flow("a", 11, rate_hz=90), flow("b", 12, rate_hz=30)]
    async with Running(flows=flows) as run:
        await run.press("down", "enter")
        assert isinstance(run.screen, ProcessChooser)
        await run.press(*([pick] if pick == "enter" else [pick, "enter"]))
        assert isinstance(run.screen, ProcessScreen)
        assert run.screen.process.pid == pid


async def test_the_chooser_can_be_left():
    async with Running(flows=[flow("a", 11), flow("b", 12)]) as run:
        await run.press("down", "enter", "escape")
        assert not isinstance(run.screen, ProcessChooser | ProcessScreen)


async def test_help_lists_every_action_column_and_note():
    async with Running() as run:
        await run.press("question_mark")
        assert isinstance(run.screen, HelpScreen)
        page = " ".join(" ".join(text_of(run.screen.query_one(HelpText))).split())
        assert all(action.help in page for action in ACTIONS)
        await run.press("escape")
        assert not isinstance(run.screen, HelpScreen)


async def test_the_palette_holds_every_action():
    async with Running() as run:
        titles = [command.title for command in run.app.get_system_commands(run.screen)]
        here = [action for action in ACTIONS if action.scope != "process"]
        assert all(any(title.startswith(action.title) for title in titles) for action in here)
        commands = {command.title: command for command in run.app.get_system_commands(run.screen)}
        await commands["Sort by port  (D)"].callback()
        assert run.screen.spec.sort == "dport"


@pytest.mark.parametrize("focused", ["table", "findings"])
def test_no_key_means_two_things(focused):
    """The keys of a part that has the focus come before those of the screen: only there they may differ."""
    scopes = {"table": ("app", "screen", "table"), "findings": ("findings",)}[focused]
    keys = [key for action in ACTIONS if action.scope in scopes for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    "size",
    [
        (20, 5),
        *(pytest.param(size, marks=pytest.mark.long) for size in [(20, 6), (30, 8), (40, 10), (60, 16)]),
        *(pytest.param(size, marks=pytest.mark.long) for size in [(79, 23), (300, 80)]),
    ],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
async def test_no_size_breaks_a_screen(size):
    async with Running(size=size) as run:
        for keys in (
            ["down", "2"],
            ["enter"],
            ["1", "3"],
            ["escape", "escape"],
            ["slash"],
            ["escape"],
            ["question_mark"],
        ):
            await run.press(*keys)
            for widget in run.screen.query("Table, Line"):
                if widget.size.height and widget.display:
                    assert all(len(line) <= size[0] for line in text_of(widget))


async def test_a_resize_keeps_everything_in_its_place():
    async with Running() as run:
        for size in [(80, 24), (200, 60), (20, 5), (120, 36)]:
            await run.pilot.resize_terminal(*size)
            await run.pilot.pause()
            assert text_of(run.screen.table)[0].startswith(" DESTINATION"[: size[0] // 3])
