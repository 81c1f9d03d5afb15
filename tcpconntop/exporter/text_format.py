"""The text format of Prometheus, version 0.0.4. Pure.

Source: "Exposition formats" in the documentation of Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S
from tcpconntop.exporter.families import Family, HistogramSample, LabelPairs, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BEFORE = "\0"
_BUCKETS = "\n".join(f'{_BEFORE}"{bound}"}} %d' for bound in (*map(repr, CLASSIC_BOUNDS_S), "+Inf"))
"""All buckets of a histogram, with `_BEFORE` for what each line begins with: they are formatted at once."""


def encode(metrics: Iterable[Family]) -> bytes:
    """Return metric families in the text format."""
    lines = [line for family in metrics for line in _lines(family)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escape(family.help, quotes=False)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        if isinstance(sample, HistogramSample):
            yield from _histogram(family.name, sample)
        else:
            yield _simple(family.name, sample)


def _simple(name: str, sample: Sample) -> str:
    labels = _labels(sample.labels)
    return f"{name}{{{labels}}} {sample.value!r}" if labels else f"{name} {sample.value!r}"


def _histogram(name: str, sample: HistogramSample) -> Iterator[str]:
    labels = _labels(sample.labels)
    before = f"{name}_bucket{{{labels}{',' if labels else ''}le="
    yield (_BUCKETS % tuple(sample.cumulative)).replace(_BEFORE, before)
    yield _simple(f"{name}_sum", Sample(sample.labels, sample.sum_s))
    yield _simple(f"{name}_count", Sample(sample.labels, sample.total))


@lru_cache(8192)
def _labels(pairs: LabelPairs) -> str:
    return ",".join(f'{name}="{_escape(value)}"' for name, value in pairs)


def _escape(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
