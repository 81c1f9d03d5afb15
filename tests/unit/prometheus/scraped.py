"""A Prometheus server for the unit tests: scrapes real exporters of known records, and answers queries."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
from records import PlainSource, join

from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, Outcome
from tcpconntop.exporter.buckets import CLASSIC_BOUNDS_S, FIRST_NATIVE, NATIVE_SCHEMA
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.families import HistogramSample, metric_families
from tcpconntop.prometheus.client import QueryError
from tcpconntop.prometheus.poller import Poller
from tcpconntop.prometheus.queries import LAST_SAMPLES, SCRAPES, counters_of
from tcpconntop.prometheus.server import ServerAddress

BEGAN_S = 1_800_000_000
"""When the clock of the tests begins: a whole number of all steps."""


class Records(PlainSource):
    """A `Source` of the records that were added since the last read."""

    ended = False

    def __init__(self):
        self._new, self._ledger, self.in_flight = np.empty(0, EVENT), Ledger(), 0

    def add(self, *events):
        self._new = join(self._new, *events)
        counts = np.bincount(self._new["outcome"], minlength=len(Outcome)).tolist()
        self._ledger = self._ledger.plus_ended(counts, int(self._new["syn_retransmits"].sum()))

    def read(self, timeout_s):
        new, self._new = self._new, np.empty(0, EVENT)
        return new

    def ledger(self):
        return dataclasses.replace(self._ledger, attempts=self._ledger.attempts + self.in_flight)


class Host:
    """An exporter of one host, and what was scraped of it.

    Attributes:
        source: what happens on it.
        scrapes: time and samples of each scrape: (labels, value or native histogram).
        gone_s: when it could not be scraped any more; None if it can.
    """

    def __init__(self, instance, started_s=BEGAN_S - 86_400, by="dest", top=100, native=False):
        self.labels = {"job": "tcpconntop", "instance": instance}
        self.by, self.top, self.native, self.scrapes, self.gone_s = by, top, native, [], None
        self.start(started_s)

    @property
    def target(self):
        return tuple(sorted(self.labels.items()))

    def start(self, started_s):
        """Start its exporter, or start it again."""
        self.source, self.started_s = Records(), started_s
        self.collector = Collector(self.source, self.by, self.top)

    def scrape(self, at_s, *events):
        """Let connects end, and be scraped."""
        if len(events):
            self.source.add(*events)
        self.collector.publish()
        latest = self.collector.latest
        cost = dataclasses.replace(latest.cost, started_s=self.started_s)
        families = metric_families(dataclasses.replace(latest, cost=cost), tracing=True)
        self.scrapes.append((at_s, [sample for family in families for sample in self._samples(family)]))
        self.gone_s = None

    def _samples(self, family):
        for sample in family.samples:
            labels = self.labels | dict(sample.labels)
            if not isinstance(sample, HistogramSample):
                yield labels | {"__name__": family.name}, f"{sample.value:.17g}"
            elif self.native:
                yield labels | {"__name__": family.name}, _native(sample)
            else:
                for bound, count in zip((*CLASSIC_BOUNDS_S, "+Inf"), sample.cumulative, strict=True):
                    yield labels | {"__name__": family.name + "_bucket", "le": str(bound)}, str(count)
                yield labels | {"__name__": family.name + "_sum"}, f"{sample.sum_s:.17g}"

    def at(self, moment_s):
        """Return time and samples of the scrape that a query at a moment sees; None if there is none."""
        if self.gone_s is not None and self.gone_s <= moment_s:
            return None
        seen = [scrape for scrape in self.scrapes if moment_s - 300 < scrape[0] <= moment_s]
        return seen[-1] if seen else None


def _native(sample):
    bounds = 2.0 ** ((FIRST_NATIVE - 1 + np.arange(len(sample.native) + 1)) / (1 << NATIVE_SCHEMA))
    filled = np.flatnonzero(sample.native)
    buckets = [
        [0, f"{bounds[n]:.17g}", f"{bounds[n + 1]:.17g}", str(int(sample.native[n]))] for n in filled.tolist()
    ]
    return {"count": str(sample.total), "sum": f"{sample.sum_s:.17g}", "buckets": buckets}


class Server:
    """Answers as a `Client`.

    Attributes:
        now_s: its time, and that of the poller.
        failure: why it does not answer; empty if it does.
        asked: the queries so far.
    """

    server = ServerAddress("prometheus", 9090)

    def __init__(self, *hosts):
        self.hosts, self.now_s, self.failure, self.asked = list(hosts), BEGAN_S + 0.0, "", []

    def poller(self, **options):
        return Poller(self, clock_s=lambda: self.now_s - 777, **options)

    def ask(self, what, parameters):
        self.asked.append(parameters["query"])
        if self.failure:
            raise QueryError(self.failure)
        if what == "query_range":
            return self._range(parameters)
        found = [(host, host.at(self.now_s)) for host in self.hosts]
        if parameters["query"] == LAST_SAMPLES:
            return [{"metric": host.labels, "value": [self.now_s, str(now[0])]} for host, now in found if now]
        assert parameters["query"] == SCRAPES
        return [
            {
                "metric": {"__name__": "tcpconntop_tracing"} | host.labels,
                "values": [[at_s, "1"] for at_s, _ in host.scrapes if self.now_s - 300 < at_s <= self.now_s],
            }
            for host in self.hosts
            if any(self.now_s - 300 < at_s <= self.now_s for at_s, _ in host.scrapes)
        ]

    def _range(self, parameters):
        (host,) = (host for host in self.hosts if counters_of(host.target) == parameters["query"])
        names = re.compile(re.search(r'__name__=~"([^"]*)"', parameters["query"])[1])
        first, last, step = (int(parameters[name]) for name in ("start", "end", "step"))
        series = {}
        for moment in range(first, last + 1, step):
            for labels, value in (host.at(moment) or (0, []))[1]:
                if names.fullmatch(labels["__name__"]):
                    one = series.setdefault(tuple(labels.items()), {"metric": labels})
                    kind = "values" if isinstance(value, str) else "histograms"
                    one.setdefault(kind, []).append([moment, value])
        return list(series.values())
