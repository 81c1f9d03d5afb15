"""Recordings on stdout: a reader that is slow, stuck or gone."""

from __future__ import annotations

import fcntl
import os
import select
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from recordings import Scenario, events_of, recording

from tcpconntop.core.errors import FatalError
from tcpconntop.recording import stdout
from tcpconntop.recording.frames import PREFIX_BYTES, Frame, FrameKind, FrameScanner, file_prefix
from tcpconntop.recording.stdout import ReaderGoneError, StreamOutput
from tcpconntop.recording.writer import RecordingWriter


class Reader:
    """Stdout, and what was said on stderr."""

    def __init__(self) -> None:
        self.number, self.stdout = os.pipe()
        self.said: list[str] = []
        self.ending = False

    def output(self) -> StreamOutput:
        return StreamOutput(self.said.append, lambda: self.ending, self.stdout)

    def fill(self) -> None:
        """Take all room in the pipe."""
        os.set_blocking(self.stdout, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.stdout, bytes(1 << 12))
        os.set_blocking(self.stdout, True)

    def read(self) -> bytes:
        return os.read(self.number, 1 << 16)

    def rest(self) -> bytes:
        """Close stdout and return what is left in it."""
        os.close(self.stdout)
        self.stdout = -1
        data = b""
        while more := self.read():
            data += more
        return data

    def go(self) -> None:
        """Close the reading end."""
        os.close(self.number)
        self.number = -1

    def close(self) -> None:
        for descriptor in (self.number, self.stdout):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def frames_of(data: bytes) -> list[Frame]:
    scanner = FrameScanner()
    items = [*scanner.feed(data[PREFIX_BYTES:]), *scanner.finish()]
    assert all(isinstance(item, Frame) for item in items)
    return items  # type: ignore[return-value]


def test_the_header_is_there_before_anything_else_happens(reader: Reader) -> None:
    """GIVEN a stream WHEN tracing begins THEN the other side can tell at once whom it sees."""
    scenario = Scenario()
    writer = RecordingWriter(scenario, reader.output(), clock_s=scenario.clock_s)
    data = b""
    while len(data) <= PREFIX_BYTES or not frames_of(data):
        assert select.select([reader.number], [], [], 60)[0]
        data += reader.read()
    assert frames_of(data)[0].kind is FrameKind.HEADER
    writer.close()


def test_a_stream_has_a_block_each_second_though_nothing_connects(reader: Reader) -> None:
    scenario = Scenario(5, silent=range(5))
    writer = RecordingWriter(scenario, reader.output(), clock_s=scenario.clock_s)
    while not scenario.ended:
        writer.read(0.1)
    writer.close()
    kinds = [frame.kind for frame in frames_of(reader.rest())]
    assert kinds.count(FrameKind.BLOCK) >= 5
    assert kinds[0] is FrameKind.HEADER
    assert kinds[-1] is FrameKind.END


def test_what_a_slow_reader_gets_is_complete(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a reader that is too slow WHEN it reads on THEN it has every record, in order."""
    monkeypatch.setattr(stdout, "MAX_WAITING_BYTES", 1 << 12)
    fcntl.fcntl(reader.stdout, fcntl.F_SETPIPE_SZ, 1 << 12)
    parts: list[bytes] = []

    def read() -> None:
        while data := os.read(reader.number, 100):
            parts.append(data)

    reading = threading.Thread(target=read)

    def say(line: str) -> None:
        reader.said.append(line)
        if not reading.ident:  # tracing waits: read on
            reading.start()

    scenario, expected = Scenario(6), 0
    output = StreamOutput(say, descriptor=reader.stdout)
    writer = RecordingWriter(scenario, output, codec="none", clock_s=scenario.clock_s)
    while not scenario.ended:
        expected += len(writer.read(0.1))
    writer.close()
    os.close(reader.stdout)
    reader.stdout = -1
    reading.join()
    assert writer.failure is None
    assert any("too slowly" in line for line in reader.said)
    assert len(events_of(recording(b"".join(parts)))) == expected > 300


def test_a_reader_that_stops_is_told_and_holds_back_no_more_than_the_bound(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN a pipe that is full, and as much waiting as may WHEN more comes THEN it waits, and says so."""
    monkeypatch.setattr(stdout, "MAX_WAITING_BYTES", 1 << 16)
    reader.fill()
    output = reader.output()
    output.append(bytes(1 << 15))
    assert reader.said == []
    appending = threading.Thread(target=output.append, args=(bytes(1 << 15),))
    appending.start()
    while not reader.said:
        appending.join(0.01)
    assert reader.said == [
        "stdout is read too slowly: 32.8 kB wait, and tracing waits too: connects may be lost"
    ]
    assert appending.is_alive()
    data = b""
    while len(data) < 1 << 16:
        data += reader.read()
    appending.join()
    assert reader.said[1:] == ["stdout is read again, and tracing goes on"]
    closing = threading.Thread(target=output.close)
    closing.start()
    while closing.is_alive() or select.select([reader.number], [], [], 0)[0]:
        if select.select([reader.number], [], [], 0.01)[0]:
            data += reader.read()
    assert data.endswith(file_prefix() + bytes(1 << 16))


def test_a_reader_that_stops_does_not_hold_up_the_end(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN a pipe that is full WHEN a signal has come THEN the stream is given up, with a reason."""
    monkeypatch.setattr(stdout, "LAST_WAIT_S", 0.1)
    reader.fill()
    output = reader.output()
    reader.ending = True
    with pytest.raises(FatalError) as failed:
        output.close()
    assert str(failed.value) == "stdout takes nothing: the recording has no end"
    output.close()


def test_a_reader_that_has_gone_ends_the_stream(reader: Reader) -> None:
    scenario = Scenario()
    writer = RecordingWriter(scenario, reader.output(), clock_s=scenario.clock_s)
    reader.go()
    while writer.failure is None and not scenario.ended:
        writer.read(0.1)
    writer.close()
    assert isinstance(writer.failure, ReaderGoneError)


def test_a_file_as_stdout_is_a_recording(tmp_path: Path) -> None:
    scenario = Scenario()
    with (tmp_path / "r").open("wb") as file:
        writer = RecordingWriter(
            scenario, StreamOutput(lambda line: None, descriptor=file.fileno()), clock_s=scenario.clock_s
        )
        n = 0
        while not scenario.ended:
            n += len(writer.read(0.1))
        writer.close()
    assert len(events_of(recording(tmp_path / "r"))) == n > 300
    assert writer.written_bytes == (tmp_path / "r").stat().st_size
