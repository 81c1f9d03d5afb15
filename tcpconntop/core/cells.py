"""How many columns of a terminal a text takes: the output without the dashboard imports no library for it."""

from __future__ import annotations

import unicodedata


def cell_width(text: str) -> int:
    """Return the columns of a printable text: a wide character has 2, a combining one 0 (Unicode UAX 11)."""
    return len(text) if text.isascii() else sum(map(_width, text))


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with spaces behind it, or with `right` before it: it takes `width` columns at least."""
    spaces = " " * (width - cell_width(text))
    return spaces + text if right else text + spaces


def fit(text: str, width: int) -> str:
    """Return a text that takes exactly `width` columns; what does not fit is cut off."""
    while cell_width(text) > width:
        text = text[:-1]
    return pad(text, width)


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
