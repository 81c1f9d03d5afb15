"""How a word of a filter could go on. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from tcpconntop.core.view.filter import FIELDS, METRICS, field_texts
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.snapshot import Snapshot

MAX_VALUES = 50
"""How many values of a field are offered: the busiest."""

_VALUE = re.compile(r"(?P<field>[a-z]+)(?P<op>[=~:])(?P<begun>.*)", re.DOTALL)
_SPECIAL = " '\"\\"
"""What would have to be quoted: such values are not offered."""

_STARTS = (*(f"{name}=" for name in FIELDS), "dest:", *(f"{name}>" for name in METRICS))


def completions(text: str, values: Callable[[str], Sequence[str]]) -> list[str]:
    """Give the texts that the last word of a text could be completed to, the likeliest first.

    Args:
        text: the filter up to the cursor.
        values: gives the known values of a field.
    """
    word = "" if not text or text[-1].isspace() else text.split()[-1]
    before = text[: len(text) - len(word)]
    if word.startswith("!"):
        before, word = f"{before}!", word[1:]
    parts = _VALUE.fullmatch(word)
    if parts is None:
        return [before + start for start in _STARTS if word and start.startswith(word) and start != word]
    field = {"dest": "daddr"}.get(parts["field"], parts["field"])
    begun = parts["begun"].casefold()
    if field not in FIELDS:
        return []
    head = before + parts["field"] + parts["op"]
    known = [value for value in values(field) if value.casefold().startswith(begun)]
    return [head + value for value in known if _plain(value) and value != parts["begun"]]


def _plain(value: str) -> bool:
    return bool(value) and value.isprintable() and not set(value) & set(_SPECIAL)


def values_in_window(snapshot: Snapshot, field: str) -> list[str]:
    """Give the values of a field in the window, the busiest first."""
    window = snapshot.window
    keys = window.keys[window.keys["special"] == 0]
    ended = st.attempt_counts(window.stats)[window.keys["special"] == 0]
    seen: Counter[str] = Counter()
    for value, attempts in zip(field_texts(field, keys, snapshot.units), ended.tolist(), strict=True):
        seen[value] += attempts
    return [value for value, attempts in seen.most_common(MAX_VALUES) if attempts]
