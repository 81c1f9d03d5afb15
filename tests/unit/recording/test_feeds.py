"""A fleet: streams of several hosts at once, some of which are slow, broken, wrong or gone."""

from __future__ import annotations

import os
import random
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hostile_recordings import FIVE, GOOD, block_frame, end_frame, recorded

from tcpconntop.commands.targets import check_targets, use_replay_for_recordings
from tcpconntop.core.errors import FatalError
from tcpconntop.core.hosts import CONNECTING, ENDED, GONE, LIVE, MAX_HOSTS, HostState, host_text
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.kernel.starter import Starter
from tcpconntop.options import UsageError, parse
from tcpconntop.recording import feed
from tcpconntop.recording.feed import Feed
from tcpconntop.recording.fleet import Fleet
from tcpconntop.recording.ways import FileWay, ProgramWay

DEADLINE_S = 60.0
NOISE = random.Random(7).randbytes(8192)
WHOLE = recorded(block_frame(GOOD, FIVE), end_frame(5))


class Way:
    """A pipe to a host that has sent something."""

    def __init__(self, data: bytes = b"", says: str = "", *, ends: bool = True) -> None:
        reader, self._writer = os.pipe()
        self.file, self._says = os.fdopen(reader, "rb"), says
        self.send(data)
        if ends:
            self.close()

    def send(self, data: bytes) -> None:
        os.write(self._writer, data)

    def why(self) -> str:
        return self._says

    def close(self) -> None:
        writer, self._writer = self._writer, -1  # both threads of a feed may close it
        if writer >= 0:
            os.close(writer)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(feed, "READ_S", 0.05)


@pytest.fixture
def fleet() -> Iterator[Callable[..., Fleet]]:
    """A function that makes a fleet; each host is given as the ways to it, one for each attempt."""
    fleets: list[Fleet] = []

    def make(hosts: dict[str, list[Way]], *, again: bool = True, say: object = None) -> Fleet:
        def connect(ways: list[Way]) -> Callable[[], Way]:
            def next_way() -> Way:
                if not ways:
                    raise OSError(111, "Connection refused")
                return ways.pop(0)

            return next_way

        targets = [(name, connect(ways), again) for name, ways in hosts.items()]
        fleets.append(Fleet(targets, say or (lambda _: None)))  # type: ignore[arg-type]
        return fleets[-1]

    yield make
    for made in fleets:
        made.close()


def read_until(source: Fleet, is_done: Callable[[], bool]) -> Events:
    """Return all records that come until something is so."""
    parts, until_s = [np.empty(0, EVENT)], time.monotonic() + DEADLINE_S
    while not is_done():
        assert time.monotonic() < until_s, host_texts(source)
        parts.append(source.read(0.05))
    parts.append(source.read(0))
    return np.concatenate(parts)


def host_texts(source: Fleet) -> list[str]:
    return [host_text(host) for host in source.info.hosts]


@contextmanager
def program(*command: str) -> Iterator[ProgramWay]:
    """A program that runs as ssh would."""
    starter = Starter([command])
    try:
        way = ProgramWay(partial(starter.start, 0))
        with way.file:
            yield way
        way.close()
    finally:
        starter.close()


def of(source: Fleet, name: str) -> HostState:
    return next(host for host in source.info.hosts if host.name == name)


def test_the_totals_are_the_sum_of_those_of_each_host(fleet: Callable[..., Fleet]) -> None:
    source = fleet({"a": [Way(WHOLE)], "b": [Way(WHOLE)]}, again=False)
    events = read_until(source, lambda: source.ended)
    assert len(events) == source.ledger().attempts == 10
    assert [(host.name, host.state, host.records) for host in source.info.hosts] == [
        ("a", ENDED, 5),
        ("b", ENDED, 5),
    ]
    names = {source.places().host(netns) for netns in events["netns"].tolist()}
    assert names == {"a", "b"}


def test_a_slow_host_holds_up_nobody(fleet: Callable[..., Fleet]) -> None:
    """GIVEN hosts that send nothing, or half a header WHEN another one sends THEN its records are there."""
    source = fleet(
        {
            "silent": [Way(ends=False)],
            "half": [Way(WHOLE[:40], ends=False)],
            "good": [Way(WHOLE[: -len(end_frame(5))], ends=False)],
        }
    )
    assert len(read_until(source, lambda: of(source, "good").records == 5)) == 5
    assert [host.state for host in source.info.hosts] == [CONNECTING, CONNECTING, LIVE]
    assert not source.ended


@pytest.mark.parametrize(
    "data", [b"", b"Password:", NOISE, WHOLE[:8] + NOISE], ids=["nothing", "a prompt", "noise", "a beginning"]
)
def test_a_malformed_stream_marks_its_host_alone(fleet: Callable[..., Fleet], data: bytes) -> None:
    said: list[str] = []
    source = fleet({"bad": [Way(data)], "good": [Way(WHOLE)]}, again=False, say=said.append)
    assert len(read_until(source, lambda: source.ended)) == 5
    assert of(source, "good").note == ""
    assert of(source, "bad").note
    assert "\n" not in of(source, "bad").note
    assert all(line.isprintable() for line in said)
    assert sum(line.startswith("bad: ") for line in said) == 1


def test_a_host_that_is_gone_is_connected_to_again(fleet: Callable[..., Fleet]) -> None:
    """GIVEN a stream that breaks off WHEN the host is back THEN both parts count, and the gap is told."""
    back = Way(WHOLE[: -len(end_frame(5))], ends=False)
    source = fleet({"db": [Way(WHOLE[:-20], "the link broke"), Way(b"", "no route"), back]})
    events = read_until(source, lambda: of(source, "db").state == LIVE and of(source, "db").records == 10)
    assert len(events) == source.ledger().attempts == 10
    assert of(source, "db").note == "was gone once: its connects in between are missing"


def test_a_host_that_is_gone_says_why_and_keeps_its_data(fleet: Callable[..., Fleet]) -> None:
    source = fleet({"db": [Way(WHOLE, "kex: \x1b[31mreset\r\n by peer")]})
    read_until(source, lambda: of(source, "db").state == GONE and "refused" in of(source, "db").note)
    assert of(source, "db").records == source.ledger().attempts == 5
    assert not source.ended


def test_attempts_in_flight_before_a_gap_are_counted_no_more(fleet: Callable[..., Fleet]) -> None:
    busy = GOOD.replace(b'"attempts": 5', b'"attempts": 9')
    assert busy != GOOD
    first = Way(recorded(block_frame(busy, FIVE)))
    second = Way(recorded(block_frame(GOOD, FIVE)), ends=False)
    source = fleet({"db": [first, second]})
    read_until(source, lambda: of(source, "db").records == 10)
    assert (source.ledger().attempts, source.ledger().in_flight) == (10, 0)


def test_a_wrong_clock_is_measured_and_corrected(fleet: Callable[..., Fleet]) -> None:
    """GIVEN a host whose clock is years behind WHEN it sends THEN its records are of now; that is said."""
    source = fleet({"db": [Way(WHOLE)]}, again=False)
    events = read_until(source, lambda: source.ended)
    offset_s = of(source, "db").clock_offset_s
    assert offset_s is not None
    assert offset_s < -1e6
    assert abs(int(events["end_ns"][-1]) - source.now_ns()) < DEADLINE_S * SECOND_NS
    assert "behind ours, corrected" in host_texts(source)[0]


def test_what_waits_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN nobody who takes anything WHEN a host sends THEN two reads wait; the rest is in its pipe."""
    monkeypatch.setattr(feed, "MAX_WAITING_READS", 2)
    blocks = [block_frame(GOOD, FIVE, records_before=5 * n) for n in range(9)]
    one = Feed(1, "db", lambda: Way(recorded(*blocks)), again=False, arrived=lambda: None)
    one.start()
    until_s, sizes = time.monotonic() + DEADLINE_S, []
    while not one.ended:
        assert time.monotonic() < until_s
        sizes.append(len(one.take()))
    assert max(sizes) <= 2
    assert sum(sizes) == 18  # a block is a read, and one that has its ledger
    assert one.host().records == 45
    one.close()


def test_there_are_not_too_many_hosts() -> None:
    with pytest.raises(FatalError, match=f"at most {MAX_HOSTS} hosts"):
        Fleet([(f"h{n}", Way, False) for n in range(MAX_HOSTS + 1)])


def test_a_fifo_is_read_when_its_writer_comes(tmp_path: Path) -> None:
    """GIVEN a FIFO without a writer beside a host WHEN one comes late THEN its records are there; it ends."""
    fifo = tmp_path / "db-07"
    os.mkfifo(fifo)
    source = Fleet([("db-07", partial(FileWay, fifo), False), ("db-08", partial(Way, WHOLE), False)])
    read_until(source, lambda: of(source, "db-08").state == ENDED)
    assert of(source, "db-07").state == CONNECTING
    fifo.write_bytes(WHOLE)
    read_until(source, lambda: source.ended)
    assert (of(source, "db-07").records, of(source, "db-07").note) == (5, "")
    source.close()


# The command line


@pytest.mark.parametrize(
    "words",
    [
        ["--", "-oProxyCommand=touch /tmp/x"],
        ["root@-oProxyCommand=x"],
        ["ssh://-oProxyCommand=x"],
        ["db-07\n"],
        ["db 07"],
        ["user@"],
        ["", "db-07"],
        ["--ssh-command", "ssh 'x", "db-07"],
        ["--ssh-command", " ", "db-07"],
    ],
)
def test_a_target_that_is_no_host_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        check_targets(parse(["fleet", "-b", *words]))


def test_a_target_is_an_argument_and_never_read_by_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "ssh"
    script.write_text(f"#!{sys.executable}\nimport sys\nprint('\\0'.join(sys.argv[1:]), end='')\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    words = ["$(touch hacked);`x`", "sudo -n tcpconntop record - | cat"]
    with program(str(script), *words) as way:
        assert way.file.read().decode().split("\0") == words
        assert way.why() == ""


def test_what_a_program_said_last_is_why_it_failed() -> None:
    with program("sh", "-c", "echo first >&2; echo refused >&2; echo >&2; exit 255") as way:
        assert way.file.read() == b""
        assert way.why() == "refused"


@pytest.mark.parametrize("said", ["", "tcpconntop: a note", "tcpconntop: a note\\ntracing: fentry/ring"])
def test_the_announcement_of_a_tracer_is_not_why_it_ended(said: str) -> None:
    """GIVEN a tracer that was killed THEN what it said when it began is no reason."""
    with program("sh", "-c", f"printf '{said}' >&2; exit 255") as way:
        assert way.file.read() == b""
        expected = (
            "tcpconntop: a note" if said.endswith("note") else "it ended without saying why (exit code 255)"
        )
        assert way.why() == expected


def test_recordings_alone_are_a_replay_and_are_not_mixed_with_hosts(tmp_path: Path) -> None:
    file = tmp_path / "a.rec"
    file.write_bytes(WHOLE)
    args = parse(["fleet", str(file), str(file)])
    use_replay_for_recordings(args)
    assert (args.replay, args.fleet, args.speed) == ([str(file)] * 2, (), 1.0)
    with pytest.raises(UsageError, match="is a recording and not live"):
        use_replay_for_recordings(parse(["fleet", str(file), "db-07"]))
