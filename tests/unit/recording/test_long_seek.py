"""A long seek reads blocks of seconds at once; the moment looks as if each second had been played."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from records import random_records, rows_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.lengths import MAX_WINDOW_S
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT
from tcpconntop.engine import Engine
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.replay import Replay
from tcpconntop.sources.replay_filter import apply_request_filters

BEGAN_S, SECONDS = 1_007, 1_050
INFO = SourceInfo("db-07", "6.12", "", "", "live")
WAIT_S = 10


class Reads:
    """A recording in memory: some seconds have a read, of which some have no records.

    Args:
        end_s: when it says that it ends.
    """

    missing, notes = 0, ()

    def __init__(self, end_s: int = BEGAN_S + SECONDS) -> None:
        self.header = FileHeader("s", 1, INFO, "", BEGAN_S * SECOND_NS, 0, Ledger())
        self.end_ns = end_s * SECOND_NS
        numbers = np.random.default_rng(3).choice([None] * 9 + [0, 2, 5], SECONDS - 1).tolist()
        self._all = []
        for second, n in enumerate([*numbers, 1], BEGAN_S):
            now_ns = (second + 1) * SECOND_NS - 1
            if n is not None:
                self._all.append(RecordedRead(now_ns, random_records(n, 8, second, now_ns), None, 0))

    def recorded_reads(self):
        return iter(self._all)

    def rewind(self):
        pass

    close = rewind

    def again(self):
        return self


@pytest.fixture(scope="module")
def reads():
    return Reads()


@cache
def played(reads, to_ns, window_s=60):
    """Return the window after every read up to a moment, one by one."""
    window = RollingWindow(window_s)
    for read in reads.recorded_reads():
        if read.now_ns <= to_ns:
            window.ingest(read.events, read.now_ns)
    window.advance(to_ns)
    return window


def sought(source, window, to_ns):
    """Seek as the engine does; return the number of reads."""
    source.player.seek(to_ns)
    n = 0
    while not source.player.seek_done:
        window.ingest(source.read(0.1), source.now_ns(), source.player.batch_span)
        n += 1
    return n


def content(window):
    """Return all that a window keeps."""
    state = window.state()
    slices = [(part.second, part.seconds, part.ended, part.buckets.tolist()) for part in state.history]
    older = state.older.stats["outcomes"].sum(axis=0).tolist()
    return slices, older, rows_of(window), state.recent.records.tobytes()


@pytest.mark.parametrize(
    "after_s", [SECONDS, *(pytest.param(s, marks=pytest.mark.long) for s in (40, 950, 983))]
)
def test_a_moment_far_off_is_the_one_that_every_second_leads_to(reads, after_s):
    """GIVEN a moment WHEN sought from the beginning THEN slices and sums are those of a playback."""
    to_ns = (BEGAN_S + after_s) * SECOND_NS - 1
    window = RollingWindow(60)
    n = sought(Replay(reads), window, to_ns)
    assert content(window) == content(played(reads, to_ns))
    assert after_s < 60 or n < 0.8 * len([read for read in reads.recorded_reads() if read.now_ns <= to_ns])


def test_a_long_seek_from_the_middle_of_a_block_divides_it_as_before(reads):
    """GIVEN some seconds that were played WHEN a far moment is sought THEN none of them is in two slices."""
    window, source, to_ns = RollingWindow(60), Replay(reads), (BEGAN_S + 940) * SECOND_NS - 1
    for after_s in (8, 20, 61):
        sought(source, window, (BEGAN_S + after_s) * SECOND_NS)
    sought(source, window, to_ns)
    assert content(window) == content(played(reads, to_ns))
    slices = window.state().history
    assert all(one.second + one.seconds <= other.second for one, other in pairwise(slices))


@pytest.mark.long
def test_what_is_played_after_a_long_seek_is_as_if_all_had_been_played(reads):
    window, source, to_ns = RollingWindow(None), Replay(reads), (BEGAN_S + SECONDS) * SECOND_NS - 1
    sought(source, window, to_ns - 77 * SECOND_NS)
    sought(source, window, to_ns)
    assert content(window) == content(played(reads, to_ns, None))


def test_filters_count_a_long_seek_once(reads):
    """GIVEN a filter WHEN a long seek is followed by a shorter one THEN the totals are those of one pass."""
    source = apply_request_filters(Replay(reads), TraceRequest(family=4))
    totals = []
    for after_s in (SECONDS, 300):
        window = RollingWindow(60)
        sought(source, window, (BEGAN_S + after_s) * SECOND_NS)
        totals.append(source.ledger().attempts)
    fresh = apply_request_filters(Replay(reads), TraceRequest(family=4))
    sought(fresh, RollingWindow(60), (BEGAN_S + 300) * SECOND_NS)
    assert totals[0] > totals[1] == fresh.ledger().attempts


def test_a_seek_that_is_cut_short_by_a_nearer_one_begins_again(reads):
    """GIVEN a long seek on its way WHEN a nearer moment is wanted THEN no block of it is in the picture."""
    source = Replay(reads)
    source.seek((BEGAN_S + SECONDS) * SECOND_NS)
    for _ in range(3):
        source.read(0.1)
    nearer_ns = (BEGAN_S + 120) * SECOND_NS
    assert source.now_ns() < nearer_ns
    assert source.restarts(nearer_ns)
    assert not source.restarts((BEGAN_S + SECONDS) * SECOND_NS)
    window = RollingWindow(60)
    sought(source, window, nearer_ns)
    assert content(window) == content(played(reads, nearer_ns))


@pytest.mark.long
def test_a_recording_that_ends_before_it_says_so_is_shown_in_seconds():
    """GIVEN a wrong end WHEN it is gone to THEN the last minute that there is is divided as always."""
    reads, came, seen = Reads(BEGAN_S + SECONDS + 2 * MAX_WINDOW_S), threading.Event(), []

    def publish(snapshot):
        seen.append(snapshot)
        if snapshot.playback.last_seek_ns == reads.end_ns:
            came.set()

    engine = Engine(Replay(reads), publish, 60, 3_600)
    engine.set_speed(1.0, paused=True)
    engine.seek(reads.end_ns)
    thread = threading.Thread(target=engine.run)
    thread.start()
    assert came.wait(WAIT_S)
    engine.stop()
    thread.join(WAIT_S)
    last_ns = (BEGAN_S + SECONDS) * SECOND_NS - 1
    assert seen[-1].now_ns == last_ns
    expected = played(reads, last_ns).state()
    assert [(part.second, part.seconds) for part in seen[-1].window.history] == [
        (part.second, part.seconds) for part in expected.history
    ]


def test_totals_between_two_ledgers_are_those_of_what_was_played(reads):
    """GIVEN reads after a recorded ledger WHEN asked for totals THEN they are the ledger's and the reads'."""
    events = random_records(9, 3, 1)
    read = RecordedRead(0, events, None, 0)
    ledger = Ledger(100, (90, 10, 0, 0, 0, 0), 4)
    source = Replay(reads)
    for each in (read, replace(read, events=np.empty(0, EVENT), ledger=ledger), read):
        source._count(each)
    totals = source.ledger()
    assert totals.ended == 100 + 9
    assert totals.syn_retransmits == 4 + int(events["syn_retransmits"].sum())
