"""What the command line chose stays on: `/` filters within it, `esc` clears `/` alone, and `S` leaves it."""

from __future__ import annotations

from support import feed, notes, snapshot, still, text_of
from textual.widgets import Input

from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.tui.state import DashboardState

SCOPE = "dest:10.2.0.0/16"


def header(app):
    return " ".join(str(app.screen.header.render()).split())


def test_leaving_the_scope_and_going_back_are_changes_of_the_state():
    state = DashboardState("1m", 1.0, scope=parse_filter(SCOPE))
    left = state.toggle_scope("S")
    assert (state.scope_filter.text, left.state.scope_filter.text) == (SCOPE, "")
    assert left.note == f"not only {SCOPE}; S: back"
    back = left.state.toggle_scope("S")
    assert (back.state.scope_filter, back.note) == (state.scope, f"only {SCOPE} again")
    nothing = DashboardState("1m", 1.0)
    assert nothing.toggle_scope("S").state is nothing
    assert nothing.toggle_scope("S").note.startswith("this is everything")


async def test_a_filter_is_within_the_scope_and_esc_clears_that_filter_alone():
    """GIVEN --dest WHEN a filter is typed and cleared THEN the scope stays on."""
    app = still(ViewSpec(where=parse_filter(SCOPE)))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await feed(pilot, snapshot(5))
        of_scope = len(app.screen.view)
        assert 1 < of_scope < 9
        assert f" {SCOPE} " in header(app)
        await pilot.press("slash")
        assert app.screen.query_one(Input).placeholder == f"filter within {SCOPE}"
        hint = text_of(app.screen.filter_bar.query("Static").last())[0]
        assert hint.strip().startswith(f"narrows {SCOPE} · tab completes")
        await pilot.press(*"10.", "enter")
        assert len(app.screen.view) == of_scope
        assert app.screen.view.spec.where.text == f"{SCOPE} 10."
        assert f" {SCOPE} /10. " in header(app)
        view = app.screen.view
        app.screen.update_widgets()
        assert app.screen.view is view  # the filters are the same: nothing is made again
        await pilot.press("slash", *"nobody", "enter")
        await pilot.pause()
        text = " ".join(" ".join(text_of(app.screen.table)).split())
        assert f"nothing matches the filter nobody, of those that match {SCOPE}: esc clears it" in text
        for _ in range(3):
            await pilot.press("escape")
            await pilot.pause()
            assert len(app.screen.view) == of_scope
            assert f" {SCOPE} " in header(app)
        assert notes(app) == [f"S leaves {SCOPE} and shows everything"]
        assert app.ui_choices().filters == ("10.", "nobody")


async def test_the_scope_can_be_left_and_taken_again_on_every_screen():
    app = still(ViewSpec(where=parse_filter("comm=nginx")))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(5))
        of_scope = len(app.screen.view)
        await pilot.press("S")
        await pilot.pause()
        assert len(app.screen.view) > of_scope
        assert "comm=nginx" not in header(app)
        assert notes(app) == ["not only comm=nginx; S: back"]
        await pilot.press("S", "enter")
        await pilot.pause()
        assert " comm=nginx " in header(app)
        assert app.screen.view.spec.where.text.startswith("pid=")
        assert app.screen.view.spec.where.text.endswith(" comm=nginx")
        view = app.screen.view
        app.screen.update_widgets()
        assert app.screen.view is view
