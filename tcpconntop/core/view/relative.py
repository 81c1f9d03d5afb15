"""Assertions that compare with a baseline, such as `p99<1.2x`. Pure.

The verdict is `ok` or `failed` only if it is the same over the whole interval of the ratio, which misses the
true one in one of a hundred (`ALPHA`; `core/view/noise.py`). Else it is `unknown`: few connects prove
nothing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from tcpconntop.core.view.assertions import AssertionResult, metric_text
from tcpconntop.core.view.filter import Filter, FilterError, MetricTerm, parse_filter
from tcpconntop.core.view.loss_bounds import missing_connects
from tcpconntop.core.view.metrics import QUANTILES
from tcpconntop.core.view.noise import (
    ANYTHING,
    Interval,
    quantile_interval,
    rate_ratio_interval,
    share_interval,
)
from tcpconntop.core.view.summary import overall_metrics
from tcpconntop.core.window.snapshot import Snapshot

ALPHA = 0.01

_RELATIVE = re.compile(r"\s*[a-z0-9]+(?:[<>]=?)\d+(?:\.\d+)?x\s*")
_COMPARABLE = (*QUANTILES, "fail", "rate")


@dataclass(frozen=True)
class RelativeAssertion:
    """What must hold of a metric divided by that of the baseline.

    Attributes:
        text: what the user wrote.
        term: the parsed term; its value is the factor.
    """

    text: str
    term: MetricTerm


def is_relative(text: str) -> bool:
    """True if an assertion compares with a baseline: `p99<1.2x`."""
    return _RELATIVE.fullmatch(text) is not None


def parse_relative(text: str) -> RelativeAssertion:
    """Parse an assertion for which `is_relative` is true.

    Raises:
        FilterError: there is no such metric, or it cannot be compared; the message is one line.
    """
    (term,) = parse_filter(text.strip().removesuffix("x")).terms
    if not isinstance(term, MetricTerm) or term.metric not in _COMPARABLE:
        listed = ", ".join(_COMPARABLE)
        raise FilterError(f"'{text.strip()}' cannot be compared with a baseline; these can: {listed}")
    return RelativeAssertion(text.strip(), term)


def evaluate_relative(
    assertion: RelativeAssertion, now: Snapshot, baseline: Snapshot, where: Filter
) -> AssertionResult:
    """Compare a metric of all connects that match a filter with that of the baseline."""
    name, text = assertion.term.metric, assertion.text
    values = [overall_metrics(one, where) for one in (now, baseline)]
    value, base = (metrics[name] for metrics in values)
    needed = "ok" if name in QUANTILES else "count"
    count = int(values[0][needed])
    verb = "succeeded" if needed == "ok" else "ended"
    for metrics, whose in zip(values, ("", " in the baseline"), strict=True):
        if not metrics[needed]:
            return AssertionResult(text, False, None, f"no connect {verb}{whose}", count, certain=False)
    ratio = _ratio(name, now, baseline, where, (values[0], values[1]))
    if name == "fail" and not values[0]["failed"] and not missing_connects(now).total:
        ratio = Interval(0.0, 0.0)  # nothing failed: that is not worse than anything
    factor = value / base if base else math.inf if value else 0.0
    how = f"is {_times(factor)} of" if base else "against"
    said = f"{metric_text(name, value)} {how} {metric_text(name, base)}"
    holds, *others = (_holds(assertion.term, one) for one in (factor, ratio.low, ratio.high))
    certain = all(other == holds for other in others)
    if not certain:
        said += f" ({_times(ratio.low)} to {_times(ratio.high)}: cannot be told, the connects are too few)"
    return AssertionResult(text, holds and certain, value, said, count, certain)


def _holds(term: MetricTerm, factor: float) -> bool:
    return bool(term.compare(np.array([factor]), term.value)[0])


def _times(factor: float) -> str:
    return "any multiple" if math.isinf(factor) else f"{factor:.2f}x"


def _ratio(
    name: str, now: Snapshot, baseline: Snapshot, where: Filter, metrics: tuple[dict[str, float], ...]
) -> Interval:
    """Return the interval of a metric divided by that of the baseline."""
    missing = [missing_connects(one).total for one in (now, baseline)]
    counts = [int(one["count"]) for one in metrics]
    if name == "rate":
        spans = baseline.span_s / max(now.span_s, 1e-9)
        low = rate_ratio_interval(counts[0], counts[1] + missing[1], spans, ALPHA).low
        return Interval(low, rate_ratio_interval(counts[0] + missing[0], counts[1], spans, ALPHA).high)
    if name == "fail":
        failed = [int(one["failed"]) for one in metrics]
        sides = [share_interval(failed[n], counts[n], ALPHA / 2, missing[n]) for n in (0, 1)]
    else:
        sides = [
            _quantile(one, where, QUANTILES[name], more)
            for one, more in zip((now, baseline), missing, strict=True)
        ]
    top, bottom = sides
    if math.isinf(bottom.high) and math.isinf(top.high):
        return ANYTHING
    return Interval(
        0.0 if math.isinf(bottom.high) else top.low / bottom.high if bottom.high else 0.0,
        top.high / bottom.low if bottom.low else math.inf,
    )


def _quantile(snapshot: Snapshot, where: Filter, q: float, missing: int) -> Interval:
    rows = np.where(where.match_keys(snapshot.window.keys, snapshot.names), 0, -1)
    latency = snapshot.window.latency_pages.regroup(rows).to_sparse()
    return quantile_interval(latency.cells(), latency.counts, q, ALPHA / 2, missing)
