"""The explain pane: what it lists, and how a finding is chosen and gone to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import Running, feed, flow, notes, snapshot, still, text_of

from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.wire import Outcome
from tcpconntop.tui import explained
from tcpconntop.tui.panes.explain import Explain
from tcpconntop.tui.screens.process import ProcessScreen

LEAVING = {"failure_share": 1.0, "outcome": Outcome.CANCELLED, "fail_after_us": 800_000}
FLOWS = [
    flow("prometheus", 1, "10.9.1.7", 9100, failure_share=1.0),
    flow("nginx", 2, "10.2.3.5", 443, lost_syn_share=0.1),
    flow("nginx", 2, "10.3.0.1", 80),
]


class Explaining(Running):
    """A dashboard with nine seconds of data."""

    def __init__(self, flows=FLOWS, ignore=(), pid=None, **options):
        super().__init__(9, flows=flows, pid=pid, **options)
        if ignore:
            self.app = still(ViewSpec(ignore=ignore), pid=pid)

    @property
    def pane(self):
        return self.screen.query_one(Explain)

    def show(self):
        self.screen.panes.switch("Explain")

    def lines(self):
        return [line.rstrip() for line in text_of(self.pane)]

    def marked(self):
        return [line[3:] for line in self.lines() if line[:2] in ("▌●", "▌◐")]


async def test_findings_are_listed_with_their_evidence():
    async with Explaining() as run:
        await run.press("x", "escape")
        assert run.lines()[0].startswith(" ● 10.9.1.7:9100 refuses every connect")
        assert (
            "refused, no success seen: no listener, or a firewall rejects it; by prometheus" in run.lines()[1]
        )
        assert run.lines()[2] == "     → on 10.9.1.7: ss -ltn sport = :9100"
        assert "10.2.3.5:443 lost a SYN" in run.lines()[3]
        assert "waiting to resend +" in run.lines()[4]
        assert not run.marked()


async def test_the_chosen_finding_says_what_its_command_tells_and_y_copies_it():
    async with Explaining() as run:
        await run.press("x")
        assert run.lines()[2:4] == [
            "▌    → on 10.9.1.7: ss -ltn sport = :9100",
            "▌      no line: no listener in that network namespace; a line with this address, 0.0.0.0, "
            "[::] or *: something before",
        ]
        await run.press("y")
        assert run.app.clipboard == "ss -ltn sport = :9100"
        assert notes(run.app) == ["sent to the terminal's clipboard: ss -ltn sport = :9100"]
        await run.press("Y")
        assert run.app.clipboard.startswith("10.9.1.7:9100 refuses every connect")
        assert run.app.clipboard.splitlines()[2] == "→ on 10.9.1.7: ss -ltn sport = :9100"
        assert "no success seen" in run.app.clipboard.splitlines()[1]
        await run.press("down", "y")
        command = "ss -ltn sport = :443; nstat -asz TcpExtListenOverflows TcpExtListenDrops"
        assert run.app.clipboard == command
        assert any(f"→ on 10.2.3.5: {command}" in line for line in run.lines())
        assert any("its accept queue is full; else SYNs" in line for line in run.lines())
        await run.press("escape", "y")
        assert run.app.clipboard.startswith("DESTINATION ")  # the row again


async def test_the_whole_command_can_be_read_at_80_columns():
    async with Explaining(FLOWS[1:], size=(80, 24)) as run:
        await run.press("x")
        words = " ".join(line.strip("▌ ") for line in run.lines())
        assert (
            "ss -ltn sport = :443; nstat -asz TcpExtListenOverflows TcpExtListenDrops Recv-Q above" in words
        )


async def test_where_there_is_room_every_command_is_whole():
    """GIVEN a narrow pane with free lines WHEN no finding is chosen THEN no command ends with an ellipsis."""
    async with Explaining(FLOWS[1:], size=(60, 50)) as run:
        await run.press("5")
        assert not run.marked()
        assert run.lines()[-1].strip().endswith("x chooses one")
        words = " ".join(line.strip() for line in run.lines())
        assert "nstat -asz TcpExtListenOverflows TcpExtListenDrops" in words


@pytest.mark.parametrize("keys", [pytest.param(["x"], marks=pytest.mark.long), ["x", "escape", "tab"]])
async def test_the_focus_goes_to_the_findings_and_back(keys):
    async with Explaining() as run:
        await run.press(*keys)
        assert run.screen.focused is run.pane
        assert run.marked() == ["10.9.1.7:9100 refuses every connect"]
        await run.press("down")
        assert "10.2.3.5:443" in run.marked()[0]
        await run.press("down", "up", "up")
        assert "10.9.1.7" in run.marked()[0]
        await run.press("escape")
        assert run.screen.focused is run.screen.table
        assert not run.marked()


async def test_enter_selects_the_row_of_the_finding():
    async with Explaining() as run:
        await run.press("x", "down", "enter")
        table = run.screen.table
        assert run.screen.focused is table
        assert table.view.keys[table.row]["dport"] == 443
        assert "10.2.3.5:443" in text_of(run.screen.panes.query_one("PaneTabs"))[0]
        assert "10.2.3.5:443" in run.lines()[0]
        assert not any("10.9.1.7" in line for line in run.lines())  # it explains that row now
        await run.press("enter")
        assert isinstance(run.screen, ProcessScreen)


async def test_enter_changes_the_grouping_to_that_of_the_finding():
    async with Explaining([*FLOWS, flow("backup", 7, "10.5.0.1", 22, **LEAVING)]) as run:
        await run.press("D", "x", "down", "down", "enter")
        assert run.screen.spec.group_by == "process"
        assert run.screen.spec.sort == "trouble"  # a process has no port to sort by
        table = run.screen.table
        assert table.view.keys[table.row]["tgid"] == 7
        assert "backup gives up after" in run.lines()[0]


async def test_a_row_below_the_edge_is_brought_into_sight():
    many = [flow("a", 9, f"10.1.{i}.1", 80, median_us=300 + i) for i in range(60)]
    async with Explaining([*many, FLOWS[0]]) as run:
        await run.press("P")
        assert not any("10.9.1.7" in line for line in text_of(run.screen.table))
        await run.press("x", "enter")
        assert any("10.9.1.7" in line for line in text_of(run.screen.table))


async def test_the_chosen_finding_stays_chosen_when_the_order_changes():
    async with Explaining() as run:
        await run.press("x", "down")
        worse = flow("curl", 5, "10.8.0.1", 81, failure_share=1.0, rate_hz=90)
        await feed(run.pilot, snapshot(12, [worse, *FLOWS]))
        assert "10.8.0.1:81" in run.lines()[0]
        assert "10.2.3.5:443" in run.marked()[0]
        await feed(run.pilot, snapshot(15, FLOWS[:1]))
        assert "10.9.1.7" in run.marked()[0]  # the other one is no more


async def test_a_click_chooses_and_a_double_click_goes_there():
    async with Explaining() as run:
        await run.press("x", "escape")
        await run.pilot.click(Explain, offset=(9, 3))
        assert "10.2.3.5:443" in run.marked()[0]
        await run.pilot.click(Explain, offset=(9, 0), times=2)
        await run.pilot.pause()
        assert run.screen.table.view.keys[run.screen.table.row]["dport"] == 9100


async def test_another_pane_takes_the_focus_away():
    async with Explaining() as run:
        await run.press("x", "1")
        await run.press("down")
        assert run.screen.table.row == 1


async def test_hidden_panes_come_back_to_explain():
    async with Explaining() as run:
        await run.press("v", "x")
        assert run.screen.panes.display
        assert run.screen.focused is run.pane


async def test_without_room_the_table_keeps_the_focus():
    async with Explaining(size=(80, 14)) as run:
        await run.press("x", "down")
        assert not run.screen.panes.display
        assert run.screen.table.row == 1


async def test_the_row_that_keys_act_on_is_marked_otherwise_while_the_findings_have_them():
    async with Explaining() as run:
        first = text_of(run.screen.table)[1][0]
        await run.press("x")
        while_chosen = text_of(run.screen.table)[1][0]
        assert run.marked()
        await run.press("escape")
        assert (first, while_chosen, text_of(run.screen.table)[1][0]) == ("▌", "▏", "▌")
        assert not run.marked()


async def test_without_a_finding_the_table_keeps_the_keys():
    async with Explaining([flow("a", n, f"10.0.0.{n}", rate_hz=9) for n in range(1, 9)]) as run:
        await run.press("x", "down", "down", "o")
        assert "nothing stands out" in " ".join(run.lines())
        assert (run.screen.table.row, run.screen.table._expansion.row) == (2, 2)


async def test_the_process_screen_explains_its_process():
    async with Explaining(pid=2) as run:
        await run.press("x")
        assert "10.2.3.5:443" in run.marked()[0]
        assert not any("10.9.1.7" in line for line in run.lines())
        await run.press("enter")
        assert run.screen.spec.group_by == "dest"
        assert run.screen.table.view.keys[run.screen.table.row]["dport"] == 443


async def test_the_two_gravest_can_be_read_at_80_by_24():
    async with Explaining(size=(80, 24)) as run:
        await run.press("x", "escape")
        titles = [line for line in run.lines() if line[:2] in (" ●", " ◐")]
        assert len(titles) >= 2
        assert not any("…" in title for title in titles[:2])


async def test_where_there_is_room_no_line_is_cut():
    """GIVEN a pane that is narrow and high WHEN all findings fit THEN they have all their words."""
    async with Explaining(size=(200, 60)) as run:
        text = " ".join(line.strip(" ▌") for line in run.lines())
        for finding in run.pane._findings:
            for words in (finding.title, finding.evidence, finding.next_step.command):
                assert words in text
        assert "…" not in text


async def test_all_can_be_reached_where_few_fit():
    flows = [flow(f"p{i}", i, f"10.{i}.9.1", 80, failure_share=1.0) for i in range(1, 5)]
    async with Explaining([*flows, *FLOWS[1:]], size=(80, 24)) as run:
        await run.press("x")
        assert run.lines()[-1].startswith(" … 3 more")
        seen = set()
        for _ in range(5):
            seen |= set(run.marked())
            await run.press("down")
        assert len(seen) == 5
        assert "4 above" in run.lines()[-1]


async def test_nothing_is_said_plainly():
    async with Explaining([flow("a")], host={0: NetnsFacts((1, 9))}) as run:
        await run.press("x")
        text = " ".join(run.lines())
        assert "nothing stands out in" in text
        assert "not checked" not in text
        await run.press("down", "enter")  # there is nothing to go to
        assert run.screen.table.row is None


async def test_an_ignored_finding_is_not_listed_and_stays_out_in_every_grouping_and_screen():
    async with Explaining(ignore=("refused",)) as run:
        await run.press("x")
        assert run.marked() != []
        assert not any("10.9.1.7" in line for line in run.lines())
        await run.press("escape", "g", "r")
        assert run.screen.spec.ignore == ("refused",)
        assert not any("10.9.1.7" in line for line in run.lines())
    async with Explaining(ignore=("refused",), pid=1) as run:
        await run.press("x")
        assert "ignored: refused" in " ".join(run.lines())


async def test_it_is_explained_at_most_once_a_second_and_only_while_it_is_seen(monkeypatch):
    """GIVEN snapshots in a row WHEN the pane is hidden or just drew one THEN nothing is computed."""
    calls, explain = [], explained.findings.explain

    def counting(*args):
        calls.append(args)
        return explain(*args)

    monkeypatch.setattr(explained.findings, "explain", counting)
    async with Explaining() as run:
        assert not calls
        await run.press("x")
        assert len(calls) == 1
        await run.press("down", "up")
        await feed(run.pilot, replace(run.shown, now_ns=run.shown.now_ns + 200_000_000))
        assert len(calls) == 1
        await feed(run.pilot, replace(run.shown, now_ns=run.shown.now_ns + 1_000_000_000))
        assert len(calls) == 2
        await run.press("1")
        await feed(run.pilot, replace(run.shown, now_ns=run.shown.now_ns + 3_000_000_000))
        assert len(calls) == 2
