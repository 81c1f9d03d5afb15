"""An attempt whose end no probe saw ends when its socket's address is used again: the ledger balances."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
import way
import workload
from tracer import Tracer

from tcpconntop.core.wire import Outcome
from tcpconntop.kernel import bpf_call

pytestmark = pytest.mark.compiles

LOOKUP, UPDATE, DELETE, NEXT_KEY = 1, 2, 3, 4
VALUE_BYTES = 512
"""At least the size of `struct attempt` (bpf/sock.h)."""
TRIES, ROUNDS = 50, 40


class StartMap:
    """The map of attempts in flight, from outside."""

    def __init__(self, tracer: Tracer) -> None:
        self._fd = workload.open_map(tracer.session, "tct_start")
        self.key = ctypes.c_uint64()
        self.value = ctypes.create_string_buffer(VALUE_BYTES)

    def _call(self, command: int, key: int, value: int) -> None:
        bpf_call.call(command, struct.pack("=IIQQQ", self._fd, 0, key, value, 0))

    def keep_the_first(self) -> None:
        self._call(NEXT_KEY, 0, ctypes.addressof(self.key))
        self._call(LOOKUP, ctypes.addressof(self.key), ctypes.addressof(self.value))

    def put_back(self) -> None:
        self._call(UPDATE, ctypes.addressof(self.key), ctypes.addressof(self.value))

    def remove(self) -> None:
        with suppress(FileNotFoundError):
            self._call(DELETE, ctypes.addressof(self.key), 0)

    def has_it(self) -> bool:
        other = ctypes.create_string_buffer(VALUE_BYTES)
        try:
            self._call(LOOKUP, ctypes.addressof(self.key), ctypes.addressof(other))
        except FileNotFoundError:
            return False
        return True


def reuse(tracer: Tracer, server: socket.socket, closed: int, is_followed: bool) -> bool:
    """Try to have an address used again whose attempt is stale. False: another process took it meanwhile."""
    tracer.session.set_filters(way.request(pids=(os.getpid(),)))
    in_flight = tracer.counters().in_flight
    client = workload.start_connect(server.getsockname())
    start_map = StartMap(tracer)
    start_map.keep_the_first()
    begin_ns = int.from_bytes(start_map.value.raw[:8], "little")
    client.close()
    before = tracer.until(lambda now: now.in_flight == in_flight)
    tracer.session.read(0)

    start_map.put_back()
    if not is_followed:
        tracer.session.set_filters(way.request(pids=(1,)))
    tried = 0
    while start_map.has_it() and tried < TRIES:
        tried += 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", closed))
    after = tracer.counters()
    records = tracer.session.read(0)
    start_map.remove()
    if after.outcomes[Outcome.ERROR] == before.outcomes[Outcome.ERROR]:
        return False
    followed = tried if is_followed else 0
    assert after.attempts - before.attempts == followed
    assert after.outcomes[Outcome.ERROR] - before.outcomes[Outcome.ERROR] == 1
    assert after.outcomes[Outcome.REFUSED] - before.outcomes[Outcome.REFUSED] == followed
    assert len(records) == followed + 1
    (stale,) = records[records["outcome"] == Outcome.ERROR]
    assert (stale["begin_ns"], stale["error"]) == (begin_ns, 0)
    return True


@pytest.mark.parametrize("is_followed", [True, False], ids=["followed", "excluded"])
def test_a_stale_attempt_ends_when_its_address_is_used_again(
    own_trace: Callable[..., Tracer], is_followed: bool
) -> None:
    """GIVEN an attempt without a socket WHEN its address connects again THEN it ends as an error."""
    with workload.silent_listener() as server, workload.closed_port() as closed:
        tracer = own_trace(pids=(os.getpid(),))
        assert any(reuse(tracer, server, closed, is_followed) for _ in range(ROUNDS))
        assert workload.nothing_left(tracer.session)
