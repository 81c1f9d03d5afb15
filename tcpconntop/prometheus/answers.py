"""What the answers of a Prometheus server hold. They are a stranger's: each part is checked. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tcpconntop.core.format import printable

MAX_SERIES = 100_000
"""How many series an answer may have: a host with `--top 1000` has 60,000."""

MAX_LABELS, MAX_LABEL = 64, 512
"""How many labels a series may have, and how long their values may be."""

MAX_NATIVE_BUCKETS = 1_000
"""How many buckets a native histogram may have."""

MAX_COUNT = 1 << 48
"""What is above is no count of connects, and sums of it would overflow."""

Bucket = tuple[float, float]
"""Lower and upper bound in seconds."""


class Native(NamedTuple):
    """A native histogram: its sum in seconds, and counts by bucket."""

    sum_s: float
    buckets: tuple[tuple[Bucket, float], ...]


class Series(NamedTuple):
    """One series: its labels, and its values, each with its Unix time."""

    labels: Mapping[str, str]
    values: Sequence[tuple[float, float]]


class MalformedError(ValueError):
    """An answer is not what Prometheus sends."""


def parse_series(result: Sequence[Any]) -> Iterator[Series]:
    """Yield the series of a result: an instant vector or a matrix.

    Raises:
        MalformedError: it is none.
    """
    if len(result) > MAX_SERIES:
        raise MalformedError(f"it has more than {MAX_SERIES:,} series")
    try:
        for series in result:
            values = (
                series["values"] if "values" in series else [series["value"]] if "value" in series else ()
            )
            yield Series(
                check_labels(series["metric"]), [(_time(at_s), _number(text)) for at_s, text in values]
            )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise error if isinstance(error, MalformedError) else MalformedError("it holds no series") from None


def check_labels(metric: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of a series.

    Raises:
        MalformedError: they are none.
    """
    if len(metric) > MAX_LABELS:
        raise MalformedError(f"a series has more than {MAX_LABELS} labels")
    for name, value in metric.items():
        if not isinstance(value, str) or len(value) > MAX_LABEL or len(name) > MAX_LABEL:
            raise MalformedError(f"a label is longer than {MAX_LABEL} characters")
    return metric


def _time(at_s: Any) -> float:
    if isinstance(at_s, bool) or not isinstance(at_s, (int, float)) or not 0 <= at_s < 1e11:
        raise MalformedError("a time is no time")
    return float(at_s)


def _number(text: Any) -> float:
    if not isinstance(text, str) or len(text) > 64:
        raise MalformedError("a value is no number")
    return float(text)


def parse_native(value: Any) -> Native:
    """Return a native histogram.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is none.
    """
    buckets = value.get("buckets", ())
    if len(buckets) > MAX_NATIVE_BUCKETS:
        raise MalformedError(f"a histogram has more than {MAX_NATIVE_BUCKETS} buckets")
    parsed = tuple(((_number(low), _number(high)), _number(n)) for _, low, high, n in buckets)
    for (low, high), n in parsed:
        if not (math.isfinite(low) and low <= high and 0 <= n <= MAX_COUNT):
            raise MalformedError("a bucket has no bounds, or no count")
    return Native(_number(value["sum"]), parsed)


def shown(text: str) -> str:
    """Return a name from a server as it is shown."""
    return printable(text)[:MAX_LABEL]
