"""The words of a filter, with their places: quotes as a shell reads them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""", re.DOTALL)


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which term and why, in one line.

    Attributes:
        start, end: where in the text the wrong word stands.
    """

    def __init__(self, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.start, self.end = start, end


@dataclass(frozen=True)
class Word:
    """A word: its text without quotes, and where it stands."""

    text: str
    start: int
    end: int


def split_words(text: str) -> list[Word]:
    """Cut a text into words.

    Raises:
        FilterError: a quote is not closed, or nothing follows a backslash.
    """
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        hit = _WORD.match(text, at)
        end = hit.end() if hit else at
        if end < len(text) and not text[end].isspace():
            what = "nothing follows the last \\" if text[end] == "\\" else "a quote is not closed"
            raise FilterError(what, end, len(text))
        found.append(Word("".join(shlex.split(text[at:end])), at, end))
        at = end
    return found
