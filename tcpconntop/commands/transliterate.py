r"""Text for people on a terminal that cannot show all of our signs: other signs, and never another meaning.

`49.4 µs` becomes `49.4 us`, not `49.4 s`. What has no such form becomes an escape, such as `\u4e2d`.
"""

from __future__ import annotations

import codecs

TRANSLITERATE = "tcpconntop.transliterate"
"""Name of the error handler."""

SIGNS = {
    "µ": "u", "×": "x", "…": "...", "·": "?", "±": "+/-", "Δ": "d", "≤": "<=", "≥": ">=", "≈": "~",
    "–": "-", "—": "-", "→": "->", "←": "<-", "↑": "up", "↓": "down", "▲": "^",
    "▼": "v", "▶": ">", "■": "#", "●": "*",
    "─": "-", "│": "|", "┬": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+", "├": "+", "┤": "+",
    "┴": "+", "┼": "+",
    "“": '"', "”": '"', "‘": "'", "’": "'",
    "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7",
    "⁸": "^8", "⁹": "^9",
    "⁻": "^-",
    # A sparkline: the height in eighths.
    "▁": "1", "▂": "2", "▃": "3", "▄": "4", "▅": "5", "▆": "6", "▇": "7", "█": "8",
}  # fmt: skip


def transliterate(error: UnicodeError) -> tuple[str, int]:
    """Return what to write instead of the characters that cannot be encoded, and where to go on.

    Raises:
        UnicodeError: the error is not one of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_substitute, error.object[error.start : error.end])), error.end


def _substitute(char: str) -> str:
    if char in SIGNS:
        return SIGNS[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no character: see os.fsdecode
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


codecs.register_error(TRANSLITERATE, transliterate)
