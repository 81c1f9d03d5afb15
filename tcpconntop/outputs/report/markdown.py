"""Text from outside in Markdown: it is shown as it is, and never becomes structure, a link or a mention.

A character that could mean something becomes a numeric character reference, which CommonMark (0.31, 2.5)
never takes for structure. Text never begins a line here, so what means something only there (`-`, `1.`) is
left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tcpconntop.core.format import printable

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&$#!{}]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=www)\.", re.I)


def text(words: str) -> str:
    """Return text from outside for a line, a heading or a cell of a table."""
    escaped = _SPECIAL.sub(lambda sign: f"&#{ord(sign[0])};", printable(words))
    # An empty comment divides the text: else a server would mention a user, or link an address of mail.
    return escaped.replace("@", "&#64;<!-- -->")


def fenced(lines: str) -> str:
    """Return lines as a block of code; its fence is longer than any in it."""
    longest = max(map(len, re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{lines}\n{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """Return a table; its cells are text from outside, and numeric columns are right-aligned."""
    lines = [
        "| " + " | ".join(map(text, header)) + " |",
        "|" + "|".join("---:" if right else "---" for right in numeric) + "|",
        *("| " + " | ".join(map(text, row)) + " |" for row in rows),
    ]
    return "\n".join(lines)
