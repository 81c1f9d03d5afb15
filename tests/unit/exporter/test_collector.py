"""The collector: from a source to snapshots."""

from __future__ import annotations

from exporting import Records
from records import connect, join

from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.wire import Outcome
from tcpconntop.exporter.collector import Collector

REFUSED = connect("10.0.0.2", outcome=Outcome.REFUSED, error=111, times=3)


def test_it_reads_until_the_source_has_ended_and_publishes_all():
    collector = Collector(Records(connect(times=2), connect(times=5), REFUSED, REFUSED), "port", 10)
    collector.run(lambda: False)
    assert collector.latest.series.outcomes.sum(0).tolist() == [7, 6, 0, 0, 0, 0]
    assert collector.latest.failures == {(Outcome.REFUSED, 111): 6}


def test_a_filter_leaves_connects_out_of_the_series():
    source = Records(join(connect(times=2), REFUSED))
    collector = Collector(source, "dest", 10, parse_filter("dest:10.0.0.2"))
    assert collector.latest.series.outcomes.sum() == 3
    assert [labels[0] for labels in collector.latest.series.labels] == ["other", "10.0.0.2"]


def test_a_published_snapshot_is_not_changed_by_later_records():
    collector = Collector(Records(connect(), connect()), "dest", 10)
    first = collector.latest
    collector.run(lambda: False)
    assert (int(first.series.outcomes.sum()), int(collector.latest.series.outcomes.sum())) == (1, 2)
