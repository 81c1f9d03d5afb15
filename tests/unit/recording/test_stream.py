"""Streams: a recording that comes through a pipe is shown as it comes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hostile_recordings import FIVE, GOOD, NOW_NS, block_frame, end_frame, recorded
from piped import Sender, records_of, rest_of, through_a_pipe
from recordings import events_of, recording, replayed

from tcpconntop.core.types import SECOND_NS
from tcpconntop.engine import Engine
from tcpconntop.recording.stream import MIN_BEHIND_S, NO_END, Stream

SOON_S = 0.01
DEADLINE_S = 60.0


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
