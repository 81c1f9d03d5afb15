"""A row expanded in place: its subrows stand below it, with figures of their own."""

from __future__ import annotations

import pytest
from stories import FAILING
from support import Running, feed, flow, notes, snapshot, text_of

from tcpconntop.tui.screens.chooser import ProcessChooser

FLOWS = [
    flow("fast", 11, "10.0.0.1", rate_hz=30),
    flow("slow", 12, "10.0.0.1", median_us=40_000),
    flow("slow", 12, "10.0.0.2"),
    flow("none", 13, "10.0.0.3", rate_hz=5, failure_share=1.0),
]


def lines(run):
    """Return the lines of the table below its header, without those that are empty."""
    return [line.rstrip() for line in text_of(run.screen.table)[1:] if line.strip()]


async def test_one_key_shows_the_processes_of_a_destination_and_hides_them():
    async with Running(20, flows=FLOWS, size=(80, 24)) as run:
        await run.press("P")
        before = lines(run)
        await run.press("o")
        row, slow, fast, *rest = lines(run)
        assert row == before[0]
        assert rest == before[1:]
        assert slow.startswith(" ├ slow · pid 12")
        assert fast.startswith(" └ fast · pid 11")
        assert "ms" in slow.split()[-1]
        assert "µs" in fast.split()[-1]
        await run.press("o")
        assert lines(run) == before


async def test_a_process_shows_its_destinations_and_a_pair_of_both_has_none():
    async with Running(20, flows=FLOWS) as run:
        await run.press("g", "P", "o")
        assert [line.split()[1] for line in lines(run)[1:3]] == ["10.0.0.1:80", "10.0.0.2:80"]
        await run.press("g", "o")
        assert not any("├" in line or "└" in line for line in lines(run))
        assert any("nothing is below" in note.replace("\n", " ") for note in notes(run.app))


async def test_the_figures_of_the_parts_add_up_to_those_of_the_row():
    async with Running(20, flows=FAILING) as run:
        await run.press("g", "g", "g", "o")  # by port: the one that is down first
        table = run.screen.table
        subrows, row = table._expansion.subrows, table._expansion.row
        assert len(subrows) > 0
        for name in ("count", "failed", "rtx"):
            assert subrows.metrics[name].sum() == run.screen.view.metrics[name][row]


async def test_it_stays_through_filter_order_the_past_and_while_its_row_is_gone():
    async with Running(20, flows=FLOWS, size=(80, 24)) as run:
        await run.press("P", "o")
        expanded = run.screen.table.expanded
        for keys in (("r",), ("comma",), ("$",), ("slash", *"count>1", "enter")):
            await run.press(*keys)
            assert sum("├" in line for line in lines(run)) == 1, keys
        await run.press("escape", "slash", *"dest:10.0.0.3", "enter")
        assert not any("├" in line for line in lines(run))
        assert run.screen.table.expanded == expanded
        await run.press("escape")
        assert sum("├" in line for line in lines(run)) == 1


async def test_moving_and_the_mouse_go_by_rows():
    async with Running(20, flows=FLOWS, size=(80, 24)) as run:
        await run.press("P", "home", "o", "down")
        table = run.screen.table
        assert table.row == 1
        assert lines(run)[3].startswith("▌")
        await run.pilot.click(table, offset=(10, 3))  # a subrow: its row is selected
        await run.pilot.pause()
        assert table.row == 0
        await run.pilot.click(table, offset=(10, 5))
        await run.pilot.pause()
        assert table.row == 2


async def test_the_last_row_can_be_reached_and_expanded_where_few_fit():
    many = [flow(f"p{i}", i, "10.9.9.9", 80) for i in range(1, 40)]
    others = [flow("a", 99, f"10.0.{i}.1", 80) for i in range(40)]
    async with Running(5, flows=[*others, *many], size=(80, 24)) as run:
        await run.press("D", "r", "end", "o")
        table = run.screen.table
        found = lines(run)
        at = next(n for n, line in enumerate(found) if line.startswith("▌"))
        assert found[at + 1].strip().startswith(("├", "└"))
        await run.press("home", "end")
        assert any(line.startswith("▌") for line in lines(run))
        await run.press("escape", "slash", *"dest:10.9.9.9", "enter", "o")
        assert lines(run)[-1].strip() == f"└ {39 - table._expansion.n_lines + 1} more"


async def test_while_compared_with_the_mark_parts_are_compared_too():
    async with Running(20, flows=FLOWS, size=(200, 60)) as run:
        await run.press("P", "o", "m")
        await feed(run.pilot, snapshot(40, FLOWS))
        new = [*FLOWS, flow("late", 14, "10.0.0.1")]
        await feed(run.pilot, snapshot(41, new))
        late = next(line for line in lines(run) if "late · pid 14" in line)
        assert "new" in late


async def test_the_chooser_shows_which_process_is_slow():
    async with Running(20, flows=FLOWS, size=(80, 24)) as run:
        await run.press("P", "enter")
        assert isinstance(run.screen, ProcessChooser)
        text = text_of(run.screen.query_one("OptionList"))
        assert text[0].split() == ["PID", "NAME", "CONNECTS", "P99", "FAIL%", "RTX"]
        figures = {line.split()[1]: line.split()[3:] for line in text[1:3]}
        assert "ms" in figures["slow"][0]
        assert "µs" in figures["fast"][0]
        await run.press("enter")
        assert "fast · pid 11" in run.header()  # the busiest is first


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
async def test_at_any_width_parts_are_as_wide_as_rows(width):
    async with Running(20, flows=FLOWS, size=(width, 30)) as run:
        await run.press("P", "o")
        strips = [run.screen.table.render_line(y) for y in range(4)]
        assert len({strip.cell_length for strip in strips[1:]}) == 1
