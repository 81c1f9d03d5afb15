"""The bundled recording, which the demo plays without privileges."""

from __future__ import annotations

import pytest
from recordings import events_of, recording

from tcpconntop.core.wire import Outcome
from tcpconntop.demo.bundled import FILE, LoopedRecording, bundled_replay
from tcpconntop.demo.source import Demo
from tcpconntop.kernel.launch import TracerError
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.recording.replay import Replay

WALL_NS = 1_700_000_000_000_000_000


def test_it_is_played_in_a_loop() -> None:
    """GIVEN the recording WHEN played longer than it is THEN times and totals continue, and balance."""
    once = events_of(recording(FILE))
    source = Replay(LoopedRecording(recording(FILE), WALL_NS), None)
    began_ns, n, last_ns = source.now_ns(), 0, 0
    while n < 3 * len(once):
        events = source.read(3600)
        if len(events):
            assert int(events["end_ns"][0]) >= last_ns
            assert (events["end_ns"] > events["begin_ns"]).all()
            last_ns = int(events["end_ns"][-1])
            n += len(events)
        ledger = source.ledger()
        assert ledger.attempts == ledger.ended == n
    assert not source.ended
    assert (source.now_ns() - began_ns) / 1e9 == pytest.approx(90, abs=3)
    assert source.now_ns() + source.wall_offset_ns() == WALL_NS + source.now_ns() - began_ns
    source.close()
    assert source.ended


def test_it_has_every_kind_of_connect_of_the_demo() -> None:
    played = recording(FILE)
    events = events_of(played)
    assert played.notes == ()
    assert (played.header.info.host, FILE.stat().st_size < 100_000) == ("demo", True)
    assert {Outcome.OK, Outcome.REFUSED, Outcome.CANCELLED} <= set(events["outcome"].tolist())
    assert events["syn_retransmits"].any()
    assert set(events["family"].tolist()) == {4, 6}


def test_without_privileges_the_demo_plays_it_with_a_note() -> None:
    with Demo(TracerError("no privileges here", 3), TraceRequest()) as demo:
        source = demo.open_source()
        assert (source.info.label, source.info.live) == ("recording", False)
        assert any("no privileges here" in note for note in source.info.notes)
        source.close()


def test_it_is_played_in_real_time() -> None:
    source = bundled_replay()
    began_ns = source.now_ns()
    source.read(0.01)
    assert source.now_ns() - began_ns <= 10_000_000
    source.close()
