"""Streams: a recording that comes through a pipe is shown as it comes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import hostile_recordings
import numpy as np
import pytest
from hostile_recordings import FIVE, GOOD, NOW_NS, block_frame, end_frame, recorded
from recordings import events_of, recording, replayed

from tcpconntop.core.errors import FatalError
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.engine import Engine
from tcpconntop.recording.stream import MIN_BEHIND_S, NO_END, Stream

SOON_S = 0.01
DEADLINE_S = 60.0


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


# What comes, when it comes


def test_a_record_is_returned_while_the_sender_goes_on(sender: Sender, opened: Callable[..., Stream]) -> None:
    """GIVEN a sender that goes on WHEN a block of 5 has come THEN its records and its totals are there."""
    stream = opened()
    assert len(stream.read(SOON_S)) == 0
    assert not stream.ended
    sender.send(block_frame(GOOD, FIVE))
    assert np.array_equal(records_of(stream, 5), FIVE)
    assert stream.ledger().attempts == 5
    assert not stream.ended
    assert (stream.info.label, stream.info.live, stream.player) == ("stream", False, None)


def test_a_frame_that_comes_in_pieces_is_whole(sender: Sender, opened: Callable[..., Stream]) -> None:
    """GIVEN a frame, a byte at a time WHEN read THEN nothing is returned before its end, or lost."""
    stream, frame = opened(), block_frame(GOOD, FIVE)
    for byte in frame[:-1]:
        sender.send(bytes([byte]))
        assert len(stream.read(0)) == 0
    sender.send(frame[-1:])
    assert len(records_of(stream, 5)) == 5
    assert stream.ledger().lost == 0


def test_a_torn_frame_is_counted_and_the_next_one_read(sender: Sender, opened: Callable[..., Stream]) -> None:
    stream, frame = opened(), block_frame(GOOD, FIVE)
    sender.send(frame[:40] + frame[80:])
    sender.send(block_frame(GOOD.replace(b'"attempts": 5', b'"attempts": 10'), FIVE, records_before=5))
    assert len(records_of(stream, 5)) == 5
    assert stream.ledger().lost == 5
    assert "the recording is damaged in one place: 5 connects are missing" in stream.info.notes


def test_the_end_is_known(sender: Sender, opened: Callable[..., Stream]) -> None:
    stream = opened()
    sender.send(block_frame(GOOD, FIVE) + end_frame(5))
    assert len(records_of(stream, 5)) == 5
    sender.end()
    assert len(rest_of(stream)) == 0
    assert stream.ended
    assert stream.info.notes == ()


def test_a_stream_that_is_cut_off_says_so(sender: Sender, opened: Callable[..., Stream]) -> None:
    stream = opened()
    sender.send(block_frame(GOOD, FIVE) + end_frame(5)[:70])
    sender.end()
    assert len(rest_of(stream)) == 5
    assert stream.info.notes == (f"{NO_END}; the last second may be missing",)


def test_a_header_that_comes_in_pieces_is_waited_for(sender: Sender) -> None:
    def send() -> None:
        for byte in recorded():
            sender.send(bytes([byte]))

    thread = threading.Thread(target=send)
    thread.start()
    stream = Stream(Path("pipe"), sender.file)
    thread.join()
    assert stream.info.host == "host"
    stream.close()


def test_a_waiting_read_can_be_woken(opened: Callable[..., Stream]) -> None:
    stream = opened()
    reading = threading.Thread(target=stream.read, args=(3600,))
    reading.start()
    while reading.is_alive():
        stream.wake()
        reading.join(SOON_S)


def test_nothing_is_read_ahead(sender: Sender, opened: Callable[..., Stream]) -> None:
    """GIVEN more than a pipe holds WHEN nobody reads the stream THEN the sender waits: memory has a bound."""
    stream = opened()
    os.set_blocking(sender._writer, False)
    sent, frame = 0, block_frame(GOOD, FIVE)
    with suppress(BlockingIOError):
        while sent < 4 << 20:
            sent += os.write(sender._writer, frame)
    assert sent < 4 << 20
    assert stream.ledger().attempts == 0


# How far behind


def test_silence_is_told_and_over_with_the_next_block(sender: Sender, opened: Callable[..., Stream]) -> None:
    """GIVEN blocks that were written each second WHEN none comes THEN the stream is as far behind as that."""
    now_s = 500.0
    stream = opened(clock_s=lambda: now_s)

    def block(after_s: int) -> bytes:
        text = GOOD.replace(str(NOW_NS + SECOND_NS).encode(), str(NOW_NS + after_s * SECOND_NS).encode())
        return block_frame(text, FIVE, records_before=0 if after_s == 1 else 5)

    now_s += 1.2  # the way takes a while
    sender.send(block(1))
    records_of(stream, 5)
    stream.read(1)
    assert stream.info.behind_s == 0
    now_s += MIN_BEHIND_S - 0.3
    assert stream.info.behind_s == 0
    now_s += 10
    assert stream.info.behind_s == MIN_BEHIND_S - 1 + 10
    sender.send(block(13))  # what was written in time comes late: the stream goes on from there
    records_of(stream, 5, 20.0)
    stream.read(20)
    assert stream.info.behind_s == 0


def test_a_backlog_is_behind(sender: Sender, opened: Callable[..., Stream]) -> None:
    """GIVEN news that come late WHEN shown THEN the stream is behind, though it is not silent."""
    now_s = 500.0
    stream = opened(clock_s=lambda: now_s)
    now_s += 60
    sender.send(block_frame(GOOD, FIVE))
    records_of(stream, 5)
    assert stream.info.behind_s == 58  # a little is taken for a difference of the clocks


def test_a_stream_that_has_ended_is_not_behind(sender: Sender, opened: Callable[..., Stream]) -> None:
    now_s = 500.0
    stream = opened(clock_s=lambda: now_s)
    sender.send(end_frame(0))
    sender.end()
    rest_of(stream)
    now_s += 3600
    assert stream.info.behind_s == 0


# Finished recordings


def test_a_finished_recording_gives_the_tables_of_its_replay(whole: bytes) -> None:
    """GIVEN a recording WHEN it comes through a pipe THEN every snapshot is the one of the replay."""
    with through_a_pipe(whole, wait_s=0.1) as stream:
        snapshots: list[object] = []
        engine = Engine(stream, snapshots.append, 60, clock_s=lambda: stream.now_ns() / 1e9)
        engine.run()
    expected = replayed(whole)
    assert [s.now_ns for s in snapshots] == [s.now_ns for s in expected]  # type: ignore[attr-defined]
    assert [s.ledger for s in snapshots] == [s.ledger for s in expected]  # type: ignore[attr-defined]
    assert [s.units for s in snapshots] == [s.units for s in expected]  # type: ignore[attr-defined]


def test_a_dashboard_gets_a_finished_recording_at_once(whole: bytes) -> None:
    """GIVEN a recording of seconds WHEN an engine with our own clock runs THEN it needs not that long."""
    with through_a_pipe(whole, clock_s=lambda: 500.0) as stream:
        assert np.array_equal(rest_of(stream), events_of(recording(whole)))


@pytest.mark.parametrize("cut", [13, 60, 200, 5_000, 9_001])
def test_a_part_of_a_recording_gives_what_a_file_gives(whole: bytes, cut: int) -> None:
    part = whole[:-cut]
    with through_a_pipe(part) as stream:
        found = rest_of(stream)
        notes = stream.info.notes
    assert np.array_equal(found, events_of(recording(part)))
    assert any(note.startswith(NO_END) for note in notes)


# Strangers


@pytest.mark.parametrize(
    "name",
    [
        # Files go through the same decoder: some of each kind are enough here.
        pytest.param(name, marks=[pytest.mark.long] * (number % 6 > 0))
        for number, name in enumerate(hostile_recordings.MADE_BY)
    ],
)
def test_a_hostile_stream_is_refused_or_played(name: str) -> None:
    """GIVEN a hostile recording in a pipe WHEN read THEN one line, or what a file gives."""
    data = hostile_recordings.MADE_BY[name]()
    reasons: list[str] = []
    expected, found = np.empty(0, EVENT), np.empty(0, EVENT)
    try:
        expected = events_of(recording(data))
    except FatalError as error:
        reasons.append(str(error).removeprefix("file 0"))
    try:
        with through_a_pipe(data) as stream:
            found = records_of(stream, 1 << 60, 3600.0)
            assert stream.ledger().attempts >= 0
    except FatalError as error:
        reasons.append(str(error).removeprefix("pipe"))
    assert len(reasons) in (0, 2)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("beginning", "said"),
    [
        (b"", "pipe ended before a recording came"),
        (b"Welcome", "pipe is not a recording of tcpconntop"),
        (b"Welcome to this machine\n", "pipe is not a recording of tcpconntop"),
        (recorded()[:40], "pipe ended before the header of the recording came"),
        (recorded()[:12] + bytes(100), "pipe cannot be read: its header is damaged (it has none)"),
    ],
)
def test_what_is_no_recording_is_refused(sender: Sender, beginning: bytes, said: str) -> None:
    sender.send(beginning)
    sender.end()
    with pytest.raises(FatalError) as refused:
        Stream(Path("pipe"), sender.file)
    assert str(refused.value) == said


@pytest.mark.parametrize("beginning", [bytes(12), recorded()[:12] + bytes(100)])
def test_an_endless_stranger_is_refused_at_once(sender: Sender, beginning: bytes) -> None:
    """GIVEN a sender that never ends WHEN what it sends is no header THEN nobody waits for one."""
    sender.send(beginning)
    with pytest.raises(FatalError):
        Stream(Path("pipe"), sender.file)


def test_endless_garbage_does_not_hold_up_a_read(
    opened: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN garbage that never ends WHEN read THEN the read returns once its time has passed."""
    now_s, n_reads = 500.0, 0
    stream = opened(clock_s=lambda: now_s)

    def read(timeout_s: float) -> bytes:
        nonlocal now_s, n_reads
        now_s, n_reads = now_s + 0.1, n_reads + 1
        assert n_reads < 100
        return b"\xf5TCT" * 1_000

    monkeypatch.setattr(stream._pipe, "read", read)
    assert len(stream.read(1)) == 0
    assert n_reads > 1
