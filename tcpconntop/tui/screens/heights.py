"""Which parts of a screen have room in a terminal, and how many lines the panes get. Pure."""

from __future__ import annotations

NO_PANES_BELOW, NO_SUMMARY_BELOW, NO_HEALTH_BELOW, NO_FOOTER_BELOW = 16, 10, 8, 6
"""Terminal heights below which a part is hidden to make room for the table."""

_LINES_OF_BARS, _MIN_TABLE_LINES = 4, 8
"""Lines of header, health, summary and footer; and those that a table has at least in a big terminal."""


def pane_lines(height: int, table_lines: int | None) -> int:
    """Return the lines of the panes and their title.

    Args:
        height: lines of the terminal.
        table_lines: what the table of a big terminal takes; the panes have what it leaves. None elsewhere.
    """
    least = 1 + max(4, min((height - 5) * 2 // 5, height - 12))
    return least if table_lines is None else max(least, height - _LINES_OF_BARS - table_lines)


def table_lines(n_lines: int) -> int:
    """Return the lines for a table of so many: a multiple of four, so that few rows move the panes."""
    return max(_MIN_TABLE_LINES, -(-(n_lines + 3) // 4) * 4)
