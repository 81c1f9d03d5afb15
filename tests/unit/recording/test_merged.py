"""Recordings of several hosts, played together."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recordings import BEGAN_NS, Scenario, record

from tcpconntop.core.errors import FatalError
from tcpconntop.core.hosts import MAX_HOSTS, MAX_NAMESPACES, distinct_names
from tcpconntop.core.places import Names, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.hosts_of_row import hosts_of_row
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.engine import Engine
from tcpconntop.outputs.batch import table_text
from tcpconntop.outputs.document import event_documents, view_document
from tcpconntop.recording.blocks import MAX_CLOCK_NS, FileHeader
from tcpconntop.recording.merged import MergedRecordings, MergedReplay, open_replay
from tcpconntop.recording.one_of_hosts import TIMES, OneOfHosts
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay

HOST_NETNS = 0xF000_0098
"""The inode number that the first network namespace of many kernels has: hosts share it."""

HEADER = FileHeader("", 1, SourceInfo("db", "", "", "", ""), "", 0, 0, Ledger())

Contents = tuple[str, bytes]


class Machine(Scenario):
    """A scenario of a named host, whose wall clock is ahead of the clock of its records."""

    def __init__(self, host: str, seconds: int, ahead_s: int) -> None:
        super().__init__(seconds)
        self.info = replace(self.info, host=host)
        self._ahead_ns = ahead_s * SECOND_NS

    def read(self, timeout_s: float) -> Events:
        events = super().read(timeout_s).copy()
        events["netns"], events["cgroup_id"] = HOST_NETNS, 7
        return events

    def wall_offset_ns(self) -> int:
        return self._ahead_ns

    def units(self) -> dict[int, str | None]:
        return {7: f"{self.info.host}.service"}

    def places(self) -> Places:
        return Places({}, {HOST_NETNS: "host"})


def recorded(folder: Path, host: str, seconds: int = 3, ahead_s: int = 1000) -> Contents:
    path = folder / f"{host}-{seconds}-{ahead_s}"
    record(path, Machine(host, seconds, ahead_s))
    return path.name, path.read_bytes()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Contents]:
    """Recordings of two hosts; the second one began 2 s later, and is longer."""
    folder = tmp_path_factory.mktemp("hosts")
    return [recorded(folder, "db-07", 3, 1000), recorded(folder, "db-08", 4, 1002)]


def opened(contents: list[Contents]) -> Replay:
    return open_replay([(Path(name), io.BytesIO(data)) for name, data in contents], None)


def snapshots_of(source: Replay) -> list[Snapshot]:
    snapshots: list[Snapshot] = []
    Engine(source, snapshots.append, None, clock_s=lambda: source.now_ns() / 1e9).run()
    return snapshots


def view_of(contents: list[Contents], group: str = "dest", where: str = "") -> View:
    return make_view(snapshots_of(opened(contents))[-1], ViewSpec(group, where=parse_filter(where)))


def alone(contents: Contents) -> Snapshot:
    return snapshots_of(opened([contents]))[-1]


def test_one_recording_is_played_as_before(two: list[Contents]) -> None:
    source = opened(two[:1])
    assert type(source) is Replay
    assert source.info.hosts == ()
    assert not source.places().hosts


def test_the_totals_are_the_sum_of_those_of_each_host(two: list[Contents]) -> None:
    """GIVEN two hosts WHEN played together THEN each has its own totals, which add up at every moment."""
    for snapshot in snapshots_of(opened(two)):
        hosts = snapshot.info.hosts
        assert [host.name for host in hosts] == ["db-07", "db-08"]
        assert sum(host.attempts for host in hosts) == snapshot.ledger.attempts
        assert sum(host.records for host in hosts) == int(snapshot.window.stats["outcomes"].sum())
    assert [host.attempts for host in hosts] == [alone(one).ledger.attempts for one in two]
    assert snapshot.ledger.outcomes == tuple(
        map(sum, zip(*(alone(one).ledger.outcomes for one in two), strict=True))
    )


def test_records_come_in_the_order_of_the_wall_clock(two: list[Contents]) -> None:
    source = opened(two)
    assert source.now_ns() == BEGAN_NS + 1000 * SECOND_NS
    assert source.wall_offset_ns() == 0
    first, before_ns = {}, 0
    while not source.ended:
        events = source.read(0.1)
        assert source.now_ns() >= before_ns
        before_ns = source.now_ns()
        for netns in set(events["netns"].tolist()):
            first.setdefault(source.places().host(netns), source.now_ns())
            assert (events["end_ns"] <= source.now_ns()).all()
            assert (events["end_ns"] > source.now_ns() - SECOND_NS).all()
    assert first["db-08"] - first["db-07"] == 2 * SECOND_NS
    assert before_ns == BEGAN_NS + 1006 * SECOND_NS


def test_rows_by_host_are_those_of_each_host(two: list[Contents]) -> None:
    view = view_of(two, "host")
    rows = {row["host"]: row for row in view_document(view)["rows"]}
    for name, one in zip(("db-07", "db-08"), two, strict=True):
        only = make_view(alone(one), ViewSpec("host"))
        expected = view_document(only)["rows"][0]
        assert {key: rows[name][key] for key in ("count", "p50_us", "p99_us", "max_us", "outcomes")} == {
            key: expected[key] for key in ("count", "p50_us", "p99_us", "max_us", "outcomes")
        }
    assert {row["hosts"] for row in rows.values()} == {1}
    assert {row["netns"] for row in rows.values()} == {HOST_NETNS}


def test_hosts_share_the_row_of_a_destination(two: list[Contents]) -> None:
    view = view_of(two)
    assert {row["hosts"] for row in view_document(view)["rows"]} == {2}
    assert {row["host"] for row in view_document(view)["rows"]} == {None}
    text = table_text(view)
    assert "HOST" in text
    assert "2 hosts" in text
    assert "netns" not in text  # each host has its own; that says nothing
    assert "hosts: db-07 recording, attempts " in text


@pytest.mark.parametrize("where", ["host:db-07", "host=db-07", "!host:db-08", "host~07"])
def test_a_host_can_be_filtered(two: list[Contents], where: str) -> None:
    view = view_of(two, "host+dest", where)
    assert {row["host"] for row in view_document(view)["rows"]} == {"db-07"}
    assert int(view.stats["outcomes"].sum()) == alone(two[0]).ledger.ended


def test_the_only_host_can_be_filtered_too(two: list[Contents]) -> None:
    assert len(view_of(two[:1], "dest", "host:db-07")) == len(view_of(two[:1]))
    assert len(view_of(two[:1], "dest", "host:db-08")) == 0


def test_the_same_numbers_on_two_hosts_are_kept_apart(two: list[Contents]) -> None:
    """GIVEN hosts with the same cgroup ids and namespaces THEN their units and namespaces have two rows."""
    units = view_document(view_of(two, "unit"))["rows"]
    assert {row["unit"] for row in units} == {"db-07.service", "db-08.service"}
    view = view_of(two, "netns")
    assert {row["netns"] for row in view_document(view)["rows"]} == {HOST_NETNS}
    assert len(view) == 2
    assert "db-07/host" in table_text(view)


def test_a_line_of_a_connect_names_its_host(two: list[Contents]) -> None:
    source = opened(two)
    events = np.concatenate([source.read(1) for _ in range(50)])
    documents = event_documents(events, 0, source.units(), source.places())
    assert {line["host"] for line in documents} == {"db-07", "db-08"}
    assert all(line["unit"] == f"{line['host']}.service" for line in documents)
    assert {line["netns"] for line in documents} == {HOST_NETNS}


def test_going_back_counts_anew(two: list[Contents]) -> None:
    source = opened([(name, data) for name, data in two])
    while not source.ended:
        source.read(1)
    at_end, end_ns = source.info.hosts, source.now_ns()
    assert source.player is not None
    source.seek(source.playback().began_ns + SECOND_NS)
    while not source.seek_done:
        source.read(0.1)
    assert [host.attempts for host in source.info.hosts][1] == 0
    source.seek(end_ns)
    while not source.seek_done:
        source.read(0.1)
    assert source.info.hosts == at_end


def test_damage_is_counted_for_its_host_alone(two: list[Contents]) -> None:
    name, data = two[1]
    damaged = data[: len(data) // 2] + bytes(64) + data[len(data) // 2 + 64 :]
    snapshot = snapshots_of(opened([two[0], (name, damaged)]))[-1]
    first, second = snapshot.info.hosts
    assert first.lost == 0
    assert second.lost == snapshot.ledger.lost > 0
    assert next(note for note in snapshot.info.notes if "damaged" in note).startswith("db-08: ")


def test_names_are_distinct(tmp_path: Path) -> None:
    same = [recorded(tmp_path, "db", 1, 1000), recorded(tmp_path, "db", 1, 1001)]
    assert [host.name for host in opened(same).info.hosts] == ["db", "db#2"]
    assert distinct_names(["a", "a#2", "a", "a"]) == ("a", "a#2", "a#3", "a#4")


def test_a_host_without_a_name_is_called_as_its_file(tmp_path: Path) -> None:
    nameless = recorded(tmp_path, "", 1, 1000)
    assert [host.name for host in opened([nameless, recorded(tmp_path, "db", 1)]).info.hosts] == [
        nameless[0],
        "db",
    ]


def test_rotated_files_are_one_host_still(two: list[Contents]) -> None:
    with pytest.raises(FatalError, match="the same file of a recording"):
        opened([two[0], two[0]])


def test_there_are_not_too_many_hosts(two: list[Contents]) -> None:
    with pytest.raises(FatalError, match=f"at most {MAX_HOSTS} hosts"):
        MergedRecordings([RecordingReader([(Path("x"), io.BytesIO(two[0][1]))])] * (MAX_HOSTS + 1))


def test_numbers_of_a_stranger_cannot_reach_another_host() -> None:
    """GIVEN ids with every bit set, more namespaces than fit THEN all stay those of their host."""
    events = np.zeros(3 * MAX_NAMESPACES, EVENT)
    events["netns"] = np.arange(len(events)) + (1 << 31)
    events["cgroup_id"] = events["process_start_ns"] = events["syn_ns"] = np.uint64(2**64 - 1)
    one = OneOfHosts(MAX_HOSTS, "last")
    moved = one._translated(events)
    names = Names({}, Places({}, {}, tuple(f"h{n}" for n in range(1, MAX_HOSTS + 1))))
    assert parse_filter(f"host:h{MAX_HOSTS}").match_keys(keys_from_events(moved), names).all()
    assert set((moved["cgroup_id"] >> np.uint64(48)).tolist()) == {MAX_HOSTS}
    assert len(np.unique(moved["netns"])) == MAX_NAMESPACES
    assert (moved["syn_ns"] < np.uint64(1 << 63)).all()


def test_times_are_moved_where_they_are_given() -> None:
    """GIVEN times of which some are missing THEN the others are moved, within the bounds of the clock."""
    assert EVENT.names is not None
    assert EVENT.names[: len(TIMES)] == TIMES
    for offset_ns in (7 * SECOND_NS, -7 * SECOND_NS):
        events = np.zeros(3, EVENT)
        events["begin_ns"], events["end_ns"] = [9 * SECOND_NS, 1, 8 * SECOND_NS], 10 * SECOND_NS
        events["last_rtx_ns"] = [0, 2**64 - 1, 0]
        one = OneOfHosts(1, "db")
        one.begin(replace(HEADER, wall_offset_ns=offset_ns))
        moved = one._translated(events)
        begins_ns = [9 * SECOND_NS + offset_ns, max(1 + offset_ns, 0), 8 * SECOND_NS + offset_ns]
        assert moved["begin_ns"].tolist() == begins_ns
        assert moved["end_ns"].tolist() == [10 * SECOND_NS + offset_ns] * 3
        assert moved["syn_ns"].tolist() == [0] * 3
        assert moved["last_rtx_ns"].tolist() == [0, min(MAX_CLOCK_NS, MAX_CLOCK_NS + offset_ns), 0]


def test_the_merge_is_a_replay(two: list[Contents]) -> None:
    assert isinstance(opened(two), MergedReplay)


@pytest.mark.parametrize(("group", "rows"), [("dest", {"db-07", "db-08"}), ("port", {"db-07", "db-08"})])
def test_the_hosts_of_a_row_are_a_row_each(two: list[Contents], group: str, rows: set[str]) -> None:
    """GIVEN the row of a destination or port WHEN its hosts are shown THEN they have its connects."""
    view = view_of(two, group, "nginx")
    spec = hosts_of_row(view, 0, view.spec)
    assert spec is not None
    hosts = make_view(view.snapshot, spec)
    assert {row["host"] for row in view_document(hosts)["rows"]} == rows
    assert hosts.metrics["count"].sum() == view.metrics["count"][0]
    assert hosts_of_row(hosts, 0, hosts.spec) is None
    within = hosts_of_row(view, 0, ViewSpec(group, where=parse_filter("dport=http", {"http": 80})))
    assert within is not None
    assert within.where.text == spec.where.text.replace("nginx", "dport=http")  # not also the view's own


def test_only_rows_of_several_hosts_have_hosts(two: list[Contents]) -> None:
    for view in (view_of(two[:1]), view_of(two, "process+dest"), view_of(two, "unit")):
        assert hosts_of_row(view, 0, view.spec) is None
