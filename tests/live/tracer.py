"""A session under test."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import way

from tcpconntop.core.wire import EVENT, Events
from tcpconntop.kernel.session import Counters, Session


class Tracer:
    """A session, and what it has read so far."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.events: Events = np.empty(0, EVENT)

    def until(self, reached: Callable[[Counters], bool]) -> Counters:
        """Wait until the counters show it. What should come never comes: the test fails."""
        deadline = time.monotonic() + way.DEADLINE_S
        while not reached(counters := self.session.counters()):
            assert time.monotonic() < deadline, f"not reached: {counters}"
            time.sleep(0.002)
        return counters

    @property
    def sees_calls(self) -> bool:
        return way.sees_calls(self.session.probe)

    def ended(self, attempts: int) -> Events:
        """All records, once this many attempts have begun and none is in flight."""
        counters = self.until(lambda now: now.attempts >= attempts and now.in_flight == 0)
        self.events = np.concatenate([self.events, self.session.read(0)])
        assert counters.attempts == attempts
        assert counters.ring_drops == counters.start_failures == 0
        assert len(self.events) == attempts - counters.below_minimum
        return self.events
