"""Text wrapped to a width and a number of lines, cut with an ellipsis."""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache

from rich.cells import cell_len

from tcpconntop.tui.text.lines import fit


def wrap(text: str, width: int, max_lines: int) -> list[str]:
    """Return at most `max_lines` lines, broken between words; a longer text ends with `…`."""
    lines = textwrap.wrap(text, max(width, 1), break_on_hyphens=False) or [""]
    if len(lines) > max_lines:
        lines = [*lines[: max_lines - 1], " ".join(lines[max_lines - 1 :])]
    return [line if cell_len(line) <= width else fit(line, width) for line in lines]


def wrap_paths(text: str, width: int) -> str:
    """Return a text in lines of at most `width` cells, where a longer word is broken after a `/` alone."""
    lines = [""]
    for word in text.split(" "):
        parts = [word] if cell_len(word) <= width else re.findall("[^/]*/|[^/]+", word)
        for n, part in enumerate(parts):
            gap = " " if n == 0 and lines[-1] else ""
            if not lines[-1] or cell_len(lines[-1] + gap + part) <= width:
                lines[-1] += gap + part
            else:
                lines.append(part)
    return "\n".join(lines)


@lru_cache(8)
def wrap_again(text: str, width: int, max_lines: int) -> list[str]:
    """Return `wrap` of what each line of an empty table asks for anew; not to be changed."""
    return wrap(text, width, max_lines)
