"""A recording is read a second time, in the background, without a trace in the first reading."""

from __future__ import annotations

import io
import os
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from recordings import BEGAN_NS, SECOND_NS, Scenario, events_of, record, recording

from tcpconntop.core.errors import FatalError
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.recording import own_position
from tcpconntop.recording.files import Rotation
from tcpconntop.recording.merged import open_replay
from tcpconntop.recording.own_position import OwnPosition
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.sources.replay_filter import apply_request_filters
from tcpconntop.tui.background_count import BackgroundCount, RecordingCount

WAIT_S = 10


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("count") / "whole"
    record(path, Scenario(6))
    return path


def counted(source, keep=None):
    """Return what a background count of a source has at its end; close the source."""
    *_, last = source.player.count_all(keep)
    source.close()
    return last.overview()


def test_a_second_reader_moves_nothing_in_the_first_one(path):
    """GIVEN a recording that is read WHEN read again between two reads THEN neither disturbs the other."""
    expected = events_of(recording(path))
    with path.open("rb") as file:
        reader = RecordingReader([(path, file)])
        reads = reader.recorded_reads()
        before = [next(reads) for _ in range(7)]
        with closing(reader.again()) as second:
            assert np.array_equal(events_of(second), expected)
        rest = np.concatenate([step.events for step in (*before, *reads)])
        assert np.array_equal(rest, expected)


def test_a_count_has_what_is_in_the_recording(path):
    expected = events_of(recording(path))
    shown = counted(open_replay([(path, path.open("rb"))], 1.0))
    assert shown.complete
    assert (shown.first, len(shown)) == (BEGAN_NS // SECOND_NS, 7)
    assert shown.attempts.sum() == len(expected) > 500
    assert shown.failed.sum() == np.count_nonzero(expected["outcome"])


def test_a_count_goes_on_when_the_recording_is_closed(path):
    """GIVEN a count on its way WHEN its recording's descriptor becomes another file THEN it goes on."""
    source = open_replay([(path, path.open("rb"))], 1.0)
    steps = source.count_all()
    next(steps)
    source.close()
    with Path(os.devnull).open("rb"):
        *_, last = steps
    assert last.overview().complete


def test_filters_of_the_command_line_apply_to_a_count_all(path):
    source = apply_request_filters(
        open_replay([(path, path.open("rb"))], 1.0), TraceRequest(ports=(443,), min_latency_ms=0.5)
    )
    events = events_of(recording(path))
    took_ns = events["end_ns"] - events["begin_ns"]
    expected = np.count_nonzero((events["dport"] == 443) & (took_ns >= 500_000))
    assert counted(source).attempts.sum() == expected > 50
    assert source.ledger().attempts == 0  # nothing was played


@pytest.mark.parametrize("text", ["dport=443", "!dport=443", "comm=curl", "dest:10.0.0.0/8", "no such"])
def test_a_count_under_a_filter_has_the_connects_that_match(path, text):
    where = parse_filter(text)
    expected = where.match_connects(events_of(recording(path)))
    reports, done = [], threading.Event()

    def report(overview, of):
        reports.append((overview, of))
        if overview.complete:
            done.set()

    source = open_replay([(path, path.open("rb"))], 1.0)
    counting = RecordingCount(source.player, report)
    counting.count(parse_filter("pid=1"))  # at once in favour of the next one
    counting.count(where)
    counting.count(where)  # it is counted already
    assert done.wait(WAIT_S)
    counting.stop()
    source.close()
    shown, of = reports[-1]
    assert (of, {text for _, text in reports}) == (text, {text})
    assert shown.attempts.sum() == np.count_nonzero(expected)


def test_a_count_under_a_filter_knows_the_names_of_the_recording(tmp_path):
    """GIVEN two hosts WHEN counted by the name of one THEN its connects count; units are known as well."""
    record(tmp_path / "a", Scenario(3))
    record(tmp_path / "b", Scenario(3))
    files = sorted(tmp_path.iterdir())
    n = len(events_of(recording(files[0])))

    def count(text):
        where, source = parse_filter(text), open_replay([(file, file.open("rb")) for file in files], 1.0)
        names = source.places().hosts
        where = parse_filter(text.format(*names))
        return counted(
            source, lambda events, names: events[where.match_connects(events, names)]
        ).attempts.sum()

    assert count("host={0}") == count("host={1}") == n
    assert count("host=elsewhere") == 0


def test_all_files_and_all_hosts_are_counted(tmp_path):
    record(tmp_path / "a", Scenario(5), Rotation(size_bytes=6_000))
    record(tmp_path / "b", Scenario(3))
    files = sorted(tmp_path.iterdir())
    assert len(files) > 3
    n = sum(len(events_of(recording(file))) for file in files)
    assert counted(open_replay([(file, file.open("rb")) for file in files], 1.0)).attempts.sum() == n


def test_what_has_no_descriptor_or_is_a_pipe_is_not_counted(path, tmp_path):
    data = path.read_bytes()
    assert list(Replay(recording(data)).count_all()) == []
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data))
    writer.start()
    with (tmp_path / "pipe").open("rb") as pipe:
        reader = RecordingReader([(tmp_path / "pipe", pipe)])
        assert reader.again() is None
        assert len(events_of(reader)) > 500
    writer.join(WAIT_S)


def test_a_hole_without_end_ends_a_count_all(tmp_path, monkeypatch):
    """GIVEN a sparse file of 8 TB WHEN read at a position of its own THEN its zeros have an end."""
    monkeypatch.setattr(own_position, "MAX_ZEROS", 1 << 22)
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"x")
        file.truncate(1 << 43)
    with path.open("rb") as file, OwnPosition(file) as own:
        n = sum(len(data) for data in iter(lambda: own.read(1 << 20), b""))
        assert 1 << 22 <= n <= (1 << 22) + (1 << 21)
        assert own.seek(-1, io.SEEK_END) == (1 << 43) - 1
        assert (own.read(5), own.read(5)) == (b"\0", b"")
        assert own.seek(0) == own.tell() == 0
        assert own.read(1) == b"x"
        assert file.tell() == 0


def test_a_thread_reports_the_whole_and_ends(path):
    source, reports = open_replay([(path, path.open("rb"))], 1.0), []
    counting = BackgroundCount(source.count_all(), reports.append, threading.Event())
    source.close()
    counting.start()
    counting.join(WAIT_S)
    assert reports[-1].complete


def test_a_thread_that_is_stopped_or_cannot_read_reports_no_whole():
    def unreadable():
        raise FatalError("cannot read it")
        yield

    stopped, reports = threading.Event(), []
    BackgroundCount(unreadable(), reports.append, stopped).run()
    stopped.set()
    BackgroundCount(iter([None] * 3), reports.append, stopped).run()
    assert reports == []
