"""Text in lines of a width, cut with an ellipsis where there are too few."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len

from tcpconntop.tui.text.lines import fit


def wrap(text: str, width: int, most: int) -> list[str]:
    """Break text between words into at most `most` lines; the last one is cut with `…` where it must be."""
    lines = textwrap.wrap(text, max(width, 1), break_on_hyphens=False) or [""]
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [line if cell_len(line) <= width else fit(line, width) for line in lines]
