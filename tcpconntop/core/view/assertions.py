"""Assertions about everything that was seen, such as `p99<5ms`: the filter language's terms about figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tcpconntop.core import format as units
from tcpconntop.core.view.filter import FilterError, MetricTerm, parse_filter

_ALWAYS = {"count", "rate", "ok"}  # they are known where nothing happened: 0
_OF_ATTEMPTS = {"failed", "fail", "rtx"}  # they need an ended connect; the others one that succeeded


@dataclass(frozen=True)
class Assertion:
    """What must hold.

    Attributes:
        text: what the user wrote.
        term: what it means.
    """

    text: str
    term: MetricTerm


@dataclass(frozen=True)
class AssertionResult:
    """Whether an assertion holds.

    Attributes:
        text: what the user wrote.
        holds: whether it does.
        value: the figure in µs, as a share or a count; None where there is none.
        reason: the figure for people, or why there is none.
        count: of how many connects the figure speaks.
    """

    text: str
    holds: bool
    value: float | None
    reason: str
    count: int


def parse_assertion(text: str) -> Assertion:
    """Parse an assertion.

    Raises:
        FilterError: it is none; the message is one line.
    """
    terms = parse_filter(text).terms
    if len(terms) != 1 or not isinstance(terms[0], MetricTerm):
        raise FilterError(f"'{text}' asserts nothing: compare a figure, such as p99<5ms or fail<0.1%")
    return Assertion(text.strip(), terms[0])


def evaluate(assertion: Assertion, figures: Mapping[str, float]) -> AssertionResult:
    """Hold an assertion against figures (`overall_metrics`); without data to judge by it does not hold."""
    name, term = assertion.term.metric, assertion.term
    value, ended, connected = figures[name], int(figures["count"]), int(figures["ok"])
    n = ended if name in _ALWAYS | _OF_ATTEMPTS else connected
    if n == 0 and name not in _ALWAYS:
        why = "no connect ended" if ended == 0 else "no connect succeeded"
        return AssertionResult(assertion.text, False, None, why, 0)
    holds = bool(term.compare(np.array([value]), term.value)[0]) != term.negated
    return AssertionResult(
        assertion.text, holds and not math.isnan(value), value, metric_text(name, value), n
    )


def metric_text(figure: str, value: float) -> str:
    """Spell a figure with its unit."""
    if figure == "fail":
        return f"{units.percent(value)}%"
    if figure == "rate":
        return f"{units.rate(value)}/s"
    return f"{value:.0f}" if figure in _ALWAYS | _OF_ATTEMPTS else units.duration(value)
