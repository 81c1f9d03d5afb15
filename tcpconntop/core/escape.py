"""Text from outside in outputs: no control character reaches a terminal, no formula a spreadsheet.

For text that people read, see `format.printable`. Programs that read JSON get every character back.
"""

from __future__ import annotations

import json
from typing import Any

from tcpconntop.core.format import printable

_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def json_line(document: dict[str, Any]) -> str:
    """Format a document as one line of JSON.

    What is not printable is escaped: C0 and C1 controls, marks that change the direction of text, line and
    paragraph separators, lone surrogates.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    r"""Return a character as `\uXXXX`; two of them beyond U+FFFF. Outside of strings, JSON has only ASCII."""
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def csv_cell(value: Any) -> Any:
    """Return a value for a cell of CSV.

    Control characters of a text become `·`, so that it cannot break a line. If it begins like a formula of a
    spreadsheet, an apostrophe precedes it.
    """
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    text = printable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
