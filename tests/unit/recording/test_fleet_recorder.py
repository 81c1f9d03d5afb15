"""A fleet is recorded: a recording for each host, which together show what the fleet showed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hostile_recordings import FIVE, GOOD, block_frame, end_frame
from hostile_recordings import recorded as framed
from test_merged import recorded

from tcpconntop.commands.kept import kept_of_request
from tcpconntop.core.errors import FatalError
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.engine import Engine
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.outputs.document import dump, view_document
from tcpconntop.recording import feed
from tcpconntop.recording.files import RotatingFile
from tcpconntop.recording.fleet import Fleet
from tcpconntop.recording.fleet_recorder import FleetRecorder, file_suffixes
from tcpconntop.recording.merged import open_replay
from tcpconntop.sources.base import Source

DEADLINE_S = 60.0


class Way:
    """A stream that has come already."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("rb")

    def why(self) -> str:
        return ""

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _soon_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon. Correct no clock: streams of seconds come at once, as if their clocks ran too fast."""
    monkeypatch.setattr(feed, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(feed, "MAX_CLOCK_OFFSET_S", 1e12)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """A function that makes a fleet; each host is given as its streams, one after the other."""
    made: list[Fleet] = []

    def connecting(streams: list[bytes], name: str) -> Callable[[], Way]:
        def connect() -> Way:
            if not streams:
                raise OSError(111, "Connection refused")
            (tmp_path / name).write_bytes(streams.pop(0))
            return Way(tmp_path / name)

        return connect

    def make(*, again: bool = False, **hosts: list[bytes]) -> Fleet:
        made.append(Fleet([(name, connecting(streams, name), again) for name, streams in hosts.items()]))
        return made[-1]

    yield make
    for one in made:
        one.close()


def recorder(fleet: Fleet, folder: Path) -> FleetRecorder:
    return FleetRecorder(fleet, lambda number: RotatingFile(folder / f"rec{number}"), "none")


def shown(source: Source, clock_s: Callable[[], float] | None = None) -> Snapshot:
    """Return the last snapshot of a source that ends by itself."""
    snapshots: list[Snapshot] = []
    Engine(source, snapshots.append, None, clock_s=clock_s).run()
    return snapshots[-1]


def replayed(*paths: Path) -> Snapshot:
    files = [(path, path.open("rb")) for path in paths]
    source = open_replay(files, None)
    try:
        return shown(source, lambda: source.now_ns() / 1e9)
    finally:
        source.close()


def table(snapshot: Snapshot, group: str) -> list[str]:
    """Return the rows, sorted, without the rate: the time that they are divided by goes on."""
    rows = view_document(make_view(snapshot, ViewSpec(group)))["rows"]
    return sorted(dump({name: value for name, value in row.items() if name != "rate_hz"}) for row in rows)


def test_the_recordings_together_show_what_the_fleet_showed(
    fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    streams = {"db-07": [recorded(tmp_path, "a", 3, 1000)[1]], "db-08": [recorded(tmp_path, "b", 4, 1002)[1]]}
    source = recorder(fleet(**streams), tmp_path)
    live = shown(source)
    source.close()
    again = replayed(tmp_path / "rec0", tmp_path / "rec1")
    assert source.failure is None
    assert source.recorded == live.ledger.ended > 0
    assert again.ledger == live.ledger
    for group in ("host+dest", "process", "unit", "netns"):
        assert table(again, group) == table(live, group)
    assert [(h.name, h.attempts, h.records, h.lost) for h in again.info.hosts] == [
        (h.name, h.attempts, h.records, h.lost) for h in live.info.hosts
    ]


def test_each_recording_is_one_of_its_host_alone(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    original = recorded(tmp_path, "a", 3, 1000)
    source = recorder(fleet(**{"db-07": [original[1]], "db-08": [recorded(tmp_path, "b", 4)[1]]}), tmp_path)
    shown(source)
    source.close()
    own, alone = replayed(tmp_path / "rec0"), replayed(tmp_path / original[0])
    assert own.ledger == alone.ledger
    assert (own.info.host, own.info.probe) == ("db-07", alone.info.probe)
    for group in ("dest", "process", "unit", "netns"):
        assert table(own, group) == table(alone, group)


def test_what_is_kept_is_written_with_the_totals_of_the_host(
    fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    """GIVEN a host that traces all WHEN -P and a filter choose THEN what matches both is written."""
    original = recorded(tmp_path, "a", 3, 1000)
    kept = kept_of_request(parse_filter("host:db-07 dest:10.2.3.4"), TraceRequest(ports=(22, 443)))
    made = fleet(**{"db-07": [original[1]]})
    source = FleetRecorder(made, lambda _: RotatingFile(tmp_path / "rec0"), "none", kept, "-P 22,443")
    shown(source)
    source.close()
    own, whole = replayed(tmp_path / "rec0"), replayed(tmp_path / original[0])
    counts, all_counts = (
        {
            (row["daddr"], row["dport"]): row["count"]
            for row in view_document(make_view(snapshot, ViewSpec("dest")))["rows"]
        }
        for snapshot in (own, whole)
    )
    chosen = ("10.2.3.4", 443)
    assert counts == {chosen: all_counts[chosen]}
    assert source.recorded == all_counts[chosen] < sum(all_counts.values())
    assert (own.info.filters, own.ledger) == ("-P 22,443", whole.ledger)


def test_what_comes_after_a_gap_is_in_the_same_recording(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    """GIVEN a stream that breaks off, with an attempt in flight WHEN it is back THEN its totals go on."""
    busy = GOOD.replace(b'"attempts": 5', b'"attempts": 9')
    made = fleet(
        again=True, db=[framed(block_frame(busy, FIVE)), framed(block_frame(GOOD, FIVE), end_frame(5))]
    )
    source, until_s = recorder(made, tmp_path), time.monotonic() + DEADLINE_S
    while source.info.hosts[0].records < 10 or source.recorded < 10:
        assert time.monotonic() < until_s
        source.read(0.05)
    source.close()
    ledger = replayed(tmp_path / "rec0").ledger
    assert ledger == made.ledger()
    assert (ledger.attempts, ledger.in_flight) == (10, 0)


def test_what_is_missing_from_a_stream_is_lost_in_its_recording(
    fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    data = recorded(tmp_path, "a", 4, 1000)[1]
    damaged = data[: len(data) // 2] + bytes(64) + data[len(data) // 2 + 64 :]
    source = recorder(fleet(db=[damaged]), tmp_path)
    live = shown(source)
    source.close()
    assert replayed(tmp_path / "rec0").ledger.lost == live.ledger.lost > 0


def test_a_file_that_cannot_be_made_ends_the_recording_and_not_the_view(
    fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    streams = {"db-07": [recorded(tmp_path, "a", 3, 1000)[1]], "db-08": [recorded(tmp_path, "b", 4, 1002)[1]]}
    (tmp_path / "rec0").mkdir()
    source = recorder(fleet(**streams), tmp_path)
    live = shown(source)
    source.close()
    assert isinstance(source.failure, FatalError)
    assert any("rec0 exists" in note for note in live.info.notes)
    assert {host.name for host in live.info.hosts if host.records} == {"db-07", "db-08"}


def test_the_name_of_a_host_is_no_path() -> None:
    names = ["db-07", "admin@web-1", "ssh://admin@h:22", "../x", "a\x1b[31m b", "a_b", "a/b"]
    assert file_suffixes(names) == (
        ".db-07", ".admin@web-1", ".admin@h:22", "..._x", ".a__31m_b", ".a_b", ".a_b#2",
    )  # fmt: skip
