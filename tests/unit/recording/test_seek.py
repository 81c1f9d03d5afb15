"""Seeking in a recording: every moment looks as if it was played from the beginning."""

from __future__ import annotations

import io
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import BEGAN_NS, SECOND_NS, Scenario, record, recording
from test_recording import shown

from tcpconntop.core.errors import FatalError
from tcpconntop.core.window.playback import SPEEDS, Playback, format_position, format_speed, next_speed
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.engine import Engine
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.recording.files import Rotation
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.sources.base import Source
from tcpconntop.sources.replay_filter import apply_request_filters

SECONDS = 9
WAIT_S = 10
"""How long a test waits for what must come."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("seek") / "whole"
    record(path, Scenario(SECONDS, silent=range(5, 7)))
    return path.read_bytes()


class PlayingEngine:
    """An engine that plays a source in its own thread, and the snapshots that it published."""

    def __init__(self, source: Source, interval_s: float = 3600) -> None:
        self._came = threading.Condition()
        self.seen: list[Snapshot] = []
        self.engine = Engine(source, self._publish, 5, interval_s)
        self._thread = threading.Thread(target=self.engine.run)

    def _publish(self, snapshot: Snapshot) -> None:
        with self._came:
            self.seen.append(snapshot)
            self._came.notify_all()

    def until(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        with self._came:
            assert self._came.wait_for(lambda: self.seen and condition(self.seen[-1]), WAIT_S)
            return self.seen[-1]

    def seek(self, to_ns: int) -> Snapshot:
        self.engine.seek(to_ns)
        return self.until(lambda snapshot: snapshot.playback.last_seek_ns == to_ns)

    def __enter__(self) -> PlayingEngine:
        self.engine.set_speed(1.0, paused=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.stop()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


def played_to(data: bytes, to_ns: int) -> Snapshot:
    """The snapshot of a moment after a single seek from the beginning."""
    with PlayingEngine(Replay(recording(data))) as played:
        return played.seek(to_ns)


def same(here: Snapshot, there: Snapshot) -> bool:
    recent = np.array_equal(here.window.recent.records, there.window.recent.records)
    return shown(here) == shown(there) and here.ledger == there.ledger and recent


def test_seeking_back_and_forth_shows_what_a_single_seek_shows(whole: bytes) -> None:
    """GIVEN random moments WHEN sought one after the other THEN each looks as after a single seek."""
    chance = random.Random(4)
    with PlayingEngine(Replay(recording(whole))) as played:
        for _ in range(7):
            to_ns = BEGAN_NS + chance.randrange(SECONDS * SECOND_NS)
            there = played.seek(to_ns)
            assert there.now_ns == to_ns
            assert same(there, played_to(whole, to_ns))
        end_ns = there.playback.end_ns
        assert end_ns == BEGAN_NS + SECONDS * SECOND_NS
        end = played.seek(end_ns)
        assert end.playback.ended
        assert end.ledger.attempts > 500
        beginning = played.seek(BEGAN_NS)
        assert (beginning.ledger.attempts, beginning.playback.ended) == (0, False)
        assert same(played.seek(end_ns), end)


def test_a_seek_shows_what_was_seen_live_at_that_moment(tmp_path: Path) -> None:
    seen = record(tmp_path / "r", Scenario(6), window_s=5)
    with PlayingEngine(Replay(recording(tmp_path / "r"))) as played:
        for then in (seen[4], seen[1], seen[3]):
            assert shown(played.seek(then.now_ns)) == shown(then)


def test_playback_continues_from_the_moment_that_was_sought(whole: bytes) -> None:
    """GIVEN a paused recording WHEN resumed after a seek THEN the clock goes on from there to the end."""
    with PlayingEngine(Replay(recording(whole)), interval_s=0.02) as played:
        played.seek(BEGAN_NS + 7 * SECOND_NS)
        n = len(played.seen)
        assert played.until(lambda _: len(played.seen) > n + 3).now_ns == BEGAN_NS + 7 * SECOND_NS
        played.engine.set_speed(50.0, paused=False)
        assert played.until(lambda snapshot: snapshot.playback.ended).now_ns == BEGAN_NS + 9 * SECOND_NS
        back = played.seek(BEGAN_NS + SECOND_NS)  # from the end
        assert back.now_ns >= BEGAN_NS + SECOND_NS
        times = [snapshot.now_ns for snapshot in played.seen[: n + 1]]
        assert times == sorted(times)


def test_the_end_of_a_recording_is_published_at_once_and_stays(whole: bytes) -> None:
    with PlayingEngine(Replay(recording(whole))) as played:  # an hour between snapshots
        played.engine.set_speed(float("inf"), paused=False)
        assert played.until(lambda snapshot: snapshot.playback.ended).ledger.attempts > 500


def test_headless_engines_stop_at_the_end_of_a_recording(whole: bytes) -> None:
    source = Replay(recording(whole), None)
    seen: list[Snapshot] = []
    Engine(source, seen.append, 5, clock_s=lambda: source.now_ns() / 1e9).run()
    assert source.ended
    assert {snapshot.playback for snapshot in seen} == {None}


def test_a_truncated_recording_can_be_sought_up_to_its_end(whole: bytes) -> None:
    truncated = whole[: len(whole) * 3 // 5]
    with PlayingEngine(Replay(recording(truncated))) as played:
        first = played.seek(BEGAN_NS + 2 * SECOND_NS)
        assert same(first, played_to(whole, BEGAN_NS + 2 * SECOND_NS))
        assert not first.info.notes
        last_ns = first.playback.end_ns
        assert BEGAN_NS + 2 * SECOND_NS < last_ns < BEGAN_NS + SECONDS * SECOND_NS
        end = played.seek(last_ns + SECOND_NS)
        assert end.playback.ended
        assert "no end" in end.info.notes[-1]
        assert end.playback.end_ns >= end.now_ns
        assert same(played.seek(BEGAN_NS + 2 * SECOND_NS), first)
        assert same(played.seek(last_ns + SECOND_NS), end)


def test_damage_is_counted_again_after_each_seek_back(whole: bytes) -> None:
    at = whole.index(b"\xf5TCT", len(whole) // 3) + 100
    damaged = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    with PlayingEngine(Replay(recording(damaged))) as played:
        ends = [played.seek(to_ns) for to_ns in (BEGAN_NS + SECONDS * SECOND_NS, BEGAN_NS) * 2]
    assert ends[0].ledger.lost > 0
    assert ends[1].ledger.lost == 0
    assert same(ends[2], ends[0])
    assert ends[2].info.notes == ends[0].info.notes != ()


def test_an_empty_recording_can_be_sought(tmp_path: Path) -> None:
    record(tmp_path / "r", Scenario(2, silent=range(9)))
    data = (tmp_path / "r").read_bytes()
    header = data[: data.index(b"\xf5TCT", 100)]
    for empty in (data, header):
        with PlayingEngine(Replay(recording(empty))) as played:
            for to_ns in (BEGAN_NS, BEGAN_NS + SECOND_NS, BEGAN_NS):
                there = played.seek(to_ns)
                assert there.ledger.attempts == 0
                assert there.playback.end_ns >= there.now_ns


def test_rotated_files_are_sought_like_one_file(tmp_path: Path) -> None:
    record(tmp_path / "one", Scenario(SECONDS))
    record(tmp_path / "r", Scenario(SECONDS), Rotation(age_s=2))
    files = sorted(tmp_path.glob("r.*"))
    assert len(files) > 3
    with PlayingEngine(Replay(recording(*files))) as played:
        for seconds in (8, 3, 5.55):
            to_ns = BEGAN_NS + int(seconds * SECOND_NS)
            assert same(played.seek(to_ns), played_to((tmp_path / "one").read_bytes(), to_ns))


def test_filtered_totals_are_counted_again_after_a_seek_back(whole: bytes) -> None:
    with PlayingEngine(apply_request_filters(Replay(recording(whole)), TraceRequest(ports=(443,)))) as played:
        first = played.seek(BEGAN_NS + 3 * SECOND_NS)
        more = played.seek(BEGAN_NS + 8 * SECOND_NS)
        assert 0 < first.ledger.attempts < more.ledger.attempts
        assert same(played.seek(BEGAN_NS + 3 * SECOND_NS), first)


def test_records_written_meanwhile_are_read_after_a_seek_back(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.write_bytes(whole[: len(whole) // 2])
    with path.open("rb") as file, PlayingEngine(Replay(RecordingReader([(path, file)]))) as played:
        half = played.seek(BEGAN_NS + SECONDS * SECOND_NS)
        path.write_bytes(whole)
        played.seek(BEGAN_NS)
        assert played.seek(BEGAN_NS + SECONDS * SECOND_NS - 1).ledger.attempts > half.ledger.attempts


def test_a_pipe_cannot_be_sought(whole: bytes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(whole,))
    writer.start()
    with (tmp_path / "pipe").open("rb") as pipe:
        source = Replay(RecordingReader([(tmp_path / "pipe", pipe)]), None)
        assert source.player is None
        while not source.ended:
            source.read(3600)
        assert source.ledger().attempts > 500
        writer.join()


def test_an_endless_file_is_an_error_at_once() -> None:
    """GIVEN a file without an end WHEN opened THEN it is an error, without a search for the end."""
    for name in ("/proc/self/mem", "/dev/zero", "/dev/null"):
        with Path(name).open("rb") as file, pytest.raises(FatalError) as refused:
            RecordingReader([(Path(name), file)])
        assert name in str(refused.value)


def test_a_new_seek_ends_the_one_that_is_running(whole: bytes) -> None:
    with PlayingEngine(Replay(recording(whole))) as played:
        for seconds in (8, 1, 7, 2, 6):
            played.engine.seek(BEGAN_NS + seconds * SECOND_NS)
        there = played.until(lambda snapshot: snapshot.playback.last_seek_ns == BEGAN_NS + 6 * SECOND_NS)
        assert same(there, played_to(whole, BEGAN_NS + 6 * SECOND_NS))


def test_the_last_moment_is_found_across_the_borders_of_chunks(whole: bytes) -> None:
    end_ns = recording(whole).end_ns
    for more in (0, 1, 59, 60, 61, 1 << 20, (1 << 20) + 30):
        garbage = RecordingReader(
            [(Path("r"), io.BytesIO(whole + b"\xf5TC" * (more // 3) + b"\xf5" * (more % 3)))]
        )
        assert garbage.end_ns == end_ns


@pytest.mark.parametrize(
    ("speed", "by", "expected"),
    [(1, 1, 2), (1, -1, 0.5), (3, 1, 5), (3, -1, 2), (100, 1, SPEEDS[-1]), (SPEEDS[-1], 1, SPEEDS[-1])],
)
def test_speeds_go_step_by_step(speed: float, by: int, expected: float) -> None:
    assert next_speed(speed, by) == expected
    assert next_speed(0.1, -1) == 0.1
    assert next_speed(0.01, -1) == 0.01
    assert next_speed(SPEEDS[-1], -1) == 100


def test_places_are_spelled_as_wide_as_the_length() -> None:
    assert format_position(72 * SECOND_NS, 300 * SECOND_NS) == "1:12"
    assert format_position(9 * SECOND_NS, 3_725 * SECOND_NS) == "   0:09"
    assert format_position(3_725 * SECOND_NS, 0) == "1:02:05"
    assert [format_speed(speed) for speed in (1.0, 0.5, 10, SPEEDS[-1])] == ["", "×0.5", "×10", "max"]
    assert [Playback(5, 9).clamp(moment) for moment in (4, 7, 10)] == [5, 7, 9]
