"""The filter language of `/` and `--filter`: which keys and which rows to show. Pure.

A filter is a list of terms that must all hold; `!` before a term negates it.

    nginx               text that is part of the address, the port, the process name, the pid or the unit
    comm=curl           a field (comm, pid, unit, netns, host, dport, daddr) that equals a text;
                        `~`: contains it
    dport=https         a port by its name, if the caller passes port names
    dest:10.0.0.0/8     a destination in a network; `dest:fe80::1%eth0` on one interface
    p99>5ms  fail>1%    a metric of the row (`METRICS`), compared with > >= < <= =
    result=refused      how a single connect ended, where single connects are filtered (`CONNECT_FIELDS`)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tcpconntop.core.lazy import lazy, np
from tcpconntop.core.places import NO_NAMES, Names
from tcpconntop.core.types import Floats, Mask
from tcpconntop.core.view.connect_fields import CONNECT_FIELDS, ConnectTest, connect_test
from tcpconntop.core.view.filter_lexer import FilterError as FilterError
from tcpconntop.core.view.filter_lexer import Word, split_words
from tcpconntop.core.view.filter_values import (
    comm_note,
    is_cut_comm,
    kept_comm,
    parse_destinations,
    parse_pid,
    parse_port,
)
from tcpconntop.core.view.key_fields import ALIASES, FILTERABLE, KeyField
from tcpconntop.core.view.metrics import METRICS

if TYPE_CHECKING:
    from tcpconntop.core.window import keys as all_keys
    from tcpconntop.core.window.keys import Keys
    from tcpconntop.core.wire import Events
else:
    all_keys = lazy("tcpconntop.core.window.keys")

MetricColumns = Mapping[str, Floats]
KeyTest: TypeAlias = "Callable[[Keys, Names], Mask]"
"""Tests n keys; returns a mask of shape (n,)."""

Term: TypeAlias = "KeyTerm | MetricTerm | ConnectTerm"

_SEARCHED = tuple(field for field in FILTERABLE.values() if field.searched)
_NO_PORTS: Mapping[str, int] = {}
_UNIT_FACTORS = {"": 1.0, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "%": 0.01, "k": 1e3}
_COMPARISONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}
_TERM = re.compile(r"(?P<field>[a-z][a-z0-9]*)(?P<op>>=|<=|[=~:<>])(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(us|µs|ms|s|%|k)?")


@dataclass(frozen=True)
class KeyTerm:
    """A term about the keys of connects; `note` says what it does differently from what was written."""

    test: KeyTest
    negated: bool = False
    note: str = ""


@dataclass(frozen=True)
class MetricTerm:
    """A term about a metric of a row."""

    metric: str
    compare: Callable[[Floats, float], Mask]
    value: float
    negated: bool = False


@dataclass(frozen=True)
class ConnectTerm:
    """A term about single connects."""

    test: ConnectTest
    negated: bool = False


@dataclass(frozen=True)
class Filter:
    """A parsed filter. The empty filter matches everything.

    Attributes:
        text: what the user wrote.
        terms: all of them must hold.
    """

    text: str = ""
    terms: tuple[Term, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the filter does differently from what was written, a line each."""
        return tuple(term.note for term in self.terms if isinstance(term, KeyTerm) and term.note)

    @property
    def has_metric_terms(self) -> bool:
        """True if a term is about a metric of a row, which a single connect does not have."""
        return any(isinstance(term, MetricTerm) for term in self.terms)

    def narrowed(self, more: Filter) -> Filter:
        """Return the filter whose connects match both this one and another."""
        if not self.text or not more.text:
            return self if self.text else more
        return Filter(f"{self.text} {more.text}", self.terms + more.terms)

    @property
    def of_keys(self) -> Filter:
        """The filter without its terms about metrics; the empty one if that leaves none."""
        if not self.has_metric_terms:
            return self
        terms = tuple(term for term in self.terms if not isinstance(term, MetricTerm))
        return Filter(self.text if terms else "", terms)

    def match_keys(self, keys: Keys, names: Names = NO_NAMES) -> Mask:
        """Return which keys satisfy the terms about keys, shape (n,)."""
        match = np.ones(len(keys), np.bool_)
        for term in self.terms:
            if isinstance(term, KeyTerm):
                match &= term.test(keys, names) != term.negated
        return match

    def match_connects(self, events: Events, names: Names = NO_NAMES) -> Mask:
        """Return which records satisfy the terms about keys and about single connects, shape (n,)."""
        match = self.match_keys(all_keys.keys_from_events(events), names)
        for term in self.terms:
            if isinstance(term, ConnectTerm):
                match &= term.test(events) != term.negated
        return match

    def match_metrics(self, metrics: MetricColumns, n_rows: int) -> Mask:
        """Return which rows satisfy the terms about metrics, shape (n_rows,)."""
        match = np.ones(n_rows, np.bool_)
        for term in self.terms:
            if isinstance(term, MetricTerm):
                match &= term.compare(metrics[term.metric], term.value) != term.negated
        return match


NO_FILTER = Filter()
"""The empty filter, which all connects match."""


def parse_filter(text: str, ports: Mapping[str, int] = _NO_PORTS, *, of_connects: bool = False) -> Filter:
    """Parse a filter; `ports` maps port names to numbers. With `of_connects`, it is one for single connects.

    Raises:
        FilterError: a term is invalid.
    """
    return Filter(text.strip(), tuple(_parse_word(word, ports, of_connects) for word in split_words(text)))


def _parse_word(word: Word, ports: Mapping[str, int], of_connects: bool) -> Term:
    try:
        return _parse_term(word.text, ports, of_connects)
    except FilterError as error:
        raise FilterError(str(error), word.start, word.end) from None


def _parse_term(word: str, ports: Mapping[str, int], of_connects: bool) -> Term:
    negated, body = word.startswith("!"), word.removeprefix("!")
    if not body:
        raise FilterError("nothing follows '!'")
    parts = _TERM.fullmatch(body)
    if parts is None:
        return KeyTerm(_contains(_SEARCHED, body), negated)
    name, op, value = parts["field"], parts["op"], parts["value"]
    if name in METRICS and op in _COMPARISONS:
        return MetricTerm(name, _COMPARISONS[op], _parse_number(value, word), negated)
    if name in CONNECT_FIELDS:
        if not of_connects:
            raise FilterError(f"'{name}' is of single connects: log, record and export can be filtered by it")
        return ConnectTerm(connect_test(name, op, value), negated)
    field = FILTERABLE.get(ALIASES.get(name, name))
    if field is not None and (test := _field_test(name, field, op, value, ports)):
        return KeyTerm(test, negated, comm_note(value) if field.name == "comm" else "")
    if field is not None or name in METRICS:
        raise FilterError(f"'{name}' cannot be compared with '{op}'")
    if op == ":":  # an IPv6 address or address:port, typed as it is shown
        return KeyTerm(_contains(_SEARCHED, body), negated)
    names = ", ".join([*FILTERABLE, *ALIASES, *(CONNECT_FIELDS if of_connects else METRICS)])
    raise FilterError(f"no field is called '{name}'; there are: {names}")


def _field_test(name: str, field: KeyField, op: str, value: str, ports: Mapping[str, int]) -> KeyTest | None:
    """Return the test of a term about a field, or None if the field cannot be compared with `op`."""
    if field.name == "daddr" and op in ":=":
        return _in_network(value)
    if op == ":" and field.name == "host":
        op = "="
    if op not in "=~":
        return None
    if not value:
        raise FilterError(f"nothing follows {name}{op}")
    if op == "~":
        return _contains((field,), value)
    if field.name == "dport":
        value = parse_port(value, ports)
    if field.name == "pid":
        value = parse_pid(value)
    return _equals(field, kept_comm(value) if field.name == "comm" else value)


def _match_texts(field: KeyField, keys: Keys, names: Names, matches: Callable[[str], bool]) -> Mask:
    """Return which keys have a field whose text matches, shape (n,); each distinct value is tested once."""
    values = field.values(keys)
    results = {
        value: matches(field.text(value, names)) or matches(field.other_text(value, names))
        for value in set(values)
    }
    return np.fromiter(map(results.__getitem__, values), np.bool_, len(keys))


def _contains(fields: Iterable[KeyField], text: str) -> KeyTest:
    """Return a test that any of the fields contains a text, whatever its case.

    The row of folded keys is found as `other` alone. A process name that the kernel has cut is found by the
    whole name.
    """
    searched, folded = tuple(fields), text.casefold()

    def is_inside(value: str) -> bool:
        return folded in value.casefold()

    def is_cut_from(value: str) -> bool:
        return is_inside(value) or (is_cut_comm(value) and folded.startswith(value.casefold()))

    def test(keys: Keys, names: Names) -> Mask:
        special: Mask = keys["special"] != 0
        match = special & (folded in "other")
        for field in searched:
            matches = is_cut_from if field.name == "comm" else is_inside
            match |= _match_texts(field, keys, names, matches) & ~special
        return match

    return test


def _equals(field: KeyField, wanted: str) -> KeyTest:
    def test(keys: Keys, names: Names) -> Mask:
        match: Mask = keys["special"] == 0
        return match & _match_texts(field, keys, names, lambda text: text == wanted)

    return test


def _in_network(text: str) -> KeyTest:
    """Return a test that the address is in one of the networks of a list (`parse_destinations`)."""
    destinations = parse_destinations(text)

    def test(keys: Keys, names: Names) -> Mask:
        octets, match = all_keys.address_octets(keys), np.zeros(len(keys), np.bool_)
        for network, interface in destinations:
            mask, address = (
                np.frombuffer(part.packed, np.uint8) for part in (network.netmask, network.network_address)
            )
            inside = ((octets[:, : len(mask)] & mask) == address).all(axis=1)
            inside &= keys["family"] == network.version
            for index in np.flatnonzero(inside) if interface else ():
                netns, scope_id = int(keys["netns"][index]), int(keys["scope_id"][index])
                inside[index] = scope_id and interface in (
                    str(scope_id),
                    names.places.interface(netns, scope_id),
                )
            match |= inside
        match &= keys["special"] == 0
        return match

    return test


def _parse_number(text: str, word: str) -> float:
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        raise FilterError(f"'{word}' needs a number such as 5ms, 1.5s, 1% or 200")
    return float(parts[1]) * _UNIT_FACTORS[parts[2] or ""]
