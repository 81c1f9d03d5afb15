"""Texts of the table: names and addresses that are cut, and what an empty table says."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from support import INFO, Running, feed, flow, snapshot, still, text_of
from test_table import lines

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.columns import COLUMNS, TREND
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.scope import no_row_text
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.wire import EVENT
from tcpconntop.tui.panes.connects import COLUMNS as CONNECT_COLUMNS
from tcpconntop.tui.panes.connects import ConnectList
from tcpconntop.tui.table.layout import lay_out_columns
from tcpconntop.tui.text.lines import fit_address, fit_counted


@pytest.mark.parametrize("descending", [True, False])
async def test_a_table_without_rows_still_says_how_it_is_sorted(descending):
    """GIVEN no row WHEN the table is drawn THEN the arrow stands in its header."""
    text, _ = await lines([flow("a", rate_hz=0)], spec=ViewSpec(sort="p99", descending=descending))
    assert f" P99{'▼' if descending else '▲'}" in text[0]


async def test_why_there_is_no_row_is_said_in_full():
    """GIVEN a reason that is longer than a line WHEN the table is drawn THEN it goes on in the next one."""
    app = still()
    async with app.run_test(size=(40, 24)) as pilot:
        await feed(pilot, snapshot(3, [flow("a")]))
        await pilot.press("slash", *"comm=nobody dest:10.0.0.0/8 dport=12345", "enter")
        await pilot.pause()
        text = text_of(app.screen.table)
        said = " ".join(line.strip() for line in text[2:] if line.strip())
        assert said == "nothing matches the filter comm=nobody dest:10.0.0.0/8 dport=12345: esc clears it"
        assert not text[1].strip()


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("checkout ×2", 12, "checkout ×2 "),
        ("report-worker ×12", 12, "report-… ×12"),
        ("日本語の名 ×9", 12, "日本語の… ×9"),
        ("report-worker ↻", 12, "report-wo… ↻"),
        ("a name without a count", 12, "a name with…"),
        ("123456789012345", 12, "12345678901…"),
        ("worker ×12345", 6, "worke…"),
        ("a ×b and so on", 12, "a ×b and so…"),
    ],
)
def test_a_name_is_cut_and_not_the_sign_behind_it(text, width, shown):
    """GIVEN a name with ×n or ↻ WHEN it is too long THEN the name has the ellipsis."""
    assert fit_counted(text, width) == shown


async def test_a_process_without_a_name_has_a_sign_of_its_own():
    """GIVEN a process that took an empty name WHEN it is shown THEN its cell is not empty."""
    text, places = await lines([flow("", 7)], spec=ViewSpec("process"))
    at = next(place for place in places if place.column.key == "comm").start
    assert text[1][at : at + 3] == "-  "


@pytest.mark.parametrize(
    ("group", "width"),
    [
        *(("process", width) for width in (36, 40, 60, 80)),
        *(("process+dest", width) for width in (56, 79, 100)),
    ],
)
def test_a_pid_is_never_without_its_name(width, group):
    """GIVEN rows of processes WHEN room is short THEN numbers are hidden before the name."""
    fields = GROUPINGS[group].fields
    columns = [
        c for c in COLUMNS.values() if not c.needs_baseline and (not c.key_field or c.key_field in fields)
    ]
    keys = [place.column.key for place in lay_out_columns(columns, "p99", width)]
    assert "comm" in keys or "pid" not in keys


def widths(width, contents, hidden=()):
    """Return the width of each column of destinations in a table, by key."""
    columns = [
        c
        for c in (*COLUMNS.values(), TREND)
        if not c.needs_baseline and c.key_field in ("", "daddr", "dport") and c.key not in hidden
    ]
    return {place.column.key: place.width for place in lay_out_columns(columns, "p99", width, (), contents)}


@pytest.mark.parametrize("width", [120, 160, 180, 200, 250])
def test_columns_fit_their_names_and_the_trend_has_the_rest(width):
    """GIVEN short addresses WHEN there is room THEN no name is cut, and what is left goes to the trend."""
    found = widths(width, {"daddr": 12, "comm": 13})
    assert (found["daddr"], found["comm"]) == (15, 13)
    before = widths(width, {})["trend"]  # the other columns are as wide as they need to be
    assert found["trend"] == before - 1 or found["trend"] == before == 120


def test_a_name_that_needs_less_lends_it_to_one_that_needs_more():
    tight = next(width for width in range(100, 130) if widths(width, {}).get("trend") == 10)
    found = widths(tight, {"daddr": 12, "comm": 15})
    assert (found["daddr"], found["comm"]) == (12, 15)
    assert widths(tight, {"daddr": 12, "comm": 12}) == widths(tight, {})


def test_long_addresses_and_names_share_what_there_is():
    found = widths(180, {"daddr": 39, "comm": 15})
    assert (found["daddr"], found["comm"]) == (39, 15)
    assert widths(400, {"daddr": 300, "comm": 15})["daddr"] == 46


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_which_columns_are_shown_does_not_depend_on_the_names(width):
    assert list(widths(width, {"daddr": 39, "comm": 15})) == list(widths(width, {"daddr": 7, "comm": 2}))


async def test_columns_do_not_jump_when_a_long_name_goes():
    """GIVEN a long name WHEN it is gone THEN its column stays as wide for some refreshes."""
    app = still(ViewSpec(sort="daddr", descending=False))
    async with app.run_test(size=(120, 36)) as pilot:
        places = []
        for comm in ("short", "node_exporter", "short"):
            await feed(pilot, snapshot(3, [flow(comm)]))
            places.append(next(p for p in app.screen.table.column_layouts if p.column.key == "comm"))
        assert [place.width for place in places] == [12, 13, 13]
        assert "node_exporter" not in text_of(app.screen.table)[1]


async def test_a_window_that_has_become_empty_does_not_speak_of_a_first_connect():
    """GIVEN connects that have left the window WHEN the table is drawn THEN it says so."""
    past, empty = snapshot(3, [flow("a")]), snapshot(3, [flow("a", rate_hz=0)])
    app = still()
    async with app.run_test(size=(80, 24)) as pilot:
        await feed(pilot, empty)
        assert text_of(app.screen.table)[2].strip().startswith("no connect yet: each outgoing TCP connect")
        await feed(pilot, replace(empty, ledger=past.ledger))
        said = text_of(app.screen.table)[2].strip()
        assert said == "no connect ended in this window: the next one will be listed here"


PREFIX = "2001:db8:1234:5678:9abc:def0:1111:"


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("2001:db8:1::1", 15, "2001:db8:1::1  "),
        ("2001:db8:1:2:3:4:5:67", 15, "2001:db…:4:5:67"),
        ("2001:db8:1:2:3:4:5:67 api.internal", 15, "2001:db…:4:5:67"),
        ("2001:db8:1::1 api.internal", 17, "2001:db8:1::1 ap…"),
        ("2001:db8:1:2::/64", 12, "2001:d…::/64"),
        ("other destinations", 9, "other de…"),
        ("127.100.100.100", 10, "127.100.1…"),
        ("2001:db8:1::1", 3, "2…1"),
        ("2001:db8:1::1", 2, "2…"),
        ("2001:db8:1::1", 0, ""),
    ],
)
def test_an_address_of_ipv6_is_cut_in_its_middle(text, width, shown):
    """GIVEN less room than text WHEN it is an address of IPv6 THEN its end stays, and a name goes first."""
    assert fit_address(text, width) == shown


@pytest.mark.parametrize("pid", [None, 100])
async def test_neighbours_of_one_prefix_are_told_apart_at_eighty_cells(pid):
    """GIVEN long addresses that differ at their ends WHEN they are listed THEN each of the lines does."""
    flows = [flow("api", 100, f"{PREFIX}{group}") for group in ("aa01", "aa02")]
    async with Running(3, size=(80, 24), flows=flows, pid=pid) as run:
        cells = {line.split()[0].lstrip("▌") for line in text_of(run.screen.table)[1:3]}
        assert len(cells) == 2
        assert all("…" in cell and cell.endswith(("aa01", "aa02")) for cell in cells)
        if pid:
            connects = "\n".join(
                text.plain for text in run.screen.panes.query_one("Connects").render().split()
            )
            assert {end for end in ("aa01", "aa02") if f"{end} " in connects} == {"aa01", "aa02"}


@pytest.mark.parametrize(
    ("probe", "text", "not_said"),
    [
        ("fentry", "each outgoing TCP connect is listed here when it succeeds or fails;", "tracepoints"),
        ("tracepoint", "each outgoing TCP connect that sends a SYN is listed here", "connect is listed"),
        ("", "outgoing TCP connects are listed here when they succeed or fail;", "each"),
    ],
)
def test_the_empty_screen_promises_what_the_probes_see(probe, text, not_said):
    """GIVEN a probe set WHEN nothing connected yet THEN what will be listed is true of it."""
    view = make_view(snapshot(0, info=replace(INFO, probe=probe)), ViewSpec())
    said = no_row_text(view, "")
    assert text in said
    assert not_said not in said


def test_a_connect_of_an_hour_that_comes_twice_is_told_apart(monkeypatch):
    """GIVEN clocks put back WHEN it is 02:30 for the second time THEN a connect's time reads otherwise."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    first_s = 1_792_888_200  # 2026-10-25 00:30 UTC
    events = np.zeros(3, EVENT)
    events["end_ns"] = [(first_s + more_s) * SECOND_NS for more_s in (0, 3_600, 7_200)]
    connects = ConnectList(events, anatomy(events), 0, time.localtime)
    shown = [CONNECT_COLUMNS[0].text(connects, row) for row in range(3)]
    assert shown == ["02:30:00 +2", "02:30:00 +1", "03:30:00.000"]
    assert max(map(len, shown)) <= CONNECT_COLUMNS[0].width
