"""The protobuf format of Prometheus: delimited messages `io.prometheus.client.MetricFamily`. Pure.

Only this format has native histograms. A histogram has its classic buckets beside them, for a scraper that
does not want native ones. Source of the field numbers: metrics.proto of github.com/prometheus/client_model;
of the encoding: "Encoding" in the documentation of Protocol Buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from tcpconntop.core.types import Ints
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S, FIRST_NATIVE, NATIVE_SCHEMA
from tcpconntop.exporter.families import Family, HistogramSample, LabelPairs, Sample

MEDIA_TYPE = "application/vnd.google.protobuf"
PARAMETERS = {"proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"}
CONTENT_TYPE = "; ".join((MEDIA_TYPE, *(f"{name}={value}" for name, value in PARAMETERS.items())))

ZERO_THRESHOLD_S = 2.0**-128
"""Latencies up to this one would be in the bucket of zero: there are none."""

_VARINT, _DOUBLE, _BYTES = 0, 1, 2
_KINDS = {"counter": 0, "gauge": 1, "histogram": 4}
_VALUE_FIELDS = {"counter": 3, "gauge": 2}


def encode(metrics: Iterable[Family]) -> bytes:
    """Return metric families, each with its length before it."""
    messages = (_family(family) for family in metrics)
    return b"".join(_varint(len(message)) + message for message in messages)


def _family(family: Family) -> bytes:
    return b"".join(
        (
            _bytes(1, family.name.encode("utf-8")),
            _bytes(2, family.help.encode("utf-8")),
            _integer(3, _KINDS[family.kind]),
            *(_bytes(4, _metric(family.kind, sample)) for sample in family.samples),
        )
    )


def _metric(kind: str, sample: Sample | HistogramSample) -> bytes:
    labels = _labels(sample.labels)
    if isinstance(sample, HistogramSample):
        return labels + _bytes(7, _histogram(sample))
    return labels + _bytes(_VALUE_FIELDS[kind], _double(1, sample.value))


def _labels(pairs: LabelPairs) -> bytes:
    return b"".join(
        _bytes(1, _bytes(1, name.encode("utf-8")) + _bytes(2, value.encode("utf-8"))) for name, value in pairs
    )


def _histogram(sample: HistogramSample) -> bytes:
    classic = (
        _bytes(3, b"\x08" + _varint(count) + bound)  # field 1
        for count, bound in zip(sample.cumulative, _BOUND_FIELDS, strict=True)
    )
    return b"".join(
        (
            _integer(1, sample.total),
            _double(2, sample.sum_s),
            *classic,
            _integer(5, _zigzag(NATIVE_SCHEMA)),
            _double(6, ZERO_THRESHOLD_S),
            _integer(7, 0),
            *_native(sample.native),
        )
    )


def _native(counts: Ints) -> Iterable[bytes]:
    """Return spans of buckets that are not empty, and each count as its difference from the one before."""
    filled = np.flatnonzero(counts)
    if not len(filled):
        return
    breaks = np.flatnonzero(np.diff(filled) > 1)
    firsts = [int(filled[0]), *filled[breaks + 1].tolist()]
    ends = [*(filled[breaks] + 1).tolist(), int(filled[-1]) + 1]
    before = [-FIRST_NATIVE, *ends]  # the first offset is counted from bucket 0, which has this index
    for first, end, end_before in zip(firsts, ends, before, strict=False):
        yield _span(first - end_before, end - first)
    yield from map(_delta, np.diff(counts[filled], prepend=0).tolist())


@lru_cache(4096)
def _span(offset: int, length: int) -> bytes:
    return _bytes(12, _integer(1, _zigzag(offset)) + _integer(2, length))


@lru_cache(65_536)
def _delta(delta: int) -> bytes:
    return _integer(13, _zigzag(delta))


def _varint(number: int) -> bytes:
    """Return a number that is not negative, 7 bits a byte, the lowest first."""
    if number < 0x80:
        return _ONE_BYTE[number]
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


_ONE_BYTE = [bytes((number,)) for number in range(0x80)]


def _zigzag(number: int) -> int:
    """Return a number with a sign as one without: 0, -1, 1, -2 … become 0, 1, 2, 3 …."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def _integer(field: int, number: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(number)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | _DOUBLE) + struct.pack("<d", value)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


_BOUND_FIELDS = [_double(2, bound) for bound in (*CLASSIC_BOUNDS_S, float("inf"))]
