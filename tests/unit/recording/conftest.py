"""A whole recording, and streams, for tests that read, damage and play them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_recordings import recorded
from piped import Sender
from recordings import Scenario, record

from tcpconntop.recording.stream import Stream


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("recording") / "whole"
    record(path, Scenario(4))
    return path.read_bytes()


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender()
    yield sender
    sender.end()
    sender.file.close()


@pytest.fixture
def opened(sender: Sender) -> Iterator[Callable[..., Stream]]:
    """A function that sends a beginning and opens the stream."""
    streams: list[Stream] = []

    def open_stream(beginning: bytes = recorded(), **options: object) -> Stream:
        sender.send(beginning)
        streams.append(Stream(Path("pipe"), sender.file, **options))  # type: ignore[arg-type]
        return streams[-1]

    yield open_stream
    for stream in streams:
        stream.close()
