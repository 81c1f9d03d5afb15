"""A session under test, with counters that start at zero."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import way
import workload

from tcpconntop.core.analysis.anatomy import anatomy
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import Counters, Session


class Tracer:
    """The counters and records of a session since these filters were set.

    Compiling takes long in an emulated machine, so tests share a session and change its filters.
    """

    def __init__(self, session: Session, request: TraceRequest) -> None:
        self.session = session
        self.events: Events = np.empty(0, EVENT)
        self._before = Counters(0, (0,) * N_OUTCOMES, 0, 0, 0, 0, 0)
        session.set_filters(request)
        self._before = self.until(lambda now: now.in_flight == 0)
        session.read(0)

    def counters(self) -> Counters:
        """Return the session's counters since the filters were set."""
        now, before = self.session.counters(), self._before
        tuples = {
            name: tuple(a - b for a, b in zip(getattr(now, name), getattr(before, name), strict=True))
            for name in ("outcomes", "missed_outcomes")
        }
        numbers = {
            field.name: getattr(now, field.name) - getattr(before, field.name)
            for field in fields(Counters)
            if field.name not in tuples
        }
        return Counters(**tuples, **numbers)

    def until(self, reached: Callable[[Counters], bool]) -> Counters:
        """Wait until `reached` is true of the counters and return them; fail after the deadline."""
        deadline = time.monotonic() + way.DEADLINE_S
        while not reached(counters := self.counters()):
            assert time.monotonic() < deadline, f"not reached: {counters}"
            time.sleep(0.002)
        return counters

    @property
    def sees_calls(self) -> bool:
        return way.sees_calls(self.session.probe)

    def ended(self, attempts: int) -> Events:
        """Wait until this many attempts have begun and none is in flight; return all records."""
        counters = self.until(lambda now: now.attempts >= attempts and now.in_flight == 0)
        self.events = np.concatenate([self.events, self.session.read(0)])
        assert counters.attempts == attempts
        assert counters.ring_drops == counters.start_failures == 0
        assert len(self.events) == attempts - counters.below_minimum
        return self.events


def one_lost_syn(trace: Callable[..., Tracer]) -> tuple[Tracer, Events]:
    """Trace a connect whose first SYN is dropped and whose second one is answered."""
    with workload.silent_listener() as server:
        tracer = trace()
        with workload.start_connect(server.getsockname()) as client:
            tracer.until(lambda now: now.attempts == 1)
            server.accept()[0].close()
            assert workload.wait_connect(client, way.DEADLINE_S) == 0
    return tracer, tracer.ended(1)


def assert_adds_up(tracer: Tracer, events: Events) -> None:
    """Assert that the parts of each latency add up to it, where the probe set separates them."""
    parts = anatomy(events)
    if tracer.sees_calls:
        assert parts.local + parts.rto + parts.wire == pytest.approx(parts.latency, abs=2)
        assert (parts.local > 0).all()
        assert (parts.wire > 0).all()
    else:
        assert np.isnan(parts.local).all()
