"""The protobuf format, read back by a decoder that knows the schema in metrics.proto, and not the encoder."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from exporting import Records
from hypothesis import given
from hypothesis import strategies as st
from records import connect, join, random_records

from tcpconntop.core.wire import Outcome
from tcpconntop.exporter import protobuf_format
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S, FIRST_NATIVE, N_CLASSIC, N_NATIVE, NATIVE_SCHEMA
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.families import metric_families
from tcpconntop.exporter.requests import Request
from tcpconntop.exporter.responses import Pages

# metrics.proto: by message, the fields by number; a list is a repeated field, a tuple a message.
SPAN = {1: ("offset", "sint"), 2: ("length", "int")}
BUCKET = {1: ("cumulative_count", "int"), 2: ("upper_bound", "double")}
HISTOGRAM = {
    1: ("sample_count", "int"), 2: ("sample_sum", "double"), 3: ("bucket", [BUCKET]), 5: ("schema", "sint"),
    6: ("zero_threshold", "double"), 7: ("zero_count", "int"), 12: ("positive_span", [SPAN]),
    13: ("positive_delta", "packed sint"),
}  # fmt: skip
VALUE = {1: ("value", "double")}
LABEL = {1: ("name", "string"), 2: ("value", "string")}
METRIC = {1: ("label", [LABEL]), 2: ("gauge", VALUE), 3: ("counter", VALUE), 7: ("histogram", HISTOGRAM)}
FAMILY = {1: ("name", "string"), 2: ("help", "string"), 3: ("type", "int"), 4: ("metric", [METRIC])}
TYPES = {0: "counter", 1: "gauge", 4: "histogram"}

LATENCIES_NS = [0, 900, 20_000, 21_000, 20_000_000, 999_999_999, 1_000_000_000, 1_020_000_000, 300 * 10**9]


def varint(data, index):
    number = shift = 0
    while True:
        number |= (data[index] & 0x7F) << shift
        index, shift = index + 1, shift + 7
        if not data[index - 1] & 0x80:
            return number, index


def decode(data, fields):
    """Return a message as a dict; fail on anything that is not in its schema."""
    message, index = {}, 0
    while index < len(data):
        tag, index = varint(data, index)
        name, kind = fields[tag >> 3]
        repeated = isinstance(kind, list)
        kind = kind[0] if repeated else kind
        if kind in ("int", "sint"):
            assert tag & 7 == 0
            value, index = varint(data, index)
            value = (value >> 1) ^ -(value & 1) if kind == "sint" else value
        elif kind == "packed sint":
            assert tag & 7 == 2
            size, index = varint(data, index)
            end = index + size
            assert end <= len(data)
            while index < end:
                value, index = varint(data, index)
                message.setdefault(name, []).append((value >> 1) ^ -(value & 1))
            assert index == end
            continue
        elif kind == "double":
            assert tag & 7 == 1
            (value,), index = struct.unpack_from("<d", data, index), index + 8
        else:
            assert tag & 7 == 2
            size, index = varint(data, index)
            part, index = data[index : index + size], index + size
            assert len(part) == size
            value = part.decode() if kind == "string" else decode(part, kind)
        if repeated:
            message.setdefault(name, []).append(value)
        else:
            assert name not in message
            message[name] = value
    return message


def decoded(data):
    """Return the families of a page by name."""
    families, index = {}, 0
    while index < len(data):
        size, index = varint(data, index)
        family = decode(data[index : index + size], FAMILY)
        index += size
        assert index <= len(data)
        assert family["name"] not in families
        families[family["name"]] = family
    return families


def native_counts(histogram):
    """Return the counts of native buckets by index, read as the specification says."""
    counts, index, count, deltas = {}, 0, 0, iter(histogram.get("positive_delta", []))
    for span in histogram.get("positive_span", []):
        index += span["offset"]
        for _ in range(span["length"]):
            count += next(deltas)
            counts[index] = count
            index += 1
    assert next(deltas, None) is None
    return counts


def page_of(*batches):
    collector = Collector(Records(*batches), "dest", 10)
    taken = collector.latest
    return taken, decoded(protobuf_format.encode(metric_families(taken, tracing=True)))


def test_both_histograms_are_what_was_counted():
    taken, page = page_of(join(*(connect(latency_ns=ns) for ns in LATENCIES_NS), random_records(500, 6)))
    metrics = page["tcpconntop_connect_duration_seconds"]["metric"]
    assert len(metrics) == len(taken.series.labels)
    for row, metric in enumerate(metrics):
        assert [(label["name"], label["value"]) for label in metric["label"]] == list(
            zip(taken.label_names, taken.series.labels[row], strict=True)
        )
        histogram, native = metric["histogram"], taken.series.native[row]
        expected = {int(i) + FIRST_NATIVE: int(native[i]) for i in np.flatnonzero(native)}
        assert native_counts(histogram) == expected
        assert histogram["schema"] == NATIVE_SCHEMA
        assert (histogram["zero_count"], histogram["zero_threshold"] > 0) == (0, True)
        assert histogram["sample_count"] == sum(expected.values())
        assert histogram["sample_sum"] == pytest.approx(int(taken.series.sum_ns[row]) / 1e9)
        assert [b["upper_bound"] for b in histogram["bucket"]] == [*CLASSIC_BOUNDS_S, float("inf")]
        cumulative = np.cumsum(taken.series.classic[row]).tolist()
        assert [b["cumulative_count"] for b in histogram["bucket"]] == cumulative


def test_counters_and_gauges_are_there_with_type_and_value():
    _, page = page_of(connect(times=200), connect(outcome=Outcome.REFUSED, error=111))
    assert {name: TYPES[family["type"]] for name, family in page.items()} == {
        family.name: family.kind for family in metric_families(page_of()[0], tracing=True)
    }
    assert all(family["help"] and family["metric"] for family in page.values())
    assert page["tcpconntop_attempts_total"]["metric"] == [{"counter": {"value": 201.0}}]
    assert page["tcpconntop_in_flight"]["metric"] == [{"gauge": {"value": 0.0}}]


BUCKET_COUNTS = st.dictionaries(st.integers(0, N_NATIVE - 1), st.integers(1, 2**62), max_size=40)


@given(st.lists(BUCKET_COUNTS, min_size=1, max_size=4))
def test_any_native_counts_are_read_back(rows):
    native = np.zeros((len(rows), N_NATIVE), np.int64)
    for row, counts in enumerate(rows):
        native[row, list(counts)] = list(counts.values())
    histograms = [decode(spans + deltas, HISTOGRAM) for spans, deltas in protobuf_format._native(native)]
    assert [native_counts(histogram) for histogram in histograms] == [
        {index + FIRST_NATIVE: count for index, count in counts.items()} for counts in rows
    ]


@given(
    st.lists(st.lists(st.integers(0, 2**62), min_size=N_CLASSIC, max_size=N_CLASSIC), min_size=1, max_size=2)
)
def test_any_classic_counts_are_read_back(rows):
    histograms = [decode(data, HISTOGRAM) for data in protobuf_format._classic(np.array(rows, np.int64))]
    bounds = [*CLASSIC_BOUNDS_S, float("inf")]
    assert [histogram["bucket"] for histogram in histograms] == [
        [{"cumulative_count": n, "upper_bound": bound} for n, bound in zip(row, bounds, strict=True)]
        for row in rows
    ]


TYPE = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


@pytest.mark.parametrize(
    ("accept", "is_protobuf"),
    [
        (f"{TYPE},application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5", True),
        (f"{TYPE};q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        (f"text/plain;version=0.0.4;q=0.5,{TYPE};q=0.2", False),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", False),
        ("application/vnd.google.protobuf", False),
        (TYPE.replace("delimited", "text"), False),
        (f"{TYPE};q=0", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_protobuf_only_when_it_is_asked_for(accept, is_protobuf):
    collector = Collector(Records(connect()), "dest", 10)
    response = Pages(lambda: collector.latest).respond(Request("GET", "/metrics", {"accept": accept}))
    assert response.content_type.startswith("application/vnd" if is_protobuf else "text/plain")
    if is_protobuf:
        assert "tcpconntop_attempts_total" in decoded(response.body)
    else:
        assert b"tcpconntop_attempts_total 1\n" in response.body
