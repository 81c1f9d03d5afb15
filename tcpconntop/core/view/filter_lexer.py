"""Splits the text of a filter into words with their positions; quotes work as in a shell."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", re.DOTALL)


class FilterError(ValueError):
    """A filter is invalid; the message names the term and the reason in one line.

    Attributes:
        start, end: position of the invalid word in the text.
    """

    def __init__(self, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.start, self.end = start, end


@dataclass(frozen=True)
class Word:
    """A word: its text without quotes, and its position."""

    text: str
    start: int
    end: int


def split_words(text: str) -> list[Word]:
    """Split a text into words.

    Raises:
        FilterError: a quote is not closed, or nothing follows a backslash.
    """
    result, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        match = _WORD.match(text, position)
        end = match.end() if match else position
        if end < len(text) and not text[end].isspace():
            reason = "nothing follows the last \\" if text[end] == "\\" else "a quote is not closed"
            raise FilterError(reason, end, len(text))
        result.append(Word("".join(shlex.split(text[position:end])), position, end))
        position = end
    return result
