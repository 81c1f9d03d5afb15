"""What the help looks like where lines are short."""

from __future__ import annotations

import pytest
from support import INFO, Running, text_of

from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Outcome
from tcpconntop.tui.actions import ACTIONS, KeyBindings
from tcpconntop.tui.panes.registry import PANES
from tcpconntop.tui.screens.help import NAME_WIDTH, HelpText
from tcpconntop.tui.screens.help_text import help_sections

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


async def test_a_name_and_its_text_never_touch_and_no_name_is_cut():
    """GIVEN names longer than their column WHEN shown THEN they go on below, and a gap is left."""
    lines = await page((80, 30))
    beside = lines[: next(n for n, line in enumerate(lines) if line.startswith("⚠"))]  # notes have no names
    assert not [line for line in beside if line.startswith("  ") and line.ljust(80)[NAME_WIDTH - 1] != " "]
    text = "\n".join(lines)
    assert "  Δ since         every row is compared with that moment" in text
    assert "\n  10:03:12 " in text


@pytest.mark.parametrize(
    "width", [20, 80, *(pytest.param(width, marks=pytest.mark.long) for width in (40, 60))]
)
async def test_nothing_of_the_help_is_cut(width):
    """GIVEN a narrow terminal WHEN the help is drawn THEN every word of it is there."""
    whole = " ".join(" ".join(await page((width, 30))).split())
    assert all(action.help in whole for action in ACTIONS)
    assert " ".join(NOTES.notes[0].split()) in whole
    assert INFO.notes == ()


def pages(info=NOTES, words=()):
    """Return the titles and entries of the help that have some words."""
    found = [section.matching(words) for section in help_sections(info, KeyBindings())]
    return {section.title: section.entries for section in found if section.entries}


def test_it_begins_with_the_limits_and_then_questions():
    """GIVEN a source with notes WHEN the help is made THEN its limits come first: the header points there."""
    titles = list(pages())
    begins = ["⚠ Limits", "Find", "Compare", "Go back", "Why"]
    assert [title.partition(":")[0] for title in titles[:5]] == begins
    assert next(iter(pages(INFO))).startswith("Find")
    assert {"Outcomes", "Words around the table", "Mouse and palette", "Filters"} <= set(titles)


def test_every_outcome_and_every_pane_is_explained():
    names = {name for name, _ in pages()["Outcomes"]}
    assert {outcome.label for outcome in Outcome} <= names
    why = " ".join(text for _, text in pages()["Why: where did the time go, and what failed?"])
    assert all(f"{pane}:" in why for pane in PANES)


def test_a_search_finds_what_has_every_word_whatever_its_case():
    """GIVEN words WHEN they are looked for THEN each entry found has all of them, in title, name or text."""
    found = pages(words=["SYN", "outcomes"])
    assert list(found) == ["Outcomes"]
    assert [name for name, _ in found["Outcomes"]] == ["timeout"]
    assert pages(words=["zzz"]) == {}


async def test_a_slash_searches_and_esc_shows_all_again():
    """GIVEN the help WHEN / and a word are typed THEN only that is shown; esc shows all, then goes back."""
    async with Running(size=(100, 30), info=NOTES) as run:
        await run.press("question_mark", "slash", *"heatmap")
        text = run.screen.query_one(HelpText)
        shown = " ".join(text_of(text))
        assert "Heatmap: all latencies over time" in shown
        assert "Quit" not in shown
        await run.press(*" qq")
        assert text_of(text)[0].strip() == "nothing here has heatmap qq"
        await run.press("escape")
        assert "Quit and remove the probes." in " ".join(text_of(text))
        await run.press("escape")
        assert not run.screen.query(HelpText)
