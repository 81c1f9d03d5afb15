"""Streams of strangers: what is no recording, a hostile one, and garbage without end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hostile_recordings
import numpy as np
import pytest
from hostile_recordings import recorded
from piped import Sender, records_of, through_a_pipe
from recordings import events_of, recording

from tcpconntop.core.errors import FatalError
from tcpconntop.core.wire import EVENT
from tcpconntop.recording.stream import Stream


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
