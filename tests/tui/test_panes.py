"""What the heatmap and the failures write, and that panes fit wherever they are."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from support import Running, feed, flow, snapshot, still, text_of

from tcpconntop.core.analysis.failures import TopNames
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.panes.failures import fit_names

EVIL = "\x1b[31m[red]evil[/]"[:15]  # the kernel cuts a name after 15 bytes
WIDE = "日本語サー"
COMBINING = "cafe\u0301"

FAILING = [
    flow("good", 1, "10.0.0.1", 443, rate_hz=90),
    flow(EVIL, 2, "10.0.0.2", 443, failure_share=1.0),
    flow(WIDE, 3, "10.0.0.3", 443, failure_share=1.0, outcome=Outcome.TIMEOUT, rate_hz=9, lost_syn_share=1.0),
    flow(COMBINING, 4, "fd00::4", 443, failure_share=0.5, outcome=Outcome.UNREACHABLE, rate_hz=8),
    flow("gone", 5, "10.0.0.5", 443, failure_share=1.0, outcome=Outcome.CANCELLED, rate_hz=3),
]


async def shown(key, flows=FAILING, size=(120, 36), keys=(), seconds=20, **options):
    """Return the lines of the pane that a key shows."""
    app = still()
    async with app.run_test(size=size) as pilot:
        await feed(pilot, snapshot(seconds, flows, **options))
        await pilot.press(key, *keys)
        await pilot.pause()
        (pane,) = [pane for pane in app.screen.query("Pane") if pane.display]
        return text_of(pane)


async def test_failures_are_listed_by_count_with_what_they_mean():
    lines = [line.rstrip() for line in await shown("4")]
    titles = [line.split("  ")[0].strip() for line in lines[1::2]]
    assert titles[:4] == [
        "refused ECONNREFUSED",
        "timeout ETIMEDOUT",
        "unreachable EHOSTUNREACH",
        "cancelled (gave up)",
    ]
    assert "a reset answered: nothing listens there, or a firewall rejects it" in lines[2]
    assert "the program gave up before an answer: it closed the socket, or died" in lines[8]
    assert lines[0].split() == [
        "OUTCOME", "COUNT", "SHARE", "RATE/S", "FIRST", "LAST", "RTX", "PROCESSES", "DESTINATIONS",
    ]  # fmt: skip


async def test_where_there_is_room_a_cause_is_whole():
    """GIVEN a narrow pane with free lines WHEN failures are listed THEN their causes go on below."""
    lines = [line.strip() for line in await shown("4", size=(60, 60))]
    at = lines.index("a reset answered: nothing listens there, or a firewall")
    assert lines[at + 1] == "rejects it"


@pytest.mark.parametrize(
    "size", [(80, 24), *(pytest.param(size, marks=pytest.mark.long) for size in ((120, 36), (179, 60)))]
)
async def test_foreign_names_are_shown_literally_and_columns_stay_aligned(size):
    lines = await shown("4", size=size)
    at = cell_len(lines[0][: lines[0].index("DESTINATIONS")])
    starts = ["10.0.0.2:443", "10.0.0.3:443", "[fd00::4]:443", "10.0.0.5:443"]
    for start in starts:
        line = next(line for line in lines if start in line)
        assert cell_len(line[: line.index(start)]) == at
        assert all(char.isprintable() or char == "\u0301" for char in line)
    text = "\n".join(lines)
    assert "·[31m[red]evil["[:8] in text
    assert WIDE in text
    assert COMBINING in text


async def test_failures_of_the_selected_row_alone():
    lines = await shown("4", keys=["P", "end"])
    titles = [line[1:25].strip() for line in lines if line[1:25].strip()]
    assert len([title for title in titles if title.isupper() or " E" in title or "cancelled" in title]) == 2


@pytest.mark.parametrize(("size", "has_room"), [((120, 36), True), ((120, 20), False)])
async def test_the_histogram_says_what_cancelled_means_where_no_failure_is_cut_off_for_it(size, has_room):
    lines = [line[-28:].strip() for line in await shown("1", size=size)]
    (index,) = (index for index, line in enumerate(lines) if "cancelled" in line)
    assert "EHOSTUNREACH" in lines[index - 1]
    assert ("the program gave up" in lines) is has_room
    assert not has_room or lines[index + 1] == "the program gave up"


async def test_failures_that_have_no_room_are_counted():
    lines = [line.rstrip() for line in await shown("4", size=(60, 16), seconds=5)]
    assert [line.split()[0] for line in lines] == ["OUTCOME", "ECONNREFUSED", "ETIMEDOUT", "and"]
    assert lines[3].startswith(" and 2 more kinds: ")
    lines = [line.rstrip() for line in await shown("4", size=(60, 18), seconds=5)]
    assert [line.split()[0] for line in lines[1:]] == [
        "ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "cancelled",
    ]  # fmt: skip


async def test_panes_without_data_say_what_would_fill_them():
    fine = await shown("4", [flow("a")])
    assert "no failed connect in the window: the next one will be listed here" in "\n".join(fine)
    for key in "34":
        assert "no connect in the window yet" in "\n".join(await shown(key, [flow("a", rate_hz=0)]))


@pytest.mark.parametrize(
    ("named", "width", "expected"),
    [
        (TopNames(("a",), 0), 9, "a"),
        (TopNames(("a", "b"), 0), 9, "a, b"),
        (TopNames(("a", "b"), 12), 20, "a, b and 12 more"),
        (TopNames(("a", "b"), 12), 14, "a and 13 more"),
        (TopNames(("a", "b"), 12), 10, "a, b +12"),
        (TopNames(("a", "b"), 12), 6, "a +13"),
        (TopNames(("abcdefgh", "b"), 12), 9, "abcd… +13"),
        (TopNames(("日本語サーバ",), 0), 6, "日本 …"),
    ],
)
def test_names_are_listed_as_far_as_they_fit(named, width, expected):
    assert fit_names(named, width) == expected
    assert cell_len(fit_names(named, width)) <= width


async def test_tabs_that_have_no_room_shrink_to_their_keys():
    app = still()
    async with app.run_test(size=(40, 24)) as pilot:
        await feed(pilot, snapshot(5))
        tabs = app.screen.panes.query_one("PaneTabs")
        await pilot.press("3")
        assert text_of(tabs)[0].startswith("── 1 ─ 2 ─[ Heatmap ]─ 4 ─")
        await pilot.resize_terminal(60, 24)
        await pilot.pause()
        assert text_of(tabs)[0].startswith("── Hist ─ Time ─[ Heatmap ]─ Fail ─")
        await pilot.click(tabs, offset=(3, 0))
        assert app.screen.panes.visible_names == ["Histogram"]
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        assert "Timeline ─ Heatmap ─ Failures" in text_of(tabs)[0]


@pytest.mark.usefixtures("five_panes")
async def test_the_process_screen_has_them_too():
    app = still(pid=3)
    async with app.run_test(size=(120, 24)) as pilot:
        await feed(pilot, snapshot(20, FAILING))
        for key, name in zip(
            "123456",
            ("Histogram", "Timeline", "Heatmap", "Failures", "Explain", "Connects"),
            strict=True,
        ):
            await pilot.press(key)
            assert app.screen.panes.visible_names == [name]
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        await pilot.press("4")
        assert app.screen.panes.visible_names == ["Failures"]
        await pilot.pause()
        listed_now = "\n".join(text_of(app.screen.panes.query_one("Failures")))
        assert "timeout ETIMEDOUT" in listed_now
        assert "ECONNREFUSED" not in listed_now


SIZES = [
    (40, 12), (40, 30), (50, 17), (66, 20), (72, 24), (80, 24), (91, 28), (100, 30), (119, 36), (132, 43),
    (160, 50), (200, 60), (240, 70), (300, 100),
]  # fmt: skip


def overlaps(screen) -> list[tuple[str, str]]:
    """Return the parts of a screen that lie on each other, or outside of it."""
    parts = [widget for widget in screen.query("Table, Line") if widget.display and widget.region.area]
    assert len(parts) >= 4  # header, table, tabs, footer
    wrong = [(str(part), "outside") for part in parts if not screen.region.contains_region(part.region)]
    for at, one in enumerate(parts):
        wrong += [(str(one), str(two)) for two in parts[at + 1 :] if one.region.overlaps(two.region)]
    return wrong


@pytest.mark.parametrize("colours", ["truecolor", pytest.param("none", marks=pytest.mark.long)])
async def test_at_every_size_every_pane_fits(monkeypatch, colours, long):
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    app = still()
    async with app.run_test(size=SIZES[0]) as pilot:
        await feed(pilot, snapshot(20, FAILING))
        for size in SIZES if long else SIZES[::6]:
            await pilot.resize_terminal(*size)
            for keys in (
                ["1"],
                ["2"],
                ["3"],
                ["4"],
                ["down", "enter"],
                ["1"],
                ["3"],
                ["5"],
                ["escape", "escape"],
            ):
                await pilot.press(*keys)
                await pilot.pause()
                assert not overlaps(app.screen)
                for line in app.screen.query("Line"):
                    if line.display and line.region.area:
                        drawn = line.draw(line.size.width).split("\n")
                        assert max(text.cell_len for text in drawn) <= line.size.width, (size, keys, line)
                        assert len(drawn) <= line.size.height, (size, keys, line)


async def test_the_light_theme_turns_the_colours_of_the_heatmap_round():
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(20, FAILING))
        await pilot.press("3")
        pane = app.screen.panes.query_one("Heatmap")
        for theme, darker in (("textual-dark", False), ("textual-light", True)):
            app.theme = theme
            await pilot.pause()
            colours = [
                pane.get_component_rich_style(f"heat--{band}").color.get_truecolor() for band in range(8)
            ]
            light = [0.2126 * c.red + 0.7152 * c.green + 0.0722 * c.blue for c in colours]
            assert light == sorted(light, reverse=darker)
            assert len(set(light)) == 8


@pytest.mark.parametrize(
    ("width", "about"),
    [
        (120, " everything · 1,400 connects ──"),
        (80, "─ everything · 1,400 ──"),
        (72, " everything · 1,400 ──"),
        (60, " everything ──"),
        (54, " every… ──"),
    ],
)
@pytest.mark.usefixtures("five_panes")
async def test_the_line_of_tabs_never_cuts_a_figure(width, about):
    """GIVEN less and less room WHEN the tabs are drawn THEN the count goes whole, then words get an …."""
    app = still()
    async with app.run_test(size=(width, 36)) as pilot:
        await feed(pilot, snapshot(14, [flow("a", rate_hz=100, sigma=0.1)]))
        (line,) = text_of(app.screen.query_one("PaneTabs"))
        assert re.sub(r"1,\d\d\d", "1,400", line).endswith(about)


RARE = [flow("a", rate_hz=0.3)]


async def test_one_connect_is_no_connects():
    """GIVEN a window with a single connect WHEN the tabs are drawn THEN they say `1 connect`."""
    seconds = next(n for n in range(1, 20) if snapshot(n, RARE).window.stats["outcomes"].sum() == 1)
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(seconds, RARE))
        assert text_of(app.screen.query_one("PaneTabs"))[0].endswith(" everything · 1 connect ──")


@pytest.mark.parametrize("median_us", [1.5, 300, 900_000])
@pytest.mark.parametrize("width", [80, pytest.param(120, marks=pytest.mark.long)])
async def test_the_histogram_names_every_quantile_that_there_is_room_for(median_us, width):
    """GIVEN quantiles that lie together, at either edge too WHEN they are named THEN none is left out."""
    lines = await shown("1", [flow("a", median_us=median_us, sigma=0.01, rate_hz=90)], size=(width, 36))
    assert re.findall(r"p\d\d ", lines[0]) == ["p50 ", "p90 ", "p99 "]
    assert cell_len(lines[0]) <= width


@pytest.mark.usefixtures("five_panes")
async def test_a_long_address_in_the_title_keeps_its_end():
    """GIVEN an address without room WHEN its row is selected THEN the title has an … in its middle."""
    flows = [flow("api", 1, "2001:db8:1234:5678:9abc:def0:1111:aa01", 7000)]
    async with Running(3, size=(80, 24), flows=flows) as run:
        await run.press("down")
        title = run.screen.query_one("PaneTabs").render().plain
        assert re.search(r" \[2001:[0-9a-f:]*…[0-9a-f:]*01\]:7000 ──$", title)
