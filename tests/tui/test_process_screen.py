"""The screen of one process: its identity, what is missing, and that it has ended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import INFO, LIFE, feed, flow, never, snapshot, still, text_of

from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.kernel.process import OTHER_PIDS, UnknownProcessError
from tcpconntop.tui.app import Dashboard
from tcpconntop.tui.messages import ProcessRequested, ProcessSummary
from tcpconntop.tui.panes.connects import time_bar
from tcpconntop.tui.screens.main import MainScreen
from tcpconntop.tui.screens.process import ProcessScreen

FLOWS = [flow("checkout", 7, "10.0.0.1"), flow("curl", 8, "10.0.0.2")]


def shown(app):
    """Return the lines that identify the process."""
    return text_of(app.screen.identity) if app.screen.identity.display else []


async def test_it_says_who_runs_what_since_when_and_in_which_unit():
    app = still(pid=7)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, replace(snapshot(5, flows=FLOWS), units={0: None, 1: "shop.service"}))
        assert "checkout · pid 7" in str(app.screen.header.render())
        first, second = shown(app)
        assert first.strip() == "user shop · unit shop.service · started 07:55:00, 2h05m ago"
        assert second.strip() == "/usr/bin/checkout --port 8080"


async def test_a_command_line_is_text_and_is_cut_with_an_ellipsis():
    life = replace(LIFE, command="x [red]y[/] " + "z" * 300)
    app = still(pid=7, life=life)
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, snapshot(5, flows=FLOWS))
        line = shown(app)[1]
        assert line.startswith(" x [red]y[/] zz")
        assert line.rstrip().endswith("…")
        assert len(line) == 80


async def test_a_process_without_a_connect_yet_is_named_and_the_screen_says_what_it_waits_for():
    app = still(pid=7)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5, flows=[flow("curl", 8)]))
        assert "checkout · pid 7" in str(app.screen.header.render())
        assert "checkout has made no connect in this window" in "\n".join(text_of(app.screen.table))
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_a_pid_that_nobody_has_is_said_to_be_nobodys():
    app = still(pid=7, life=None)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5, flows=[flow("curl", 8)]))
        assert shown(app)[0].strip().startswith("■ no process has the pid 7 now")
        assert "no connect of this process in this window" in "\n".join(text_of(app.screen.table))


async def test_what_proc_cannot_tell_is_said_and_is_no_end():
    """GIVEN a PID namespace WHEN the screen of a process opens THEN it is not said to be nobody's."""

    def read(_pid):
        raise UnknownProcessError(OTHER_PIDS)

    app = Dashboard(never, pid=7, read_process_info=read)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, replace(snapshot(5, flows=FLOWS), units={0: None, 1: None}))
        assert shown(app)[0].strip().startswith("■ this is a PID namespace: its /proc has other PIDs, so the")
        assert "checkout · pid 7" in str(app.screen.header.render())


@pytest.mark.parametrize("after", [None, replace(LIFE, start_ticks=2)])
async def test_an_end_is_said_plainly_also_when_the_pid_has_another_life_and_what_was_known_stays(after):
    lives = [LIFE]
    app = Dashboard(never, pid=7, read_process_info=lambda _: lives[-1])
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5, flows=FLOWS))
        assert "ended" not in shown(app)[0]
        lives.append(after)
        await feed(pilot, snapshot(6, flows=FLOWS))
        assert shown(app)[0].strip().startswith("■ this process has ended  user shop")
        lives.append(LIFE)
        await feed(pilot, snapshot(7, flows=FLOWS))
        assert "has ended" in shown(app)[0]  # it does not come back


async def test_of_records_that_are_not_live_this_machine_is_not_asked():
    asked = []
    app = Dashboard(never, pid=7, read_process_info=asked.append)
    async with app.run_test(size=(120, 36)) as pilot:
        info = SourceInfo("db-07", "6.12", "", "", "recording")
        await feed(pilot, snapshot(5, flows=FLOWS, info=info))
        assert isinstance(app.screen, ProcessScreen)
        assert not shown(app)
        assert not asked
        await feed(pilot, snapshot(6, flows=FLOWS, info=INFO))
        assert set(asked) == {7}


async def test_each_of_the_last_connects_shows_where_its_time_went():
    app = still(pid=7)
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5, flows=[flow("slow", 7, lost_syn_share=1.0, rate_hz=2)]))
        lines = [line.rstrip() for line in text_of(app.screen.connects.query_one("Connects"))]
        assert lines[0].endswith("╌LOCAL █RTO ━WIRE")
        assert lines[1].endswith("█" * 17)


@pytest.mark.parametrize(
    ("local", "rto", "wire", "drawn"),
    [
        (12.0, 0.0, 88.0, "╌━━━━━━━━━"),
        (1.0, 1_000_000.0, 30_000.0, "█████████━"),
        (50.0, 0.0, 50.0, "╌╌╌╌╌━━━━━"),
        (0.0, 0.0, 10.0, "━━━━━━━━━━"),
        (float("nan"), 0.0, float("nan"), "-"),
        (0.0, 0.0, 0.0, "-"),
    ],
)
def test_a_bar_has_the_shares_of_the_parts(local, rto, wire, drawn):
    from tcpconntop.core.analysis.anatomy import Anatomy

    times = (np.array([value]) for value in (local + rto + wire, local, rto, wire))
    parts = Anatomy(*times, lost=np.zeros(1, np.bool_), slow=np.zeros(1, np.bool_))
    assert time_bar(parts, 0, 10) == drawn


async def test_keys_that_come_faster_than_screens_change_do_no_harm():
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(5, flows=FLOWS))
        await pilot.press("down")
        for _ in range(3):
            app.screen.post_message(ProcessRequested((ProcessSummary(7, "checkout"),)))
        await pilot.pause()
        assert len(app.screen_stack) == 2
        for _ in range(3):
            app.screen_stack[-1].post_message(ProcessScreen.Left())
        await pilot.pause()
        assert isinstance(app.screen, MainScreen)
        assert app.return_code is None


async def test_on_a_narrow_terminal_the_name_of_the_process_stays_in_the_header():
    app = still(pid=7)
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, snapshot(15, flows=FLOWS))
        await pilot.press("m", "comma", "comma")
        await pilot.pause()
        line = str(app.screen.header.render())
        assert "checkout · pid 7" in line
        assert "ago" in line


async def test_a_long_unit_is_cut_so_that_the_start_stays():
    """GIVEN a unit longer than the line WHEN the process is shown THEN the unit has the ellipsis."""
    app = still(pid=7)
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, replace(snapshot(5, flows=FLOWS), units={0: None, 1: "/kubepods/" + "f" * 64}))
        assert shown(app)[0].strip().endswith("f… · started 07:55:00, 2h05m ago")
        assert shown(app)[0].strip().startswith("user shop · unit /kubepods/ff")


async def test_a_wait_that_may_be_a_slow_answer_is_not_called_a_wait_for_lost_syns():
    """GIVEN an answer long after the second SYN WHEN nothing tells which one it is for THEN a sign."""
    taken = snapshot(5, flows=[flow("checkout", 7, lost_syn_share=1.0)])
    recent = taken.window.recent
    records = recent.records.copy()
    records["end_ns"] += np.uint64(400_000_000)
    records["srtt_us"] = 0
    unclear = replace(taken, window=replace(taken.window, recent=replace(recent, records=records)))
    assert (await of_connects(unclear))[1].split()[4] == "?"
    assert (await of_connects(taken))[1].split()[4].startswith("1.")


async def of_connects(taken):
    """Return the lines of the last connects of the process 7."""
    app = still(pid=7)
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, taken)
        return text_of(app.screen.panes.query_one("Connects"))
