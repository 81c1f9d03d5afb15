"""The line that says what is wrong, the row that keys act on, and what a click on a bar does."""

from __future__ import annotations

import pytest
from records import connect
from records import snapshot as recorded
from stories import FAILING, NO_CONNECTS, QUIET
from support import Running, feed, flow, snapshot, still, text_of

from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.actions import ACTIONS
from tcpconntop.tui.explained import findings_in
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.screens.help import HelpScreen
from tcpconntop.tui.screens.process import ProcessScreen


def health(run):
    return str(run.screen.health.render()).strip()


async def click(run, bar, word):
    """Click on the first letter of a word in a bar."""
    await run.pilot.click(bar, offset=(text_of(bar)[0].index(word), 0))
    await run.pilot.pause()


async def test_it_says_how_many_of_which_rows_are_in_trouble():
    async with Running(60, size=(120, 36)) as run:
        said = "● in 1m: 1 of 13 destinations down · 1 failing · 1 given up · 2 resending SYNs"
        assert health(run).startswith(said)
        assert health(run).endswith("x explain")
        await run.press("g")
        assert health(run).startswith("● in 1m: 1 of 11 processes always failing · 1 failing")
        await run.press("G", "slash", *"dport=443", "enter")
        assert health(run).startswith("● in 1m, filtered: 2 of 3 destinations resending SYNs")


@pytest.mark.parametrize(
    ("flows", "said"),
    [
        (QUIET, "○ in 1m: all 2 destinations: under 1% failed, resent SYNs or took 100ms"),
        (QUIET[:1], "○ in 1m: 1 destination: under 1% failed, resent SYNs or took 100ms"),
        (NO_CONNECTS, "○ nothing to judge yet"),
        ([flow("a", median_us=200_000)], "● in 1m: 1 of 1 destination slower than 100ms"),
        (
            [*QUIET, flow("a", 9, "10.0.0.9", median_us=200_000, rate_hz=0.2)],
            "○ in 1m: 1 of 3 destinations with 1 of 1 over 100ms: too few to judge",
        ),
        (
            [flow("a", median_us=200_000, rate_hz=0.4)],
            "○ in 1m: 1 of 1 destination with 8 of 8 over 100ms: too few to judge   ",
        ),
    ],
)
async def test_it_says_what_was_looked_at_where_nothing_is_wrong(flows, said):
    async with Running(20, flows=flows) as run:
        assert health(run).startswith(said)


async def said_of(*events):
    async with still().run_test(size=(120, 36)) as pilot:
        await feed(pilot, recorded(*events))
        return health(pilot.app)


async def test_it_never_denies_what_a_row_or_a_finding_shows():
    """GIVEN no row that is down, failing, resending or slow WHEN there is more THEN it says that."""
    given_up = {"outcome": Outcome.CANCELLED}
    good = connect("10.0.0.1", times=30)
    assert (await said_of(good, connect("10.0.0.9", times=33, **given_up))).startswith(
        "● in 1m: 1 of 2 destinations with 33 of 33 given up before an answer "
    )
    few = connect("10.0.0.9", times=2, outcome=Outcome.REFUSED, error=111)
    assert (await said_of(good, few)).startswith(
        "○ in 1m: 1 of 2 destinations with 2 of 2 failed: too few to judge "
    )
    slow = connect("10.0.0.9", times=2, latency_ns=150_000_000)
    assert (await said_of(good, slow, few)).startswith(
        "○ in 1m: 1 of 2 destinations with 4 of 4 failed or over 100ms: too few to judge "
    )
    others = [connect(f"10.0.0.{n}", dport=443, times=30) for n in (5, 6)]
    slower = connect("10.0.0.7", dport=443, times=30, latency_ns=40_000_000)
    assert (await said_of(*others, slower)).startswith("◐ in 1m: 10.0.0.7:443 is ")


async def test_rows_that_are_gone_since_the_mark_are_not_counted():
    """GIVEN a mark WHEN rows of it have no connect any more THEN the table has them, and no count does."""
    async with Running(20, flows=[*QUIET, flow("late", 9, "10.0.0.9")]) as run:
        await run.press("m")
        await feed(run.pilot, snapshot(21, QUIET))
        assert len(run.screen.view) == 3
        assert health(run).startswith("○ in 1m: all 2 destinations: under 1%")


async def test_where_there_is_little_room_the_counts_stay():
    async with Running(60, size=(40, 12)) as run:
        assert health(run).startswith("● 1 down · 1 failing · 1 given up")
        await run.pilot.resize_terminal(40, 8)
        await run.pilot.pause()
        assert run.screen.health.display
        assert not run.screen.summary.display


async def test_a_click_on_it_and_its_key_open_the_findings():
    async with Running(60) as run:
        await run.pilot.click(run.screen.health, offset=(12, 0))
        await run.pilot.pause()
        assert isinstance(run.screen.focused, Explain)


@pytest.mark.parametrize("width", [80, *(pytest.param(w, marks=pytest.mark.long) for w in (60, 120, 200))])
async def test_the_figures_have_fixed_places_whatever_happens(width):
    """GIVEN other traffic, with other outcomes WHEN the figures are drawn THEN each word is where it was."""
    places = set()
    for flows in (QUIET, FAILING, [flow("a", rate_hz=5, failure_share=1.0)], [flow("a", rate_hz=900)]):
        async with Running(5, flows=flows, size=(width, 36)) as run:
            line = text_of(run.screen.summary)[0]
            words = ("ok", "failed", "refused", "timeout", "cancelled", "in flight", "p50", "p90", "p99")
            places.add(tuple(line.find(f"{word} ") for word in words))
    assert len(places) == 1


async def test_a_row_has_the_sign_from_the_start_and_the_panes_are_about_everything():
    async with Running(20, flows=FAILING) as run:
        table = run.screen.table
        assert (table.pointed, table.row) == (0, None)
        assert text_of(table)[1].startswith("▌")
        assert "everything" in text_of(run.screen.panes.query_one("PaneTabs"))[0]
        await run.press("down")
        assert (table.pointed, table.row) == (1, 1)  # from where the sign was
        await run.press("escape")
        assert (table.pointed, table.row) == (0, None)
        await run.press("up")
        assert (table.pointed, table.row) == (0, 0)


async def test_a_dialog_leaves_no_key_on_the_screen_that_does_nothing():
    async with Running(5, flows=[flow("a", pid, "10.0.0.1") for pid in (1, 2)]) as run:
        main = run.screen
        assert health(run).endswith("x explain")
        await run.press("enter")
        assert run.screen.query("OptionList")
        assert "explain" not in str(main.health.render())
        assert text_of(main.footer)[0].split()[:4] == ["esc", "back", "lost", "0,"]
        await run.press("question_mark")
        assert isinstance(run.screen, HelpScreen)
        await run.press("escape", "escape")
        assert run.screen is main
        assert health(run).endswith("x explain")
        assert text_of(main.footer)[0].strip().startswith("q quit")


async def test_q_leaves_the_process_and_then_the_program():
    async with Running(20) as run:
        await run.press("P", "enter")
        assert isinstance(run.screen, ProcessScreen)
        await run.press("q")
        assert not isinstance(run.screen, ProcessScreen)
        assert run.app.return_code is None
        await run.press("enter", "Q")
        assert run.app.return_code == 0


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ([], "q quit  ? help  / filter  x explain  enter open  o expand"),
        (["space"], "q quit  space resume  ← → seek  N B spike  , . step"),
        (["P", "enter"], "esc back  ? help  / filter  x explain  o expand"),
    ],
)
async def test_the_footer_is_that_of_the_screen_it_stands_on(keys, first):
    async with Running(20, size=(80, 24)) as run:
        await run.press(*keys)
        assert text_of(run.screen.footer)[0].strip().startswith(first)


async def test_every_word_of_the_footer_does_what_its_key_does():
    """GIVEN a wide footer WHEN each of its words is clicked THEN something happens as by the key."""
    async with Running(20, size=(200, 36)) as run:
        words = [action.footer for action in ACTIONS if action.footer]
        footer = run.screen.footer
        shown = [word for word in dict.fromkeys(words) if f" {word} " in text_of(footer)[0]]
        assert len(shown) >= 10
        await click(run, footer, "help")
        assert isinstance(run.screen, HelpScreen)
        await run.press("escape")
        await click(run, footer, "group")
        assert run.screen.spec.group_by == "process"
        await click(run, footer, "window")
        assert run.screen.state.window == "5m"
        await click(run, footer, "<")
        assert run.screen.spec.sort == "comm"
        await click(run, footer, ">")
        assert run.screen.spec.sort == "trouble"
        await click(run, footer, "pause")
        assert run.screen.state.pause is not None
        await click(run, footer, "step")
        await click(run, footer, "resume")
        assert run.screen.state.pause is None
        await click(run, footer, "expand")
        assert run.screen.table.expanded is not None
        await click(run, footer, "filter")
        assert run.screen.filter_bar.display


async def test_what_the_header_says_can_be_clicked():
    async with Running(20, size=(120, 36)) as run:
        header = run.screen.header
        await click(run, header, "by destination")
        assert run.screen.spec.group_by == "process"
        await click(run, header, "1m")
        assert run.screen.state.window == "5m"
        await click(run, header, "trouble")
        assert not run.screen.spec.descending
        await click(run, header, "live")
        assert run.screen.state.pause is not None
        await click(run, header, "paused")
        assert run.screen.state.pause is None
        await run.press("slash", *"nginx", "enter")
        await click(run, header, "/nginx")
        assert run.screen.filter_bar.display


async def test_before_the_first_connect_it_says_what_makes_a_row():
    async with Running(5, flows=NO_CONNECTS) as run:
        text = " ".join(" ".join(text_of(run.screen.table)).split())
        assert "each outgoing TCP connect is listed here when it succeeds or fails" in text
        assert "connections that are open already are not" in text
        await feed(run.pilot, snapshot(8))
        assert run.screen.view


def test_the_line_and_the_pane_share_what_was_found():
    all_rows = Selection(make_view(snapshot(9), ViewSpec()))
    found = findings_in(all_rows)
    assert found
    assert findings_in(all_rows) is found
