"""Assertions about everything in the window, such as `p99<5ms`. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.format import duration, percent, rate
from tcpconntop.core.view.filter import FilterError, MetricTerm, parse_filter
from tcpconntop.core.view.loss_bounds import Bounds
from tcpconntop.core.view.metrics import METRICS, Needs, Quantity


@dataclass(frozen=True)
class Assertion:
    """What must hold.

    Attributes:
        text: what the user wrote.
        term: the parsed term.
    """

    text: str
    term: MetricTerm


@dataclass(frozen=True)
class AssertionResult:
    """The result of an assertion.

    Attributes:
        text: what the user wrote.
        holds: True if it holds; False if it does not, or if that cannot be told.
        value: the metric (µs, share, Hz or a count); None if it has no value.
        reason: the metric as text, or why it has no value.
        count: number of connects that the metric is computed from.
        certain: False if connects are missing that could turn the result.
    """

    text: str
    holds: bool
    value: float | None
    reason: str
    count: int
    certain: bool = True

    @property
    def verdict(self) -> str:
        """The result in a word: `ok`, `failed` or `unknown`."""
        if not self.certain:
            return "unknown"
        return "ok" if self.holds else "failed"


def parse_assertion(text: str) -> Assertion:
    """Parse an assertion.

    Raises:
        FilterError: the text is not a single comparison of a metric; the message is one line.
    """
    terms = parse_filter(text).terms
    if len(terms) != 1 or not isinstance(terms[0], MetricTerm):
        raise FilterError(f"'{text}' asserts nothing: compare a metric, such as p99<5ms or fail<0.1%")
    return Assertion(text.strip(), terms[0])


def evaluate(
    assertion: Assertion, metrics: Mapping[str, float], bounds: Bounds | None = None
) -> AssertionResult:
    """Compare an assertion with metrics (`overall_metrics`); it does not hold if its metric has no value.

    `bounds` are those of the metrics where connects are missing (`metric_bounds`); None if none are.
    """
    term = assertion.term
    value, needs = metrics[term.metric], METRICS[term.metric].needs
    ended, successful = int(metrics["count"]), int(metrics["ok"])
    count = successful if needs is Needs.SUCCESSFUL_CONNECT else ended
    least, greatest = (value, value) if bounds is None else bounds.get(term.metric, (-math.inf, math.inf))
    is_exact = least == greatest or math.isnan(least) or math.isnan(greatest)
    if count == 0 and needs is not Needs.NOTHING:
        reason = "no connect ended" if ended == 0 else "no connect succeeded"
        if is_exact:
            return AssertionResult(assertion.text, False, None, reason, 0)
        return AssertionResult(
            assertion.text, False, None, f"{reason} of those that were seen", 0, certain=False
        )
    text = metric_text(term.metric, value)
    holds = _compare(term, value)
    if not is_exact:
        between = [term.value] if least <= term.value <= greatest else []
        if any(_compare(term, other) != holds for other in (least, greatest, *between)):
            bound = f"{metric_text(term.metric, least)} to {metric_text(term.metric, greatest)}"
            return AssertionResult(assertion.text, False, value, f"{text} ({bound})", count, certain=False)
    return AssertionResult(assertion.text, holds and not math.isnan(value), value, text, count)


def _compare(term: MetricTerm, value: float) -> bool:
    return bool(term.compare(np.array([value]), term.value)[0]) != term.negated


def metric_text(name: str, value: float) -> str:
    """Format a metric with its unit."""
    quantity = METRICS[name].quantity
    if math.isinf(value):
        return "any"
    if quantity is Quantity.SHARE:
        return f"{percent(value)}%"
    if quantity is Quantity.RATE_HZ:
        return f"{rate(value)}/s"
    return f"{value:.0f}" if quantity is Quantity.COUNT else duration(value)
