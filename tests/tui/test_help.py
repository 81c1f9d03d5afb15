"""What the help looks like where lines are short."""

from __future__ import annotations

import pytest
from support import INFO, Running, text_of

from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.tui.actions import ACTIONS
from tcpconntop.tui.screens.help import NAME_WIDTH, HelpText

NOTES = SourceInfo("db-07", "6.12.0", "tracepoint", "ring", "live", ("a note of this source " * 9,))


async def page(size):
    async with Running(size=size, info=NOTES) as run:
        await run.press("question_mark")
        return text_of(run.screen.query_one(HelpText))


@pytest.mark.parametrize("width", [80, *(pytest.param(width, marks=pytest.mark.long) for width in (60, 120))])
async def test_a_text_goes_on_below_its_own_beginning(width):
    """GIVEN a text longer than a line WHEN it goes on THEN it does not begin below its name."""
    lines = await page((width, 30))
    where = {len(line) - len(line.lstrip()) for line in lines if line.strip()}
    assert where == {0, 2, NAME_WIDTH}


@pytest.mark.parametrize(
    "width", [20, 80, *(pytest.param(width, marks=pytest.mark.long) for width in (40, 60))]
)
async def test_nothing_of_the_help_is_cut(width):
    """GIVEN a narrow terminal WHEN the help is drawn THEN every word of it is there."""
    whole = " ".join(" ".join(await page((width, 30))).split())
    assert all(action.help in whole for action in ACTIONS)
    assert " ".join(NOTES.notes[0].split()) in whole
    assert INFO.notes == ()
