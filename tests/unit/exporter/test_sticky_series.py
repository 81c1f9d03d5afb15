"""The series of the exporter against a naive model: nothing ever goes back, and nothing is lost."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from records import connect, join

from tcpconntop.core.places import Names
from tcpconntop.core.wire import Outcome
from tcpconntop.exporter.labels import LABELLINGS, Labeller
from tcpconntop.exporter.series import MIN_STAY_NS, REVIEW_NS, SeriesTable

OTHER = ("other", "", "")


class Story:
    """A table that is fed by its labels, and a dict that counts one record at a time."""

    def __init__(self, top):
        self.table, self.now_ns = SeriesTable(top, OTHER, 0), 0
        self.labeller = Labeller(LABELLINGS["dest"])

    def connects(self, *records):
        events = join(*records)
        self.table.add(events, *self.labeller.labels_of(events, Names()), self.now_ns)

    def wait(self, ns=REVIEW_NS):
        self.now_ns += ns
        self.table.review(self.now_ns)

    @property
    def counts(self):
        taken = self.table.snapshot()
        return {labels[0]: int(n) for labels, n in zip(taken.labels, taken.outcomes.sum(1), strict=True)}


def test_the_first_labels_get_a_series_and_later_ones_are_other():
    story = Story(top=2)
    story.connects(connect("10.0.0.1", times=3), connect("10.0.0.2"), connect("10.0.0.3", times=7))
    assert story.counts == {"other": 7, "10.0.0.1": 3, "10.0.0.2": 1}


def test_a_busier_label_takes_over_and_its_past_stays_in_other():
    story = Story(top=1)
    story.connects(connect("10.0.0.1", times=5))
    story.connects(connect("10.0.0.2", times=50))
    story.wait(MIN_STAY_NS - 1)
    assert story.counts == {"other": 50, "10.0.0.1": 5}, "a series lives five minutes at least"
    story.connects(connect("10.0.0.2", times=50))
    story.wait(REVIEW_NS)
    assert story.counts == {"other": 100, "10.0.0.2": 0}
    story.connects(connect("10.0.0.2", times=2), connect("10.0.0.1", times=3))
    assert story.counts == {"other": 103, "10.0.0.2": 2}
    assert story.table.snapshot().evictions == 1


def test_a_little_busier_is_not_enough():
    story = Story(top=1)
    story.connects(connect("10.0.0.1", times=10), connect("10.0.0.2", times=20))
    story.wait(MIN_STAY_NS)
    assert story.counts == {"other": 20, "10.0.0.1": 10}


def test_a_series_that_comes_back_goes_on_from_its_values():
    story = Story(top=1)
    for address, times in (("10.0.0.1", 5), ("10.0.0.2", 50), ("10.0.0.1", 500)):
        story.connects(connect(address, times=times))
        story.wait(MIN_STAY_NS)
    assert story.counts == {"other": 550, "10.0.0.1": 5}
    story.connects(connect("10.0.0.1"))
    assert story.counts["10.0.0.1"] == 6


def test_an_idle_series_makes_room_for_any_other():
    story = Story(top=1)
    story.connects(connect("10.0.0.1", times=1000))
    for _ in range(12 * MIN_STAY_NS // REVIEW_NS):
        story.connects(connect("10.0.0.2"))
        story.wait()
    assert "10.0.0.2" in story.counts


def figures_of(table):
    """Return all figures of each series that is shown: outcomes, retransmits, sum, both histograms."""
    taken = table.snapshot()
    assert len(set(taken.labels)) == len(taken.labels)
    ok = taken.outcomes[:, Outcome.OK]
    assert (taken.classic.sum(1) == ok).all()
    assert (taken.native.sum(1) == ok).all()
    columns = (taken.outcomes, taken.syn_retransmits, taken.sum_ns, taken.classic, taken.native)
    return dict(
        zip(taken.labels, np.column_stack([column.reshape(len(ok), -1) for column in columns]), strict=True)
    )


def random_connects(random, step):
    """Return 60 connects to 40 destinations; which ones are busy changes every 30 steps."""
    favourite = step // 30 * 5 % 40
    some, busy = random.integers(0, 40, 60), (favourite + random.integers(0, 5, 60)) % 40
    return join(
        *(
            connect(
                f"10.0.0.{number}",
                latency_ns=int(random.lognormal(13, 2)),
                outcome=Outcome(int(random.choice([0, 0, 0, 1, 2]))),
                rtx=int(random.integers(0, 3)),
            )
            for number in np.where(random.random(60) < 0.5, some, busy)
        )
    )


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_a_random_story_never_goes_back_and_loses_nothing(seed, long):
    """GIVEN 40 destinations, 8 series WHEN busy ones change THEN no series goes back, and sums are right.

    The model knows nothing of places: it keeps the last figures of every series, and adds them up.
    """
    random = np.random.default_rng(seed)
    story, last, made, forgotten = Story(top=8), {}, Counter(), 0
    for step in range(160 if long else 100):
        events = random_connects(random, step)
        ok = events[events["outcome"] == Outcome.OK]
        made["ended"] += len(events)
        made["syn_retransmits"] += int(events["syn_retransmits"].sum())
        made["sum_ns"] += int((ok["end_ns"] - ok["begin_ns"]).sum())
        story.connects(events)
        now = figures_of(story.table)
        assert len(now) <= 9
        for labels, figures in now.items():
            assert labels not in last or (figures >= last[labels]).all(), labels
        last |= now
        story.wait()
        remembered = {OTHER, *story.table._rows, *story.table._gone}
        forgotten = forgotten + sum(last.pop(labels) for labels in last.keys() - remembered)
        assert len(last) <= 17
        total = sum(last.values()) + forgotten
        n = len(Outcome)
        assert (total[:n].sum(), total[n], total[n + 1]) == (
            made["ended"],
            made["syn_retransmits"],
            made["sum_ns"],
        )
    assert story.table.snapshot().evictions > 8


def test_a_snapshot_does_not_change_any_more():
    story = Story(top=2)
    story.connects(connect())
    taken = story.table.snapshot()
    story.connects(connect(times=9))
    assert taken.outcomes.sum() == 1
    with pytest.raises(ValueError, match="read-only"):
        taken.outcomes[0, 0] = 1


def test_a_scan_of_many_destinations_takes_no_memory():
    story = Story(top=3)
    for start in range(0, 30_000, 10_000):
        events = connect(times=10_000)
        octets = np.zeros((10_000, 16), np.uint8)
        number = start + np.arange(10_000)
        octets[:, 0], octets[:, 2], octets[:, 3] = 10, number >> 8, number & 255
        events["daddr"] = octets.view("V16").ravel()
        story.connects(events)
    assert len(story.table._candidates) <= 10_000
    assert sum(story.counts.values()) == 30_000
