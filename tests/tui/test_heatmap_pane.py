"""The heatmap pane: axes, legend, colours and shade characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support import feed, flow, snapshot, still
from test_panes import FAILING, shown


async def test_the_heatmap_has_axes_a_legend_and_a_line_of_failures():
    lines = await shown("3")
    assert len(lines) == 12
    labels = [line[:7].strip() for line in lines]
    assert (labels[-2], labels[-1]) == ("failed", "")
    assert {"100µs", "10µs"} <= set(labels)
    at = [line for line, label in enumerate(labels[:-2]) if label]
    assert len({later - earlier for earlier, later in pairwise(at)}) == 1
    assert "-1m" in lines[-1]
    assert "now" in lines[-1]
    assert "connects / 1s" in lines[0]
    assert any(line.endswith("██ 1") for line in map(str.rstrip, lines))
    assert lines[-2].rstrip()[-6:].startswith("max ")


async def test_a_young_window_fills_the_heatmap_from_the_right():
    lines = await shown("3")
    cells = [line[8:104] for line in lines[:-1]]
    assert not any(line[:60].strip() for line in cells)
    assert any(line[70:].strip() for line in cells)


async def test_latencies_and_failures_have_their_own_lines():
    slow = [flow("a", rate_hz=30, median_us=20_000, sigma=0.05)]
    lines = await shown("3", slow)
    filled = [at for at, line in enumerate(lines[:-2]) if line[8:104].strip()]
    assert len(filled) == 1
    assert lines[filled[0]][8:104].strip("█▀▄ ") == ""
    assert not lines[-2][8:].strip()
    failing = await shown("3", [flow("a", failure_share=1.0)])
    assert not any(line[8:104].strip() for line in failing[:-2])
    assert failing[-2][8:104].strip()


async def test_the_heatmap_follows_the_selected_row():
    flows = [flow("a", 1, "10.0.0.1", rate_hz=90), flow("b", 2, "10.0.0.2", median_us=90_000, rate_hz=9)]
    whole, row = await shown("3", flows), await shown("3", flows, keys=["home"])
    assert {line[:7].strip() for line in whole} >= {"100µs", "10ms"}
    assert "100ms" in {line[:7].strip() for line in row}
    assert "100µs" not in {line[:7].strip() for line in row}


async def test_without_colours_shade_characters_tell_the_counts(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    lines = await shown("3", [flow("a", rate_hz=300), flow("b", failure_share=1.0)])
    drawn = "".join(line[8:104] for line in lines[:-1])
    assert set(drawn) <= set(" ░▒▓█")
    assert {"░", "█"} < set(drawn)


@pytest.mark.parametrize(("term", "colorterm", "shades"), [
    ("xterm", "", True), ("linux", "", True), ("xterm-256color", "", False), ("xterm", "truecolor", False),
])  # fmt: skip
async def test_sixteen_colours_are_not_enough_for_half_blocks(monkeypatch, term, colorterm, shades):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLORTERM", colorterm)
    drawn = "".join(line[8:104] for line in (await shown("3"))[:-1])
    assert bool(set(drawn) & set("░▒▓")) is shades
    assert bool(set(drawn) & set("▀▄")) is not shades


async def test_no_color_means_none_at_all(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, snapshot(20, FAILING))
        await pilot.press("home")
        for key in "1234":
            await pilot.press(key)
            await pilot.pause()
            for widget in app.screen.query("Table, Line"):
                for y in range(widget.size.height if widget.display else 0):
                    strip = widget.render_line(y).apply_filter(
                        app.get_line_filters()[-1], widget.background_colors[1]
                    )
                    styles = [segment.style for segment in strip if segment.style]
                    assert all(style.color is None or style.color.is_default for style in styles)
                    assert all(style.bgcolor is None or style.bgcolor.is_default for style in styles)
        row = app.screen.table.render_line(1)
        assert any(segment.style.reverse for segment in row if segment.style)  # the selection is seen
