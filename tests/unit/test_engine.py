"""When the engine publishes: at its interval, and at once after a change of its settings."""

from __future__ import annotations

import threading

import pytest

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events
from tcpconntop.engine import COST_INTERVAL_S, MAX_WOKEN_READ_S, CostMeter, Engine
from tcpconntop.sources.synthetic import Synthetic

DEADLINE_S = 60.0


class Waiting(Synthetic):
    """A source whose clock advances with each read by the timeout, at most 0.1 s."""

    def __init__(self) -> None:
        self.clock_ns = 1_000 * SECOND_NS
        super().__init__(clock_ns=lambda: self.clock_ns)

    def read(self, timeout_s: float) -> Events:
        self.clock_ns += round(min(timeout_s, 0.1) * SECOND_NS)
        return super().read(0)


def publication_times_s(
    changes: int, publications: int, interval_s: float = 10.0, **options: float
) -> list[float]:
    """Return the times of the publications, in s; the window is changed after each of the first `changes`."""
    source, times_s = Waiting(), []

    def publish(snapshot: Snapshot) -> None:
        times_s.append(snapshot.now_ns / SECOND_NS - 1_000)
        if len(times_s) <= changes:
            engine.set_window(300.0 if len(times_s) % 2 else 60.0)
        elif len(times_s) == publications:
            engine.stop()

    clock_s = lambda: source.clock_ns / SECOND_NS  # noqa: E731
    engine = Engine(source, publish, interval_s=interval_s, clock_s=clock_s, **options)
    engine.run()
    return times_s[:publications]


def test_snapshots_come_at_the_interval() -> None:
    """GIVEN an engine without changes WHEN it runs THEN snapshots come at its interval."""
    assert [round(time_s, 3) for time_s in publication_times_s(0, 3)] == [10.0, 20.0, 30.0]


def test_the_first_snapshot_may_come_sooner() -> None:
    """GIVEN a shorter time for the first snapshot, or a longer one THEN the others come at the interval."""
    times_s = publication_times_s(0, 3, first_s=0.2)
    assert [round(time_s, 3) for time_s in times_s] == [0.2, 10.2, 20.2]
    assert round(publication_times_s(0, 1, first_s=99.0)[0], 3) == 10.0


def test_changes_do_not_delay_the_next_snapshots() -> None:
    """GIVEN many changes in a row WHEN they end THEN the next snapshot comes one interval later."""
    *after_changes, last, following = publication_times_s(5, 7)
    assert len(after_changes) == 5
    assert last - after_changes[0] < 10
    assert 0 < following - last <= 10


class Sleeping(Synthetic):
    """A source whose reads wait until they are woken, however long they may take."""

    def __init__(self) -> None:
        super().__init__()
        self.woken, self.timeouts_s = threading.Event(), []

    def wake(self) -> None:
        self.woken.set()

    def read(self, timeout_s: float) -> Events:
        self.timeouts_s.append(timeout_s)
        if timeout_s and not self.woken.wait(DEADLINE_S):
            raise TimeoutError
        self.woken.clear()
        return super().read(0)


@pytest.mark.parametrize(
    "wish", [lambda engine: engine.set_window(300.0), lambda engine: engine.set_interval(99)]
)
def test_a_wish_wakes_a_source_that_can_be_woken(wish) -> None:
    """GIVEN an engine that waits in a read WHEN a wish comes, or the end THEN the wait ends."""
    source, snapshots = Sleeping(), []

    def publish(snapshot: Snapshot) -> None:
        snapshots.append(snapshot)
        threading.Thread(target=engine.stop).start()

    engine = Engine(source, publish, interval_s=3_600.0)
    thread = threading.Thread(target=engine.run)
    thread.start()
    wish(engine)
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert len(snapshots) == 2  # of the wish, and the last one
    assert max(source.timeouts_s) == MAX_WOKEN_READ_S


def test_given_a_cost_that_was_measured_when_read_again_soon_then_it_is_the_same_one():
    times_s = iter(
        [100.0, 100.0, 100.0 + COST_INTERVAL_S / 2, 100.0 + COST_INTERVAL_S, 101.0 + COST_INTERVAL_S]
    )
    meter = CostMeter(lambda: next(times_s))
    first, soon, later, soon_after = (meter.read() for _ in range(4))
    assert first is soon
    assert later is not first
    assert later is soon_after


class Attached(Waiting):
    """A source whose first read returns connects that ended before the engine was made."""

    def read(self, timeout_s: float) -> Events:
        events = super().read(timeout_s)
        if len(events) and not self.waited:
            self.waited = True
            events["end_ns"][0] = self.clock_ns - 30 * SECOND_NS
        return events

    waited = False


def test_given_connects_that_waited_when_they_are_counted_then_the_window_covers_their_time() -> None:
    source, spans_s, seconds = Attached(), [], []

    def publish(snapshot: Snapshot) -> None:
        spans_s.append(snapshot.span_s)
        seconds.append(snapshot.window.slices[0].second)
        engine.stop()

    engine = Engine(source, publish, interval_s=1.0, clock_s=lambda: source.clock_ns / SECOND_NS)
    engine.run()
    assert spans_s[0] >= 30
    assert seconds[0] == 970
