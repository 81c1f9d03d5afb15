"""Six screens as pictures: one for each size, in light, with 16 colours and without any.

They show what a terminal draws of the text and the styles of `test_screens.py`. `make goldens` accepts them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest
from stories import FAILING, SIZES
from support import feed, snapshot, still
from textual.pilot import Pilot

Run = Callable[[Pilot[str]], Awaitable[None]]


def after(keys: Sequence[str] = (), theme: str = "", **data: object) -> Run:
    """Return a function that shows a snapshot and presses keys."""

    async def run(pilot: Pilot[str]) -> None:
        if theme:
            pilot.app.theme = theme
        await feed(pilot, snapshot(**data))
        await pilot.press(*keys)
        await pilot.pause()

    return run


pytestmark = pytest.mark.xdist_group("screens")


@pytest.mark.parametrize("size", SIZES)
def test_size(snap_compare, size):
    assert snap_compare(still(), terminal_size=size, run_before=after(["down"] * 3))


def test_light(snap_compare):
    run = after(["3"], "textual-light", flows=FAILING)
    assert snap_compare(still(), terminal_size=(120, 36), run_before=run)


def test_sixteen_colours(snap_compare, monkeypatch):
    monkeypatch.setenv("COLORTERM", "")
    monkeypatch.setenv("TERM", "xterm")
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["3"], flows=FAILING))


def test_no_colour(snap_compare, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(still(), terminal_size=(120, 36), run_before=after(["3"], flows=FAILING))
