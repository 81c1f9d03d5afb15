"""What the table writes: alignment, foreign text, selection."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.style import Style
from support import INFO, Clock, Steady, feed, flow, snapshot, still, text_of
from textual.geometry import Region

from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.table.drawing import header_strip
from tcpconntop.tui.table.layout import lay_out_columns
from tcpconntop.tui.text.lines import fit
from tcpconntop.tui.text.sparkline import sparkline

EVIL = "\x1b[31m[red]evil"
WIDE = "日本語サーバ"  # 18 bytes: the kernel cuts a name after 15, here in the middle of a character
COMBINING = "cafe\u0301"


async def lines(flows, size=(120, 36), spec=None):
    app = still(spec)
    async with app.run_test(size=size) as pilot:
        await feed(pilot, snapshot(3, flows))
        return text_of(app.screen.table), app.screen.table.column_layouts


def test_no_header_touches_the_next_one():
    """GIVEN an arrow beside a header WHEN the next one fills its column THEN there is a gap all the same."""
    places = lay_out_columns([c for c in COLUMNS.values() if c.key != "netns"], "p99", 400)
    for column in COLUMNS.values():
        text = header_strip(places, ViewSpec(sort=column.key), Style(), Style()).text
        assert not re.search(r"[▼▲]\S", text)


async def test_numbers_end_below_the_end_of_their_header():
    text, places = await lines([flow("a"), flow("bb", 101, "10.0.0.2", 65535, rate_hz=900)])
    for place in places:
        end = place.start + place.width
        if place.column.numeric:
            assert text[0][:end].endswith((place.column.header, f"{place.column.header}▼"))
            assert all(line[end - 1] != " " and line[end] == " " for line in text[1:3])


@pytest.mark.parametrize("comm", [EVIL, WIDE, COMBINING, "\u202egnp.exe", "a\tb\nc"])
async def test_foreign_names_neither_escape_nor_move_a_column(comm):
    text, _ = await lines([flow("plain"), flow(comm[:15], 101, "10.0.0.2")])
    hostile = next(line for line in text if "10.0.0.2" in line)
    plain = next(line for line in text if "10.0.0.1 " in line)
    assert cell_len(hostile) == cell_len(plain) == 120
    assert all(char.isprintable() for char in hostile)
    ends = [cell_len(line[: line.index("µs")]) for line in (hostile, plain)]
    assert ends[0] == ends[1]


async def test_markup_is_shown_as_it_is_written():
    text, _ = await lines([flow(EVIL[:15])])
    assert "·[31m[red]evil"[:11] in text[1]


@pytest.mark.parametrize("width", [1, 5, 20, 40, 60, 80, 100, 120, 160, 200, 400])
@pytest.mark.parametrize("group", GROUPINGS)
def test_columns_never_overlap_nor_leave_the_screen(width, group):
    fields = GROUPINGS[group].fields
    columns = [
        c for c in COLUMNS.values() if not c.needs_baseline and (not c.key_field or c.key_field in fields)
    ]
    places = lay_out_columns(columns, "p99", width)
    for before, after in pairwise(places):
        assert before.start + before.width < after.start
    if width >= 20:
        assert places[-1].start + places[-1].width <= width
        assert "p99" in [place.column.key for place in places]


def test_eighty_cells_have_room_for_what_matters():
    fields = ("", "daddr", "dport")
    columns = [c for c in COLUMNS.values() if not c.needs_baseline and c.key_field in fields]
    keys = [place.column.key for place in lay_out_columns(columns, "p99", 79)]
    assert keys == ["daddr", "dport", "comm", "rate", "count", "fail", "p50", "p90", "p99"]


@pytest.mark.parametrize("text", ["", "abc", "日本語", "cafe\u0301", "a" * 50, "日本語" * 9])
@pytest.mark.parametrize("width", [0, 1, 2, 5, 12])
def test_fit_is_exact(text, width):
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit(text, width, right=True)) == width


def test_a_steady_series_stands_at_half_height():
    nan = float("nan")
    assert sparkline([5, 5, 5]) == "▅▅▅"
    assert sparkline([1, 1, nan, 9]) == "▁▁ █"
    assert sparkline([nan, nan]) == "  "
    assert sparkline([]) == ""


def test_a_single_value_is_a_dot_because_nothing_tells_how_high_it_is():
    nan = float("nan")
    assert sparkline([nan, 7, nan]) == " · "
    assert sparkline([7]) == "·"
    assert sparkline([7, nan, 7]) == "▅ ▅"
    assert sparkline([0, nan]) == "· "


async def test_the_selection_follows_its_row():
    app = still(ViewSpec(sort="count"))
    async with app.run_test(size=(80, 24)) as pilot:
        first = [flow("a", 1, "10.0.0.1", rate_hz=50), flow("b", 2, "10.0.0.2", rate_hz=20)]
        await feed(pilot, snapshot(5, first))
        await pilot.press("home")
        table = app.screen.table
        assert table.row == 0
        identity = table.selected
        turned = [flow("a", 1, "10.0.0.1", rate_hz=5), flow("b", 2, "10.0.0.2", rate_hz=90)]
        await feed(pilot, snapshot(5, turned))
        assert (table.row, table.selected) == (1, identity)
        assert text_of(table)[2].startswith("▌10.0.0.1")


async def test_a_row_that_went_keeps_its_selection():
    app = still()
    async with app.run_test(size=(80, 24)) as pilot:
        both = snapshot(5, [flow("a", 1, "10.0.0.1"), flow("b", 2, "10.0.0.2")])
        await feed(pilot, both)
        await pilot.press("home")
        identity = app.screen.table.selected
        await feed(pilot, snapshot(5, [flow("c", 3, "10.0.0.3")]))
        assert app.screen.table.row is None
        await feed(pilot, snapshot(6, [flow("a", 1, "10.0.0.1"), flow("b", 2, "10.0.0.2")]))
        assert app.screen.table.selected == identity
        assert app.screen.table.row is not None


async def test_many_rows_scroll_below_a_header_that_stays():
    app = still(ViewSpec(sort="daddr", descending=False))
    flows = [flow("a", 1, f"10.0.{i // 200}.{i % 200 + 1}") for i in range(300)]
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, snapshot(2, flows))
        table = app.screen.table
        for keys, row in [
            ("home", 0),
            ("down", 1),
            ("end", 299),
            ("up", 298),
            ("pageup", 287),
            ("pagedown", 298),
        ]:
            await pilot.press(keys)
            await pilot.pause()
            assert table.row == row
            text = text_of(table)
            assert text[0].startswith(" DESTINATION")
            assert sum(line.startswith("▌") for line in text) == 1


async def test_rows_that_come_into_sight_have_trends_as_well():
    """GIVEN many rows WHEN the panes make room for more of them THEN each has its sparkline."""
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3, [flow("a", 1, f"10.0.0.{at}") for at in range(1, 200)]))
        few = app.screen.table.size.height
        for keys in ("v", "v", "v"):
            await pilot.press(keys)
            text = text_of(app.screen.table)
            assert all(line.rstrip()[-1] in "·▁▂▃▄▅▆▇█" for line in text[1:])
        assert len(text) > few + 10


@pytest.mark.parametrize("rows", [3, 200])
async def test_a_selected_row_is_marked_over_the_whole_line(rows):
    """GIVEN a scroll bar or none WHEN a row is selected THEN its colour reaches to the edge or bar."""
    app = still()
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, snapshot(3, [flow("a", 1, f"10.0.0.{at + 1}") for at in range(rows)]))
        await pilot.press("down")
        await pilot.pause()
        table = app.screen.table
        width = 80 if rows == 3 else 79  # the scroll bar has the last cell
        marked, plain = table.render_lines(Region(0, 1, 80, 2))
        assert (marked.cell_length, plain.cell_length) == (80, 80)
        assert len({segment.style.bgcolor for segment in marked.crop(0, width)}) == 1
        assert {s.style.bgcolor for s in marked} != {s.style.bgcolor for s in plain}
        assert [line.text for line in table.render_lines(Region(10, 1, 20, 1))] == [marked.text[10:30]]


async def test_the_mouse_sorts_and_selects():
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(3))
        table = app.screen.table
        place = next(place for place in table.column_layouts if place.column.key == "count")
        await pilot.click(table, offset=(place.start + 3, 0))
        assert (app.screen.spec.sort, app.screen.spec.descending) == ("count", True)
        await pilot.click(table, offset=(place.start + 3, 0))
        assert app.screen.spec.descending is False
        await pilot.click(table, offset=(5, 3))
        assert table.row == 2


def after_a_change(seconds=60, since=9):
    """Return a window in which one destination got ten times as slow, and another began to fail."""
    clock, window = Clock(), RollingWindow(60)
    began = clock.now_ns
    before = [flow("slow", 1, "10.0.0.1"), flow("fails", 2, "10.0.0.2"), flow("steady", 3, "10.0.0.3")]
    later = [
        flow("slow", 1, "10.0.0.1", median_us=9_000),
        flow("fails", 2, "10.0.0.2", failure_share=0.5),
        before[2],
    ]
    for flows, span in ((before, seconds - since), (later, since)):
        source = Steady(clock, flows)
        for _ in range(span):
            clock.now_ns += 999_000_000
            window.ingest(source.read(0), clock.now_ns)
            clock.now_ns += 1_000_000
    span_s = window.span_s(began, clock.now_ns)
    return Snapshot(INFO, source.ledger(), window.state(), 60, span_s, clock.now_ns, 0)


@pytest.mark.parametrize("width", [80, pytest.param(160, marks=pytest.mark.long)])
async def test_a_row_that_got_worse_is_marked_and_others_are_not(width):
    """GIVEN rows of which one got slower and one fails WHEN they are drawn THEN each has its own mark."""
    app = still()
    async with app.run_test(size=(width, 36)) as pilot:
        await feed(pilot, after_a_change())
        table = app.screen.table
        starts = {place.column.key: place.start for place in table.column_layouts}
        lines = {line.strip(" ▌").split()[0]: line for line in text_of(table)[1:4]}
        for address, marked in (("10.0.0.1", {"p99"}), ("10.0.0.2", {"fail"}), ("10.0.0.3", set())):
            line = lines[address]
            assert {key for key, start in starts.items() if line[start - 1] == "▲"} == marked, line
            assert line.count("▲") == len(marked)
