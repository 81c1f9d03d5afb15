"""The filter language of `/` and `--filter`: which keys and which rows to show.

A filter is a list of terms that must all hold; `!` before a term turns it round.

    nginx               text that stands in the address, the port, the process name, the pid or the unit
    comm=curl           a field (comm, pid, unit, dport, daddr) that equals …, or with `~` contains …
    dport=https         a port by its name, where the caller knows it
    dest:10.0.0.0/8     a destination in a network
    p99>5ms  fail>1%    a figure of the row (any numeric column) with > >= < <= =
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Mask
from tcpconntop.core.view.columns import COLUMNS
from tcpconntop.core.view.filter_lexer import FilterError as FilterError
from tcpconntop.core.view.filter_lexer import Word, split_words
from tcpconntop.core.window.keys import Keys, address_octets
from tcpconntop.core.wire import address_text, comm_text

Metrics = Mapping[str, npt.NDArray[np.float64]]

_NO_UNITS: Mapping[int, str | None] = {}
_NO_PORTS: Mapping[str, int] = {}
_METRICS = {key: column for key, column in COLUMNS.items() if column.is_metric and not column.needs_baseline}
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
# How each octet stands in an address: its digits and what follows, padded with NUL.
_OCTETS = np.array([f"{octet}." for octet in range(256)], "S4").view(np.uint8).reshape(256, 4)


UnitNames = Mapping[int, str | None]
Test = Callable[[Keys, UnitNames], Mask]


@dataclass(frozen=True)
class KeyTerm:
    """A term about the keys of connects; `test` gives a mask of shape (n,)."""

    test: Test
    negated: bool = False


@dataclass(frozen=True)
class MetricTerm:
    """A term about a figure of a row."""

    metric: str
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
    terms: tuple[KeyTerm | MetricTerm, ...] = ()

    @property
    def has_metric_terms(self) -> bool:
        """Whether a term is about a figure of a row, which a single connect does not have."""
        return any(isinstance(term, MetricTerm) for term in self.terms)

    def match_keys(self, keys: Keys, units: UnitNames = _NO_UNITS) -> Mask:
        """Say which keys satisfy the terms about keys, shape (n,); `units` names control groups."""
        match = np.ones(len(keys), np.bool_)
        for term in self.terms:
            if isinstance(term, KeyTerm):
                match &= term.test(keys, units) != term.negated
        return match

    def match_metrics(self, figures: Metrics, n_rows: int) -> Mask:
        """Say which rows satisfy the terms about figures, shape (n_rows,)."""
        match = np.ones(n_rows, np.bool_)
        for term in self.terms:
            if isinstance(term, MetricTerm):
                match &= term.compare(figures[term.metric], term.value) != term.negated
        return match


def parse_filter(text: str, ports: Mapping[str, int] = _NO_PORTS) -> Filter:
    """Parse a filter; `ports` gives the numbers of port names.

    Raises:
        FilterError: a term cannot be understood.
    """
    return Filter(text.strip(), tuple(_placed_term(word, ports) for word in split_words(text)))


def _placed_term(word: Word, ports: Mapping[str, int]) -> KeyTerm | MetricTerm:
    try:
        return _parse_term(word.text, ports)
    except FilterError as error:
        raise FilterError(str(error), word.start, word.end) from None


def _parse_term(word: str, ports: Mapping[str, int]) -> KeyTerm | MetricTerm:
    negated, body = word.startswith("!"), word.removeprefix("!")
    if not body:
        raise FilterError("nothing stands after '!'")
    parts = _TERM.fullmatch(body)
    if parts is None:
        return KeyTerm(_contains(_FIELDS, body), negated)
    name, op, value = parts["field"], parts["op"], parts["value"]
    if (name == "dest" and op in ":=") or (name == "daddr" and (op == ":" or "/" in value)):
        return KeyTerm(_inside(value), negated)
    if name in _METRICS and op in _COMPARE:
        return MetricTerm(name, _COMPARE[op], _number(value, word), negated)
    if name in _FIELDS and op in "=~":
        if not value:
            raise FilterError(f"nothing stands after {name}{op}")
        if name == "dport" and op == "=" and not value.isdecimal():
            value = _port(value, ports)
        return KeyTerm(_contains((name,), value) if op == "~" else _equals(name, value), negated)
    if name in ("dest", *_METRICS, *_FIELDS):
        raise FilterError(f"'{name}' cannot be compared with '{op}'")
    if op == ":":  # an IPv6 address or an address:port that somebody types as it is shown
        return KeyTerm(_contains(_FIELDS, body), negated)
    names = ", ".join([*_FIELDS, "dest", *_METRICS])
    raise FilterError(f"no field is called '{name}'; there are: {names}")


@dataclass(frozen=True)
class _Field:
    """How a field of keys is read: as values of Python, and how one of them is spelled."""

    values: Callable[[Keys], list[Any]]
    spell: Callable[[Any, UnitNames], str]

    def test(self, keys: Keys, units: UnitNames, holds: Callable[[list[str]], list[bool]]) -> Mask:
        """Test the text of each key, once for each distinct value."""
        values = self.values(keys)
        distinct = list(set(values))
        spelled = [self.spell(value, units) for value in distinct]
        answers = dict(zip(distinct, holds(spelled), strict=True))
        return np.fromiter(map(answers.__getitem__, values), np.bool_, len(keys))


def _addresses(keys: Keys) -> list[str]:
    """Spell the addresses; those of IPv4 all at once, which is ten times as fast."""
    octets = address_octets(keys)
    spelled = _OCTETS[octets[:, :4]]
    spelled[:, 3][spelled[:, 3] == ord(".")] = ord("\n")
    texts: list[str] = spelled[spelled != 0].tobytes().decode("ascii").split("\n")[:-1]
    for at in np.flatnonzero(keys["family"] != 4):
        texts[at] = address_text(octets[at].tobytes(), int(keys["family"][at]))
    return texts


_FIELDS = {
    "comm": _Field(lambda keys: keys["comm"].tolist(), lambda comm, _: comm_text(comm)),
    "pid": _Field(lambda keys: keys["tgid"].tolist(), lambda pid, _: str(pid)),
    "unit": _Field(lambda keys: keys["cgroup_id"].tolist(), lambda group, units: units.get(group) or ""),
    "dport": _Field(lambda keys: keys["dport"].tolist(), lambda port, _: str(port)),
    "daddr": _Field(_addresses, lambda address, _: address),
}
FIELDS = tuple(_FIELDS)
"""The fields of keys that a term can name, `dest` apart."""

METRICS = tuple(_METRICS)
"""The figures of rows that a term can name."""


def field_texts(field: str, keys: Keys, units: UnitNames) -> list[str]:
    """Spell a field of each key as filters see it."""
    read = _FIELDS[field]
    return [read.spell(value, units) for value in read.values(keys)]


def _port(name: str, ports: Mapping[str, int]) -> str:
    number = ports.get(name.casefold())
    if number is None:
        raise FilterError(f"no port is called '{name}': give its number")
    return str(number)


def _contains(fields: Iterable[str], wanted: str) -> Test:
    """Look for text; the row of the folded keys is found as `other` alone."""
    wanted = wanted.casefold()

    def holds(texts: list[str]) -> list[bool]:
        return [wanted in text.casefold() for text in texts]

    def test(keys: Keys, units: UnitNames) -> Mask:
        special: Mask = keys["special"] != 0
        match = special & (wanted in "other")
        for name in fields:
            match |= _FIELDS[name].test(keys, units, holds) & ~special
        return match

    return test


def _equals(field: str, wanted: str) -> Test:
    def test(keys: Keys, units: UnitNames) -> Mask:
        match: Mask = keys["special"] == 0
        return match & _FIELDS[field].test(keys, units, lambda texts: [text == wanted for text in texts])

    return test


def _inside(text: str) -> Test:
    try:
        networks = [ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",")]
    except ValueError:
        raise FilterError(f"'{text}' is not an address or network such as 10.0.0.0/8") from None

    def test(keys: Keys, _: UnitNames) -> Mask:
        octets, match = address_octets(keys), np.zeros(len(keys), np.bool_)
        for network in networks:
            bits, wanted = (
                np.frombuffer(part.packed, np.uint8) for part in (network.netmask, network.network_address)
            )
            inside = ((octets[:, : len(bits)] & bits) == wanted).all(axis=1)
            match |= inside & (keys["family"] == network.version)
        return match

    return test


def _number(text: str, word: str) -> float:
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        raise FilterError(f"'{word}' needs a number such as 5ms, 1.5s, 1% or 200")
    return float(parts[1]) * _UNITS[parts[2] or ""]
