"""The scroll bar: a line over the full height, on which whole cells show where the view is."""

from __future__ import annotations

import pytest

from tcpconntop.tui.text.scroll_bar import LineScrollBar


@pytest.mark.parametrize(
    ("position", "seen"), [(0, "██││││││││"), (33, "│││██│││││"), (37, "│││██│││││"), (80, "││││││││██")]
)
def test_the_bar_has_whole_cells_alone(position, seen):
    bar = LineScrollBar.render_bar(size=10, virtual_size=100, window_size=20, position=position)
    assert "".join(cell.text for cell in bar.segments) == seen
    grabbed = [cell.text for cell in bar.segments if cell.style.meta.get("@mouse.down") == "grab"]
    assert grabbed == ["█"] * seen.count("█")
