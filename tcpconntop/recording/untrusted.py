"""Parsers of what a recording holds, for files of strangers: each value is checked, each size has a bound.

All of them raise ValueError (`RecursionError` never), which a reader counts as damage.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tcpconntop.core.format import printable

MAX_JSON_BYTES = 8 << 20
"""Upper bound of the JSON in a frame. A second of records needs some kB, 65,536 names of units 5 MB."""

MAX_HEADER_BYTES = 1 << 20
"""Upper bound of a file header."""

MAX_RATIO, MAX_JSON_RATIO = 64, 16
"""How many times larger than stored a payload may be, and the JSON in it. Equal connects make 21, JSON 4."""

MAX_READS = 1_000
"""How many reads a block is split into: consecutive ones of a block with more are played as one."""

MAX_UNIT_NAME = 4_096
"""The longest name of a unit, in characters: no path is longer (PATH_MAX)."""

MAX_PLACES, MAX_PLACE_NAME = 1 << 16, 255
"""How many names of interfaces and network namespaces are taken, and how long they may be (NAME_MAX)."""

_MAX_COUNT = 1 << 63
_MAX_FIELDS = 256
_KIND = re.compile(r"[<|=]?[uifSV]\d{1,4}")


def place_name(value: object) -> str:
    """Return the name of an interface or a network namespace, without control characters.

    Raises:
        ValueError: it is no text, or too long.
    """
    if not isinstance(value, str) or len(value) > MAX_PLACE_NAME:
        raise ValueError("a name of an interface or a namespace is no name")
    return printable(value)


def parse_json(data: bytes, limit: int = MAX_JSON_BYTES) -> Any:
    """Return the value of a JSON text. NaN, infinite numbers and deep nesting are errors.

    Raises:
        ValueError: it is not valid, or longer than `limit` bytes.
    """
    if len(data) > limit:
        raise ValueError(f"it has {len(data)} bytes of JSON")
    try:
        return json.loads(data, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def integer(value: Any) -> int:
    """Return a whole number, positive or negative, below 2^63.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not -_MAX_COUNT < value < _MAX_COUNT:
        raise ValueError("a number is not whole, or out of range")
    return value


def count(value: Any) -> int:
    """Return a whole number from 0 to 2^63 - 1.

    Raises:
        ValueError: it is something else.
    """
    if integer(value) < 0:
        raise ValueError("a count is negative")
    return int(value)


def share(value: Any) -> float | None:
    """Return a number from 0 to 1, or None.

    Raises:
        ValueError: it is something else.
    """
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError("a share is not from 0 to 1")
    return float(value)


def unit_names(document: Mapping[str, Any]) -> dict[int, str | None]:
    """Return the names of units by ID of their control group. Lone surrogates become `?`.

    Raises:
        ValueError: an ID is not a number, or a name is not a text of a possible length.
    """
    names: dict[int, str | None] = {}
    for group, name in document.items():
        if not group.isdecimal() or len(group) > 20:
            raise ValueError("the ID of a control group is not a number")
        if name is not None and (not isinstance(name, str) or len(name) > MAX_UNIT_NAME):
            raise ValueError("the name of a unit is no text, or too long")
        names[int(group)] = name and name.encode("utf-8", "replace").decode()
    return names


def recorded_reads(document: Sequence[Any], now_ns: int) -> tuple[tuple[int, int], ...]:
    """Return (number of records, clock after the read in ns) of each read with records, at most `MAX_READS`.

    Args:
        document: pairs of the number of records and the age of the read at `now_ns`.
        now_ns: the clock at the end of the block.
    """
    reads = [(count(n), now_ns - count(age_ns)) for n, age_ns in document]
    reads = [read for read in reads if read[0]]
    step = -(-len(reads) // MAX_READS) or 1
    if step == 1:
        return tuple(reads)
    parts = (reads[start : start + step] for start in range(0, len(reads), step))
    return tuple((sum(n for n, _ in part), part[-1][1]) for part in parts)


def record_dtype(document: Mapping[str, Any]) -> np.dtype[np.void]:
    """Return the layout of records that a file header describes: plain fields without padding.

    Raises:
        ValueError: it is none.
    """
    fields = document["fields"]
    if len(fields) > _MAX_FIELDS:
        raise ValueError("its records have an incompatible layout: too many fields")
    for name, kind in fields:
        if not isinstance(name, str) or not isinstance(kind, str) or not _KIND.fullmatch(kind):
            raise ValueError("its records have an incompatible layout")
    return np.dtype([(name, kind) for name, kind in fields])
