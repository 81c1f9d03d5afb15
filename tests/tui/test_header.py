"""What the header leaves out first where there is little room."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support import INFO, Running, flow

LONG = "dest:10.0.0.0/8 !dport=443 comm~nginx p99>5us"


async def test_what_is_shown_stays_longer_than_the_name_of_the_program():
    """GIVEN a low and narrow terminal WHEN the header is drawn THEN grouping, window and order are there."""
    async with Running(size=(40, 12)) as run:
        assert run.header().split() == ["by", "destination", "·", "1m", "·", "trouble▼", "●", "live"]
        assert run.header().startswith(" by")


async def test_a_moment_of_the_past_leaves_room_for_what_is_shown_of_it():
    """GIVEN 80 cells WHEN an older moment is looked at THEN its time stands beside grouping and order."""
    async with Running(30, size=(80, 24)) as run:
        await run.press("comma", "comma", "comma")
        assert "by destination · 1m · trouble▼" in run.header()
        assert re.search(r"‖ paused 0s · 10:00:2\d, \ds ago", run.header())


async def test_a_filter_is_cut_and_never_left_out():
    """GIVEN a filter longer than its room WHEN the header is drawn THEN its beginning and an … are there."""
    async with Running(size=(40, 12), flows=[flow("nginx", 7)]) as run:
        await run.press("slash", *LONG, "enter")
        for size in ((40, 12), (80, 24), (120, 36)):
            await run.pilot.resize_terminal(*size)
            await run.pilot.pause()
            shown = next(word for word in run.header().split("  ") if word.strip().startswith("/")).strip()
            assert shown.endswith("…")
            assert f"/{LONG}".startswith(shown[:-1])
            assert len(shown) >= 10
            assert "● live" in run.header()


async def test_a_filter_with_room_is_whole():
    """GIVEN a short filter WHEN the header is drawn THEN nothing of it is cut."""
    async with Running(size=(80, 24)) as run:
        await run.press("slash", *"comm=nginx", "enter")
        assert "  /comm=nginx  " in run.header()


async def test_where_nothing_fits_as_a_whole_the_grouping_is_cut():
    """GIVEN a narrow terminal WHEN grouping, window and order are too long THEN they have an ellipsis."""
    async with Running(size=(40, 12)) as run:
        await run.press("g", "g")
        assert run.header() == " by process and destination · …  ● live "


@pytest.mark.parametrize(("keys", "more"), [("P", "by destination · 1m · p99▼"), ("gg", "by process and ")])
async def test_a_mark_has_its_sign_where_its_time_has_no_room(keys, more):
    """GIVEN a narrow terminal WHEN a moment is marked THEN the header has a sign of it, and none before."""
    async with Running(size=(40, 12)) as run:
        await run.press(*keys)
        assert "Δ" not in run.header()
        await run.press("m")
        assert run.header().endswith("  Δ  ● live ")
        assert run.header().startswith(f" {more}")
        await run.press("m")
        assert "Δ" not in run.header()


async def test_a_mark_with_room_has_its_time_and_no_second_sign():
    """GIVEN 120 cells WHEN a moment is marked THEN its time is in the header, once."""
    async with Running() as run:
        await run.press("m")
        assert re.search(r"Δ since \d\d:\d\d:\d\d", run.header())
        assert run.header().count("Δ") == 1


async def test_limits_and_zone_are_in_plain_words_where_there_is_room():
    """GIVEN a source with a note WHEN the header is drawn THEN it says a limit, and where to read it."""
    info = replace(INFO, notes=("one",))
    async with Running(size=(120, 36), info=info) as run:
        assert "⚠ 1 limit, see ?" in run.header()
        await run.press("comma", "comma")
        assert re.search(r"· 10:00:0\d UTC, \ds ago", run.header())
        await run.pilot.resize_terminal(80, 24)
        await run.press("comma")
        assert re.search(r"· 10:00:0\d, \ds ago", run.header())
        await run.press("dollar_sign")
        assert "⚠ 1: see ?" in run.header()
