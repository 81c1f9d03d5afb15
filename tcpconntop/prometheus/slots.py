"""Where the values of a series belong: told once for each, by its labels. Pure.

What it buys: a host has 5,000 series, of which each answer repeats all labels. Looking a series up takes
1 µs, reading and checking its labels 15.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from tcpconntop.core.wire import N_OUTCOMES, Outcome
from tcpconntop.prometheus.answers import MAX_SERIES, MalformedError, check_labels
from tcpconntop.prometheus.labels import Labels, labels_of
from tcpconntop.prometheus.queries import (
    CONNECTS,
    EVICTIONS,
    HISTOGRAM,
    LEDGER,
    OUTCOMES,
    RETRANSMITS,
    STARTED,
    TRACING,
    Target,
    target_of,
)

RETRANSMITS_COLUMN, SUM_COLUMN, N_PLAIN = N_OUTCOMES, N_OUTCOMES + 1, N_OUTCOMES + 2

_TOTALS = frozenset((STARTED, TRACING, EVICTIONS, *LEDGER.values()))
_OUTCOME_OF = {outcome.label: int(outcome) for outcome in Outcome}


class Kind(Enum):
    """What a series is."""

    NONE = auto()
    """Nothing that is read, or of another host."""
    PLAIN = auto()
    """A counter of some connects."""
    CLASSIC = auto()
    """A bucket of a classic histogram."""
    NATIVE = auto()
    """A native histogram."""
    OUTCOME = auto()
    """How many connects of the whole host had an outcome."""
    TOTAL = auto()
    """Another metric of the whole host."""


class Slot(NamedTuple):
    """Where values belong.

    Attributes:
        kind: what the series is.
        name: its name.
        labels: which connects it is about.
        column: the outcome, or another column of counters.
        bound: the upper bound of a bucket, in seconds.
    """

    kind: Kind
    name: str = ""
    labels: Labels = ("", "", "", "")
    column: int = 0
    bound: float = 0.0


_NONE = Slot(Kind.NONE)


class Slots:
    """The slots of the series of one host.

    Args:
        target: the labels of the host.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._slots: dict[tuple[tuple[str, str], ...], Slot] = {}

    def find(self, metric: Mapping[str, Any]) -> Slot:
        """Return the slot of a series.

        Args:
            metric: its labels, as an answer has them.

        Raises:
            MalformedError: they are no labels.
        """
        key = tuple(metric.items())
        slot = self._slots.get(key)
        if slot is None:
            if len(self._slots) > MAX_SERIES:
                self._slots.clear()
            labels = check_labels(metric)
            slot = self._slots[key] = _slot(labels) if target_of(labels.items()) == self._target else _NONE
        return slot


def _slot(labels: Mapping[str, str]) -> Slot:
    name = labels.get("__name__", "")
    if name == HISTOGRAM + "_bucket":
        return Slot(Kind.CLASSIC, name, labels_of(labels), bound=_bound(labels.get("le", "")))
    if name == HISTOGRAM:
        return Slot(Kind.NATIVE, name, labels_of(labels), SUM_COLUMN)
    if name == HISTOGRAM + "_sum":
        return Slot(Kind.PLAIN, name, labels_of(labels), SUM_COLUMN)
    if name == RETRANSMITS:
        return Slot(Kind.PLAIN, name, labels_of(labels), RETRANSMITS_COLUMN)
    outcome = _OUTCOME_OF.get(labels.get("outcome", ""))
    if name in (CONNECTS, OUTCOMES) and outcome is not None:
        return Slot(Kind.PLAIN if name == CONNECTS else Kind.OUTCOME, name, labels_of(labels), outcome)
    return Slot(Kind.TOTAL, name) if name in _TOTALS else _NONE


def _bound(text: str) -> float:
    """Return the upper bound of a classic bucket, in seconds."""
    try:
        bound = float(text)
    except ValueError:
        bound = math.nan
    if math.isnan(bound):
        raise MalformedError("a bucket has no bound")
    return bound
