"""When the engine publishes: at its interval, and at once on request."""

from __future__ import annotations

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events
from tcpconntop.engine import Engine
from tcpconntop.sources.synthetic import Synthetic


class Waiting(Synthetic):
    """A source whose clock advances with each read by the timeout, but by at most 0.1 s."""

    def __init__(self) -> None:
        self.clock_ns = 1_000 * SECOND_NS
        super().__init__(clock_ns=lambda: self.clock_ns)

    def read(self, timeout_s: float) -> Events:
        self.clock_ns += round(min(timeout_s, 0.1) * SECOND_NS)
        return super().read(0)


def published_s(requests: int, publications: int, interval_s: float = 10.0) -> list[float]:
    """Return when snapshots are published, if each of the first ones is followed by a request."""
    source, at_s = Waiting(), []

    def publish(snapshot: Snapshot) -> None:
        at_s.append(snapshot.now_ns / SECOND_NS - 1_000)
        if len(at_s) <= requests:
            engine.set_window(300.0 if len(at_s) % 2 else 60.0)
        elif len(at_s) == publications:
            engine.stop()

    engine = Engine(source, publish, interval_s=interval_s, clock_s=lambda: source.clock_ns / SECOND_NS)
    engine.run()
    return at_s[:publications]


def test_snapshots_come_at_the_interval() -> None:
    """GIVEN an engine without requests WHEN it runs THEN snapshots come at its interval."""
    assert [round(at, 3) for at in published_s(0, 3)] == [10.0, 20.0, 30.0]


def test_requests_do_not_delay_the_snapshots_that_follow() -> None:
    """GIVEN many requests in a row WHEN they are over THEN the next snapshot comes one interval later."""
    *requested, last, following = published_s(5, 7)
    assert len(requested) == 5
    assert last - requested[0] < 10
    assert 0 < following - last <= 10
