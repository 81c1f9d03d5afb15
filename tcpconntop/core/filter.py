"""The filter language of `/` and `--filter`: which keys and which rows to show.

A filter is a list of terms that must all hold; `!` before a term turns it round.

    nginx               text that stands in the address, the port, the process name or the pid
    comm=curl           a field (comm, pid, dport, daddr) that equals …, or with `~` contains …
    dest:10.0.0.0/8     a destination in a network
    p99>5ms  fail>1%    a figure of the row (any numeric column) with > >= < <= =
"""

from __future__ import annotations

import ipaddress
import operator
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tcpconntop.core.columns import COLUMNS
from tcpconntop.core.keys import Keys
from tcpconntop.core.wire import address_text, comm_text

Mask = npt.NDArray[np.bool_]
Figures = Mapping[str, npt.NDArray[np.float64]]

_FIGURES = {key: column for key, column in COLUMNS.items() if column.figure}
_UNITS = {"": 1.0, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "%": 0.01, "k": 1e3}
_COMPARE = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_TERM = re.compile(r"(?P<field>[a-z][a-z0-9]*)(?P<op>>=|<=|[=~:<>])(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|%|k)?")
_KEY_TEXT: dict[str, Callable[[np.void], str]] = {
    "comm": lambda key: comm_text(bytes(key["comm"])),
    "pid": lambda key: str(key["tgid"]),
    "dport": lambda key: str(key["dport"]),
    "daddr": lambda key: address_text(key["daddr"].tobytes(), int(key["family"])),
}


class FilterError(ValueError):
    """A filter that cannot be understood; the message says which term and why, in one line."""


@dataclass(frozen=True)
class KeyTerm:
    """A term about the key of a connect."""

    test: Callable[[np.void], bool]
    negated: bool = False


@dataclass(frozen=True)
class FigureTerm:
    """A term about a figure of a row."""

    figure: str
    compare: Callable[[npt.NDArray[np.float64], float], Mask]
    value: float
    negated: bool = False


@dataclass(frozen=True)
class Filter:
    """A parsed filter. The empty one lets everything pass.

    Attributes:
        text: what the user wrote.
        terms: all of them must hold.
    """

    text: str = ""
    terms: tuple[KeyTerm | FigureTerm, ...] = ()

    @property
    def needs_rows(self) -> bool:
        """Whether a term is about a figure of a row, which a single connect does not have."""
        return any(isinstance(term, FigureTerm) for term in self.terms)

    def match_keys(self, keys: Keys) -> Mask:
        """Say which keys satisfy the terms about keys, shape (n,)."""
        match = np.ones(len(keys), np.bool_)
        for term in self.terms:
            if isinstance(term, KeyTerm):
                tested = np.fromiter((term.test(key) for key in keys), np.bool_, len(keys))
                match &= tested != term.negated
        return match

    def match_figures(self, figures: Figures, n_rows: int) -> Mask:
        """Say which rows satisfy the terms about figures, shape (n_rows,)."""
        match = np.ones(n_rows, np.bool_)
        for term in self.terms:
            if isinstance(term, FigureTerm):
                match &= term.compare(figures[term.figure], term.value) != term.negated
        return match


def parse_filter(text: str) -> Filter:
    """Parse a filter.

    Raises:
        FilterError: a term cannot be understood.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise FilterError("a quote is not closed") from None
    return Filter(text.strip(), tuple(_parse_term(word) for word in words))


def _parse_term(word: str) -> KeyTerm | FigureTerm:
    negated, body = word.startswith("!"), word.removeprefix("!")
    if not body:
        raise FilterError("nothing stands after '!'")
    parts = _TERM.fullmatch(body)
    if parts is None:
        return KeyTerm(_contains(tuple(_KEY_TEXT.values()), body), negated)
    name, op, value = parts["field"], parts["op"], parts["value"]
    if (name in ("dest", "daddr") and op == ":") or (name == "daddr" and "/" in value):
        return KeyTerm(_inside(value), negated)
    if name in _FIGURES and op in _COMPARE:
        return FigureTerm(name, _COMPARE[op], _number(value, word), negated)
    if name in _KEY_TEXT and op in "=~":
        if not value:
            raise FilterError(f"nothing stands after {name}{op}")
        spell = _KEY_TEXT[name]
        return KeyTerm(_contains((spell,), value) if op == "~" else _equals(spell, value), negated)
    if name in _FIGURES or name in _KEY_TEXT:
        raise FilterError(f"'{name}' cannot be compared with '{op}'")
    if op == ":":  # an IPv6 address or an address:port that somebody types as it is shown
        return KeyTerm(_contains(tuple(_KEY_TEXT.values()), body), negated)
    names = ", ".join([*_KEY_TEXT, "dest", *_FIGURES])
    raise FilterError(f"no field is called '{name}'; there are: {names}")


def _contains(spells: tuple[Callable[[np.void], str], ...], wanted: str) -> Callable[[np.void], bool]:
    wanted = wanted.casefold()
    return lambda key: any(wanted in spell(key).casefold() for spell in spells)


def _equals(spell: Callable[[np.void], str], wanted: str) -> Callable[[np.void], bool]:
    return lambda key: spell(key) == wanted


def _inside(text: str) -> Callable[[np.void], bool]:
    try:
        networks = [ipaddress.ip_network(part, strict=False) for part in text.split(",")]
    except ValueError:
        raise FilterError(f"'{text}' is not an address or network such as 10.0.0.0/8") from None

    def test(key: np.void) -> bool:
        if key["special"]:
            return False
        address = ipaddress.ip_address(_KEY_TEXT["daddr"](key))
        return any(address in network for network in networks)

    return test


def _number(text: str, word: str) -> float:
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        raise FilterError(f"'{word}' needs a number such as 5ms, 1.5s, 1% or 200")
    return float(parts[1]) * _UNITS[parts[2] or ""]
