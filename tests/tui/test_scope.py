"""Every figure says what it is of: filters of the source and the view, and windows that are drawn in part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support import INFO, Running, flow, notes, snapshot, text_of

from tcpconntop.core.analysis.series import attempt_rates_hz
from tcpconntop.tui.panes.pane import Pane
from tcpconntop.tui.panes.panes import PaneTabs

FILTERED = replace(INFO, filters="-P 9 -4")


def summary(run: Running) -> str:
    return str(run.screen.summary.render())


def text(run: Running) -> str:
    """Return the table, the tabs and the visible panes as one line."""
    shown = [pane for pane in run.screen.query(Pane) if pane.display]
    widgets = [run.screen.query_one(PaneTabs), *shown]
    return " ".join(
        " ".join([*text_of(run.screen.table), *(str(widget.render()) for widget in widgets)]).split()
    )


async def test_the_filters_of_the_source_stand_in_the_first_line():
    for size in ((80, 24), (120, 36)):
        async with Running(size=size, info=FILTERED) as run:
            assert "  -P 9 -4  " in run.header()
            await run.press("slash", *"comm=nginx", "enter")
            assert "-P 9 -4  /comm=nginx" in run.header()


async def test_in_flight_of_everything_says_so_beside_filtered_figures():
    async with Running(size=(160, 36)) as run:
        assert "   in flight     0" in summary(run)
        await run.press("slash", *"comm=nginx", "enter")
        assert "all: in flight     0" in summary(run)


async def test_the_sparkline_is_of_what_the_filter_lets_through():
    flows = [flow("nginx", 7), flow("curl", 8, rate_hz=0.0)]
    async with Running(60, size=(120, 36), flows=flows) as run:
        assert "▅" in summary(run)
        await run.press("slash", *"comm=curl", "enter")
        assert not set(summary(run)) & set("▂▃▄▅▆▇█")


def test_the_rates_of_some_rows_are_theirs_alone():
    shown = snapshot(60, flows=(flow("nginx", 7), flow("curl", 8)))
    rows = [[number] for number in range(len(shown.window.keys))]
    parts = [attempt_rates_hz(shown, 10, rows=np.array(row)) for row in rows]
    np.testing.assert_allclose(np.sum(parts, axis=0), attempt_rates_hz(shown, 10))


async def test_an_empty_table_names_every_filter():
    async with Running(0, size=(120, 36), info=FILTERED, flows=[]) as run:
        assert "no connect that matches -P 9 -4 yet" in text(run)
    async with Running(size=(120, 36), info=FILTERED) as run:
        await run.press("slash", *"comm=nobody", "enter")
        assert "nothing matches the filter comm=nobody, of those that match -P 9 -4" in text(run)
        assert "no connect that matches -P 9 -4, comm=nobody in the window" in text(run)


async def test_a_filter_that_does_something_else_than_written_says_so():
    async with Running(size=(120, 36)) as run:
        await run.press("slash", *"comm=averyverylongprogramname", "enter")
        await run.pilot.pause()
        assert "averyverylongpr" in " ".join(notes(run.app))
