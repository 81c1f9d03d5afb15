"""Streams for the tests: a recording that is sent through a pipe."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.stream import Stream


class Sender:
    """The writing end of a pipe."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self.file = os.fdopen(reader, "rb")

    def send(self, data: bytes) -> None:
        os.write(self._writer, data)

    def end(self) -> None:
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1


@contextmanager
def through_a_pipe(data: bytes, **options: object) -> Iterator[Stream]:
    """Return a stream that another thread sends at full speed; a reader that gives up is no error there."""
    sender = Sender()

    def send() -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(sender._writer, rest[: 1 << 16]) :]
        except BrokenPipeError:
            pass
        sender.end()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        stream = Stream(Path("pipe"), sender.file, **options)  # type: ignore[arg-type]
        try:
            yield stream
        finally:
            stream.close()
    finally:
        thread.join()


def records_of(stream: Stream, count: int, wait_s: float = 1.0) -> Events:
    """Return records until there are so many."""
    found: list[Events] = [np.empty(0, EVENT)]
    while sum(map(len, found)) < count and not stream.ended:
        found.append(stream.read(wait_s))
    return np.concatenate(found)


def rest_of(stream: Stream) -> Events:
    return records_of(stream, 1 << 60)
