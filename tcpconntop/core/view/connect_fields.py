"""Fields of the filter language that single connects have, and rows do not: how a connect ended. Pure."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from tcpconntop.core.lazy import np
from tcpconntop.core.view.filter_lexer import FilterError
from tcpconntop.core.wire import Outcome

if TYPE_CHECKING:
    from tcpconntop.core.types import Mask
    from tcpconntop.core.wire import Events

ConnectTest: TypeAlias = "Callable[[Events], Mask]"
"""Tests n records; returns a mask of shape (n,)."""

MAX_ERRNO = 4095


def connect_test(name: str, op: str, value: str) -> ConnectTest:
    """Return the test of a term such as `result=refused,timeout` or `errno=EHOSTUNREACH`.

    Raises:
        FilterError: the field cannot be compared so, or has no such value.
    """
    if op != "=":
        raise FilterError(f"'{name}' cannot be compared with '{op}'")
    member, parse = CONNECT_FIELDS[name]
    wanted = [parse(part) for part in value.split(",")]
    return lambda events: np.isin(events[member], wanted)


def _parse_result(text: str) -> int:
    labels = {outcome.label: int(outcome) for outcome in Outcome}
    if text not in labels:
        raise FilterError(f"no result is called '{text}'; there are: {', '.join(labels)}")
    return labels[text]


def _parse_errno(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= MAX_ERRNO:
        return int(text)
    numbers = {name: number for number, name in errno.errorcode.items()}
    if text.upper() not in numbers:
        raise FilterError(f"no errno is called '{text}'; ECONNREFUSED and 111 are ones, 0 is none")
    return numbers[text.upper()]


CONNECT_FIELDS: dict[str, tuple[str, Callable[[str], int]]] = {
    "result": ("outcome", _parse_result),
    "errno": ("error", _parse_errno),
}
"""The member of a record, and what makes its value from text, by name of the field."""
