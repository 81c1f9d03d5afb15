"""Completions for the last word of a filter. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.key_fields import ALIASES, FILTERABLE
from tcpconntop.core.view.metrics import METRICS

if TYPE_CHECKING:
    from tcpconntop.core.window import stats as st
    from tcpconntop.core.window.snapshot import Snapshot
else:
    st = lazy("tcpconntop.core.window.stats")

MAX_VALUES = 50
"""How many values of a field are offered, the busiest first."""

_TERM = re.compile(r"(?P<field>[a-z]+)(?P<op>[=~:])(?P<start>.*)", re.DOTALL)
_NEEDS_QUOTES = set(" '\"\\")
"""Values with one of these characters are not offered: they would have to be quoted."""

_STARTS = (*(f"{name}=" for name in FILTERABLE), "dest:", *(f"{name}>" for name in METRICS))


def completions(text: str, values: Callable[[str], Sequence[str]]) -> list[str]:
    """Return the texts that the last word of a text can be completed to, the most likely first.

    Args:
        text: the filter up to the cursor.
        values: returns the known values of a field by its name.
    """
    word = "" if not text or text[-1].isspace() else text.split()[-1]
    before = text[: len(text) - len(word)]
    if word.startswith("!"):
        before, word = f"{before}!", word[1:]
    parts = _TERM.fullmatch(word)
    if parts is None:
        return [before + start for start in _STARTS if word and start.startswith(word) and start != word]
    field = ALIASES.get(parts["field"], parts["field"])
    if field not in FILTERABLE:
        return []
    start, typed = before + parts["field"] + parts["op"], parts["start"]
    known = [value for value in values(field) if value.casefold().startswith(typed.casefold())]
    return [start + value for value in known if _needs_no_quotes(value) and value != typed]


def _needs_no_quotes(value: str) -> bool:
    return bool(value) and value.isprintable() and not set(value) & _NEEDS_QUOTES


def values_in_window(snapshot: Snapshot, field: str) -> list[str]:
    """Return the values of a field in the window, the busiest first; at most `MAX_VALUES`."""
    window = snapshot.window
    is_key = window.keys["special"] == 0
    ended = st.attempt_counts(window.stats)[is_key].tolist()
    texts = FILTERABLE[field].texts(window.keys[is_key], snapshot.names)
    attempts: Counter[str] = Counter()
    for text, count in zip(texts, ended, strict=True):
        attempts[text] += count
    return [text for text, count in attempts.most_common(MAX_VALUES) if count]
