"""The text format: read back by the parser of Prometheus's Python client and by promtool."""

from __future__ import annotations

import numpy as np
import pytest
from exporting import Records, run_promtool
from records import connect, join, random_records

from tcpconntop.core.wire import Outcome
from tcpconntop.exporter import text_format
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.families import Family, Sample, metric_families

EVENTS = join(
    connect("10.0.0.1", 443, latency_ns=20_000_000, times=23),
    connect("10.0.0.1", 443, latency_ns=1_020_000_000, rtx=1, times=2),
    connect("2001:db8::1", 80, outcome=Outcome.REFUSED, error=111, times=5),
    connect("10.0.0.2", 80, outcome=Outcome.ERROR, error=99, times=3),
)


def text_of(*batches, by="dest", top=100):
    collector = Collector(Records(*batches), by, top)
    return text_format.encode(metric_families(collector.latest, tracing=True)).decode()


def parsed(text):
    parser = pytest.importorskip(
        "prometheus_client.parser", reason="not run: prometheus_client is not installed"
    )
    samples = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in samples, "no series twice"
            samples[key] = sample.value
    return samples


def value(samples, name, **labels):
    return samples[(name, *sorted(labels.items()))]


def test_what_was_counted_is_what_a_parser_reads():
    samples = parsed(text_of(EVENTS))
    dest = {"destination": "10.0.0.1", "port": "443", "family": "4"}
    histogram = "tcpconntop_connect_duration_seconds"
    assert value(samples, f"{histogram}_count", **dest) == 25
    assert value(samples, f"{histogram}_sum", **dest) == pytest.approx(23 * 0.02 + 2 * 1.02, rel=1e-12)
    expected = [23 * (bound >= 0.02) + 2 * (bound >= 1.02) for bound in CLASSIC_BOUNDS_S]
    assert [value(samples, f"{histogram}_bucket", **dest, le=repr(b)) for b in CLASSIC_BOUNDS_S] == expected
    assert value(samples, f"{histogram}_bucket", **dest, le="+Inf") == 25
    assert value(samples, "tcpconntop_syn_retransmits_total", **dest) == 2
    assert value(samples, "tcpconntop_connects_total", **dest, outcome="ok") == 25
    other = {"destination": "2001:db8::1", "port": "80", "family": "6", "outcome": "refused"}
    assert value(samples, "tcpconntop_connects_total", **other) == 5
    assert value(samples, "tcpconntop_failures_total", outcome="error", errno="EADDRNOTAVAIL") == 3
    assert value(samples, "tcpconntop_failures_total", outcome="timeout", errno="ETIMEDOUT") == 0
    assert value(samples, "tcpconntop_attempts_total") == 33
    assert ("tcpconntop_completeness_ratio",) not in samples, "what is not known is absent"


@pytest.mark.parametrize("by", ["dest", "port", "subnet", "unit"])
def test_many_series_by_every_way_add_up(by):
    samples = parsed(text_of(random_records(2_000, 50), by=by, top=7))
    ended = sum(count for (name, *_), count in samples.items() if name == "tcpconntop_connects_total")
    assert ended == 2_000
    assert not any(label in ("pid", "lport", "saddr") for key in samples for label, _ in key[1:])


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "\\n", 'a\\"', "µs {}=,", ""])
def test_any_value_of_a_label_is_read_back(text):
    families_ = [Family("x_total", "counter", 'with \\ and "\n', [Sample((("unit", text),), 3)])]
    samples = parsed(text_format.encode(families_).decode())
    assert samples == {("x_total", ("unit", text)): 3}


def test_promtool_finds_nothing_to_complain_about():
    text = text_of(np.concatenate((EVENTS, random_records(500, 20))))
    assert run_promtool("check", "metrics", text=text) == (0, "")
