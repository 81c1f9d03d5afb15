"""Recordings of strangers: one line or a right answer, in bounded time and memory."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

import hostile_recordings
import pytest
from hostile_recordings import NOW_NS, block_frame, end_frame, events, recorded, state
from recordings import events_of, recording

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import printable
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.engine import Engine
from tcpconntop.outputs.batch import Batch
from tcpconntop.outputs.document import event_documents
from tcpconntop.outputs.export import Csv
from tcpconntop.recording import untrusted
from tcpconntop.recording.played import MAX_UNIT_TEXT, SILENCE_NS, TOO_MANY_UNITS
from tcpconntop.recording.replay import Replay

COMMANDS = {
    "batch": ["replay", "FILE", "-b", "--speed", "max"],
    "json": ["replay", "FILE", "-b", "--json", "--speed", "max", "-g", "unit"],
    "csv": ["export", "FILE", "--format", "csv"],
    "log": ["log", "--replay", "FILE"],
    "check": ["check", "--replay", "FILE", "--json", "--assert", "fail<1%", "--assert", "p99<1s"],
}
# The largest memory of a process includes that of its parent: so a small parent starts it, and prints that.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(f"\\n{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}", end="", file=sys.stderr)
sys.exit(code)
"""
MAX_RSS_KB = 512 << 10
CPU_S = 60
"""A minute for a file of up to 100 MB, of the process's own time: a busy machine changes nothing."""

COSTLY = ("bomb-lists", "units-many", "markers", "sparse", "header-deep")


def run(words: list[str], file: Path) -> tuple[int, str, str, int]:
    """Run a command; return its exit code, stdout, stderr and largest memory in kB."""
    command = [sys.executable, "-m", "tcpconntop", *(str(file) if word == "FILE" else word for word in words)]
    with TemporaryFile() as out, TemporaryFile() as err, Path(os.devnull).open() as nothing:
        done = subprocess.run(
            [sys.executable, "-Sc", MEASURE, "prlimit", f"--cpu={CPU_S}", "--", *command],
            stdin=nothing, stdout=out, stderr=err, check=False,
        )  # fmt: skip
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8"))
    said, _, rss_kb = texts[1].rpartition("\n")
    return done.returncode, texts[0], said, int(rss_kb)


def play(data: bytes) -> None:
    """Play a recording into every kind of output, in this process; FatalError is a right answer."""
    out = io.StringIO()
    try:
        source = Replay(recording(data), None)
        batch, csv = Batch(ViewSpec("unit"), out, True, None), Csv(out)
        Engine(source, batch.publish, 60, 600, clock_s=lambda: source.now_ns() / 1e9).run()
        for step in recording(data).recorded_reads():
            csv.write(event_documents(step.events[:100], step.wall_offset_ns, step.units))
    except FatalError as error:
        out.write(printable(str(error)))
    text = out.getvalue()
    text.encode()
    assert {char for char in text if not char.isprintable()} <= {"\n"}
    for line in text.splitlines():
        if line.startswith("{"):
            document = json.loads(line, parse_constant=pytest.fail)
            assert all(0 <= document[name] < 1 << 63 for name in ("attempts", "in_flight", "lost"))
            assert document["completeness"] is None or 0 <= document["completeness"] <= 1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.long) if name in ("units-many", "heads") else name
        for name in hostile_recordings.MADE_BY
    ],
)
def test_a_hostile_recording_is_refused_or_played(name: str) -> None:
    play(hostile_recordings.MADE_BY[name]())


def test_every_command_stays_within_its_bounds(tmp_path: Path, long: bool) -> None:
    """GIVEN hostile recordings WHEN each command reads them THEN none has a traceback, or needs too much."""
    runs = [(name, label) for name in hostile_recordings.NAMES for label in COMMANDS]
    # Without --long: those that need most, with one of the commands each.
    chosen = runs if long else list(zip(COSTLY[:3], COMMANDS, strict=False))
    files = {name: hostile_recordings.write(tmp_path, name) for name in dict(chosen)}
    for name, label in chosen:
        code, out, err, rss_kb = run(COMMANDS[label], files[name])
        assert code in (0, 1), (name, label, code, err[-500:])
        assert "Traceback" not in err, (name, label, err)
        assert rss_kb < MAX_RSS_KB, (name, label)
        assert {char for char in out + err if not char.isprintable()} <= {"\n"}, (name, label)
        assert "NaN" not in out, (name, label)
        assert "Infinity" not in out, (name, label)


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000, b"x", b"\xff"],
)
def test_json_that_is_no_plain_value_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        untrusted.parse_json(text)


def test_json_has_a_bound() -> None:
    text = b"[" + b" " * 98 + b"]"
    assert untrusted.parse_json(text, 100) == []
    with pytest.raises(ValueError, match="100 bytes"):
        untrusted.parse_json(text, 99)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [], -1, 1 << 63])
def test_a_count_is_a_whole_number_that_fits(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        untrusted.count(value)
    assert untrusted.count((1 << 63) - 1) == (1 << 63) - 1


@pytest.mark.parametrize("value", [True, "nan", 5.0, -0.1, []])
def test_a_share_is_from_0_to_1(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        untrusted.share(value)
    assert [untrusted.share(value) for value in (None, 0, 1, 0.5)] == [None, 0, 1, 0.5]


def test_totals_that_shrink_are_damage() -> None:
    """GIVEN a file that began at 7 connects WHEN a block says 5 THEN it is skipped and counted."""
    document = hostile_recordings.header_document()
    document["base"] |= {"attempts": 7, "outcomes": [7, 0, 0, 0, 0, 0]}
    header = hostile_recordings.header_frame(json.dumps(document).encode())
    reader = recording(recorded(block_frame(json.dumps(state(5)).encode(), events()), header=header))
    assert len(events_of(reader)) == 0
    assert (reader.damaged, reader.missing) == (1, 5)


def test_empty_reads_are_dropped_and_many_are_played_together() -> None:
    n = 3 * untrusted.MAX_READS + 1
    reads = [[0, 5], *([1, n - i] for i in range(n)), [0, 0]]
    text = json.dumps(state(n, reads=reads), separators=(",", ":")).encode()
    reader = recording(recorded(block_frame(text, events(n), codec=0), end_frame(n)))
    played = [step for step in reader.recorded_reads() if len(step.events)]
    assert sum(len(step.events) for step in played) == n
    assert len(played) <= untrusted.MAX_READS
    assert played[-1].now_ns == NOW_NS + SECOND_NS - 1


def test_a_block_that_is_packed_too_tightly_is_damage() -> None:
    """GIVEN equal records, which pack a hundredfold WHEN read THEN their block is skipped."""
    equal = events(1).repeat(50_000)
    reader = recording(recorded(block_frame(json.dumps(state(len(equal))).encode(), equal)))
    assert len(events_of(reader)) == 0
    assert (reader.damaged, reader.missing) == (1, len(equal))


def test_a_silence_of_years_takes_some_reads() -> None:
    """GIVEN a clock that jumps by a year WHEN replayed in seconds THEN what changes nothing is skipped."""
    later = json.dumps(state(5, reads=[], now_ns=NOW_NS + 366 * 86_400 * SECOND_NS)).encode()
    data = recorded(
        block_frame(json.dumps(state(5)).encode(), events()),
        block_frame(later, events(0), records_before=5),
    )
    source, n, seconds = Replay(recording(data), None), 0, 0
    while not source.ended:
        n += len(source.read(1.0))
        seconds += 1
    assert n == 5
    assert SILENCE_NS / SECOND_NS < seconds < SILENCE_NS / SECOND_NS + 20
    assert source.now_ns() == NOW_NS + 366 * 86_400 * SECOND_NS


def test_names_of_units_have_a_bound_and_that_is_said() -> None:
    def block(n: int) -> bytes:
        units = {str(n << 20 | i): f"{n:x}{i:x}" * 400 for i in range(1_500)}
        return block_frame(json.dumps(state(0, reads=[], units=units)).encode(), events(0), codec=0)

    source = Replay(recording(recorded(*map(block, range(10)))), None)
    while not source.ended:
        source.read(3600)
    assert 0 < sum(len(name or "") for name in source.units().values()) <= MAX_UNIT_TEXT
    assert TOO_MANY_UNITS in source.info.notes
