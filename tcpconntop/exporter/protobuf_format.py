"""The protobuf format of Prometheus: delimited messages `io.prometheus.client.MetricFamily`. Pure.

Only this format has native histograms. A histogram has its classic buckets beside them, for a scraper that
does not want native ones. Source of the field numbers: metrics.proto of github.com/prometheus/client_model;
of the encoding: "Encoding" in the documentation of Protocol Buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Ints, Mask, Rows
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S, FIRST_NATIVE, NATIVE_SCHEMA
from tcpconntop.exporter.families import Family, HistogramSample, LabelPairs, Sample

MEDIA_TYPE = "application/vnd.google.protobuf"
PARAMETERS = {"proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"}
CONTENT_TYPE = "; ".join((MEDIA_TYPE, *(f"{name}={value}" for name, value in PARAMETERS.items())))

ZERO_THRESHOLD_S = 2.0**-128
"""Latencies up to this one would be in the bucket of zero: there are none."""

Bytes = npt.NDArray[np.uint8]

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
            *(_bytes(4, labels + value) for labels, value in _metrics(family)),
        )
    )


def _metrics(family: Family) -> Iterator[tuple[bytes, bytes]]:
    """Return the labels and the value of each sample."""
    labels = (_labels(sample.labels) for sample in family.samples)
    if family.kind == "histogram":
        histograms = [sample for sample in family.samples if isinstance(sample, HistogramSample)]
        return zip(labels, (_bytes(7, message) for message in _histograms(histograms)), strict=True)
    pack = struct.Struct(f"<{_N_VALUE_HEAD}sd").pack
    head = _bytes(_VALUE_FIELDS[family.kind], _double(1, 0.0))[:_N_VALUE_HEAD]
    values = (sample.value for sample in family.samples if isinstance(sample, Sample))
    return zip(labels, (pack(head, value) for value in values), strict=True)


@lru_cache(8192)
def _labels(pairs: LabelPairs) -> bytes:
    return b"".join(
        _bytes(1, _bytes(1, name.encode("utf-8")) + _bytes(2, value.encode("utf-8"))) for name, value in pairs
    )


def _histograms(samples: Sequence[HistogramSample]) -> Iterator[bytes]:
    """Return each histogram. The numbers of all are encoded together: there are some 10,000."""
    if not samples:
        return
    classic = _classic(np.array([sample.cumulative for sample in samples], np.int64))
    native = _native(np.array([sample.native for sample in samples]))
    for sample, buckets, (spans, deltas) in zip(samples, classic, native, strict=True):
        yield b"".join(
            (
                _integer(1, sample.total),
                _double(2, sample.sum_s),
                buckets,
                _integer(5, _zigzag(NATIVE_SCHEMA)),
                _double(6, ZERO_THRESHOLD_S),
                _integer(7, 0),
                spans,
                deltas,
            )
        )


def _classic(cumulative: Ints) -> Iterator[bytes]:
    """Return the classic buckets of each histogram; `cumulative` has shape (n, N_CLASSIC)."""
    counts = Varints(cumulative.ravel())
    n_tail = _BOUND_FIELDS.shape[1]
    ends = np.cumsum(counts.lengths + (_N_BUCKET_HEAD + n_tail))
    begins = ends - counts.lengths - (_N_BUCKET_HEAD + n_tail)
    data = np.empty(ends[-1], np.uint8)
    data[begins] = 3 << 3 | _BYTES
    data[begins + 1] = counts.lengths + (1 + n_tail)
    data[begins + 2] = 1 << 3 | _VARINT
    counts.write(data, begins + _N_BUCKET_HEAD)
    bounds = np.tile(_BOUND_FIELDS, (len(cumulative), 1))
    data[(ends - n_tail)[:, None] + np.arange(n_tail)] = bounds
    return _parts(data, ends[cumulative.shape[1] - 1 :: cumulative.shape[1]])


def _native(counts: Ints) -> Iterator[tuple[bytes, bytes]]:
    """Return the spans of buckets that are not empty, and each count as its difference from the one before.

    The differences are packed, as every reader of repeated numbers has to take them. `counts` has shape
    (n, N_NATIVE).
    """
    n = len(counts)
    rows, filled = np.nonzero(counts)
    values = counts[rows, filled]
    is_first = np.diff(rows, prepend=-1) != 0
    deltas = values - np.where(is_first, 0, np.roll(values, 1))
    numbers = Varints((deltas << 1 ^ deltas >> 63).view(np.uint64))
    ends = np.cumsum(numbers.lengths)
    data = np.empty(int(numbers.lengths.sum()), np.uint8)
    numbers.write(data, ends - numbers.lengths)
    after_row = np.cumsum(np.bincount(rows, minlength=n))
    packed = _parts(data, np.concatenate([[0], ends])[after_row])
    for spans, part in zip(_spans(rows, filled, is_first, n), packed, strict=True):
        yield spans, _bytes(13, part) if part else b""


def _spans(rows: Rows, filled: Rows, is_first: Mask, n: int) -> Iterator[bytes]:
    """Return the spans of each of n rows.

    Args:
        rows: the row of each bucket that is not empty.
        filled: its index.
        is_first: whether it is the first of its row.
        n: how many rows there are.
    """
    ends = np.roll(filled, 1) + 1  # of the bucket before
    begins = np.flatnonzero(is_first | (filled != ends))
    # The first offset is counted from bucket 0, which has this index.
    offsets = filled[begins] - np.where(is_first[begins], -FIRST_NATIVE, ends[begins])
    lengths = np.diff(begins, append=len(filled))
    spans = list(map(_span, offsets.tolist(), lengths.tolist()))
    begin = 0
    for end in np.cumsum(np.bincount(rows[begins], minlength=n)).tolist():
        yield b"".join(spans[begin:end])
        begin = end


@lru_cache(4096)
def _span(offset: int, length: int) -> bytes:
    return _bytes(12, _integer(1, _zigzag(offset)) + _integer(2, length))


def _parts(data: Bytes, ends: Ints) -> Iterator[bytes]:
    """Return the parts of some bytes, which end at `ends`."""
    whole = data.tobytes()
    begin = 0
    for end in ends.tolist():
        yield whole[begin:end]
        begin = end


class Varints:
    """Many numbers that are not negative, 7 bits a byte, the lowest first.

    Args:
        numbers: the numbers, shape (n,).

    Attributes:
        lengths: how many bytes each takes, shape (n,).
    """

    def __init__(self, numbers: Ints | np.ndarray[tuple[int], np.dtype[np.uint64]]) -> None:
        self._numbers = numbers.astype(np.uint64)
        self.lengths: Ints = np.ones(len(numbers), np.int64)
        for bits in range(7, 64, 7):
            more = self._numbers >= np.uint64(1 << bits)
            if not more.any():
                break
            self.lengths += more

    def write(self, data: Bytes, begins: Ints) -> None:
        """Write each number to where it begins."""
        left, at, lengths = self._numbers, begins, self.lengths
        while len(left):
            more = lengths > 1
            data[at] = left & np.uint64(0x7F) | more.astype(np.uint64) << np.uint64(7)
            left, at, lengths = left[more] >> np.uint64(7), at[more] + 1, lengths[more] - 1


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


_BOUND_FIELDS = np.array([list(_double(2, bound)) for bound in (*CLASSIC_BOUNDS_S, float("inf"))], np.uint8)
_N_VALUE_HEAD = 3
"""The tag and the length of a value, and the tag of its number."""

_N_BUCKET_HEAD = 3
"""The tag and the length of a bucket, and the tag of its count."""
