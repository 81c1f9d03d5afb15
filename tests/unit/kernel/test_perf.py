"""The reader of the perf transport, against a fake loader that sends prepared messages."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tcpconntop.core.wire import EVENT
from tcpconntop.kernel.forward import DATA_WAITING, READ_DONE, READ_REQUEST
from tcpconntop.kernel.launch import TracerError
from tcpconntop.kernel.perf import PerfBuffer


def records(*ends_ns: int) -> bytes:
    events = np.zeros(len(ends_ns), EVENT)
    events["end_ns"] = ends_ns
    return events.tobytes()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield ours, theirs


def test_a_batch_is_in_the_order_of_ends(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    for message in (records(5, 13), DATA_WAITING, records(3, 7, 11), READ_DONE):
        theirs.send(message)
    assert PerfBuffer(ours).read()["end_ns"].tolist() == [3, 5, 7, 11, 13]
    assert theirs.recv(16) == READ_REQUEST


def test_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(READ_DONE)
    events = PerfBuffer(ours).read()
    assert (len(events), events.dtype) == (0, EVENT)


def test_waiting_data_ends_a_wait(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    buffer = PerfBuffer(ours)
    waiter = threading.Thread(target=buffer.wait, args=(3_600,), daemon=True)
    waiter.start()
    assert waiter.is_alive()
    theirs.send(DATA_WAITING)
    waiter.join(60)
    assert not waiter.is_alive()


def test_the_answer_of_an_interrupted_read_is_not_lost(pair: tuple[socket.socket, socket.socket]) -> None:
    """GIVEN a read that Ctrl-C ended WHEN reading again THEN both answers are returned."""
    ours, theirs = pair
    buffer = PerfBuffer(ours)
    ours.settimeout(0.01)
    with pytest.raises(TimeoutError):
        buffer.read()
    for message in (records(2), READ_DONE, records(3), READ_DONE):
        theirs.send(message)
    assert buffer.read()["end_ns"].tolist() == [2, 3]


def test_a_loader_that_has_ended(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(TracerError, match=r"^the loader, which reads the perf buffers, has ended$"):
        PerfBuffer(ours).read()
