"""The ring that is always on: the last minutes, and what is kept around an alert."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from recordings import BEGAN_NS, SECOND_NS, Scenario, events_of, recording

from tcpconntop.core.errors import FatalError
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.recording import alert_ring
from tcpconntop.recording.alert_ring import AlertRing
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.writer import RecordingWriter

KEEP_S = 8
UNIX_S = 1_790_000_000
"""Unix time of the beginning."""


HEADER = FileHeader("s", 1, SourceInfo("h", "6", "p", "ring", "live"), "", 0, 0, Ledger(), rotation="r")


class Ring:
    """A ring that gets a block each second, on a clock of its own; knows which file has which seconds."""

    def __init__(self, folder: Path, **options) -> None:
        self.folder, self.now_s, self.block = folder, 0, b"x" * 100
        self.seconds: dict[int, list[int]] = {}  # by the number of the inode
        self.ring = self.opened(**options)

    def opened(self, **options) -> AlertRing:
        wall_s = lambda: UNIX_S + self.now_s  # noqa: E731
        ring = AlertRing(self.folder / "r", KEEP_S, clock_s=lambda: self.now_s, wall_s=wall_s, **options)
        ring.append(HEADER.to_frame(0).encode())
        return ring

    def __enter__(self) -> Ring:
        return self

    def __exit__(self, *_) -> None:
        self.ring.close()

    def run(self, until_s: int) -> Ring:
        while self.now_s < until_s:
            if not self.ring.has_room(len(self.block)):
                self.ring.start_next_file()
                self.ring.append(HEADER.to_frame(0).encode())
                self.seconds.pop(self._current().stat().st_ino, None)  # of a file that was removed
            self.ring.append(self.block)
            current = self._current()
            os.utime(current, (UNIX_S + self.now_s,) * 2)
            self.seconds.setdefault(current.stat().st_ino, []).append(self.now_s)
            self.now_s += 1
        return self

    def _current(self) -> Path:
        return max(self.folder.glob("r.*[0-9]"), key=lambda path: int(path.suffix[1:]))

    def alert(self) -> None:
        self.ring.keep_around(UNIX_S + self.now_s)

    def seconds_in(self, pattern: str) -> list[int]:
        """Return the seconds that are in the files with such names."""
        files = self.folder.glob(pattern)
        return sorted(second for path in files for second in self.seconds.get(path.stat().st_ino, ()))


def test_without_an_alert_only_the_last_minutes_are_kept(tmp_path):
    """GIVEN a ring of 8 s WHEN it ran for 40 s THEN there are the last 8 s, and at most a file more."""
    with Ring(tmp_path).run(40) as ring:
        (first, *_, last) = ring.seconds_in("r.*")
        assert 40 - KEEP_S - 4 <= first <= 40 - KEEP_S
        assert last == 39
        assert len(list(tmp_path.iterdir())) <= 6


def test_what_is_around_an_alert_stays_and_the_others_go_on(tmp_path):
    """GIVEN an alert at 20 s WHEN the ring has gone on for long THEN 8 s before and after it are there."""
    with Ring(tmp_path).run(20) as ring:
        ring.alert()
        ring.run(50)
        names = {path.name.rpartition(".")[0] for path in tmp_path.glob("r.alert-*")}
        assert names == {"r.alert-20260921T141340Z"}
        kept = ring.seconds_in("r.alert-*")
        assert kept == list(range(kept[0], kept[-1] + 1))
        assert 20 - KEEP_S - 4 <= kept[0] <= 20 - KEEP_S
        assert 20 + KEEP_S - 1 <= kept[-1] <= 20 + KEEP_S + 3
        assert ring.seconds_in("r.0*")[0] >= 50 - KEEP_S - 4


def test_a_second_alert_meanwhile_prolongs_the_first(tmp_path):
    """GIVEN an alert WHEN another one fires 5 s later THEN both are in files of one name."""
    with Ring(tmp_path).run(20) as ring:
        ring.alert()
        ring.run(25).alert()
        ring.run(55)
        assert len({path.name.rpartition(".")[0] for path in tmp_path.glob("r.alert-*")}) == 1
        assert ring.seconds_in("r.alert-*")[-1] >= 25 + KEEP_S - 1


def test_what_is_kept_survives_a_kill_at_once(tmp_path):
    """GIVEN an alert WHEN the process is gone right then THEN the next ring removes nothing of it."""
    with Ring(tmp_path).run(20) as ring:
        ring.alert()
        kept = set(tmp_path.glob("r.alert-*"))
        assert len(kept) >= 4
    ring.now_s += 1_000
    ring.ring = ring.opened()
    with ring.run(1_030):
        assert kept <= set(tmp_path.iterdir())


def test_the_ring_of_an_earlier_run_is_part_of_it(tmp_path):
    """GIVEN a ring that ended a second ago WHEN an alert fires in the next THEN its files are kept."""
    with Ring(tmp_path).run(10) as ring:
        pass
    ring.ring = ring.opened()
    with ring:
        ring.alert()
        assert set(range(3, 10)) <= set(ring.seconds_in("r.alert-*[1-6]"))


def test_the_ring_and_what_is_kept_have_a_bound(tmp_path, monkeypatch):
    """GIVEN small files and endless alerts WHEN it runs THEN no files pile up."""
    monkeypatch.setattr(alert_ring, "MAX_KEPT_FILES", 6)
    monkeypatch.setattr(alert_ring, "MAX_RING_FILES", 3)
    with Ring(tmp_path, size_bytes=1_500).run(12) as ring:
        ring.block = b"x" * 1_000
        ring.run(20)
        assert len(list(tmp_path.iterdir())) == 3
        for _ in range(20):
            ring.alert()
            ring.run(ring.now_s + 1)
        assert len(list(tmp_path.glob("r.alert-*"))) <= 7


def test_nothing_of_others_is_renamed_removed_or_overwritten(tmp_path):
    """GIVEN other files with such names WHEN an alert fires THEN they are as they were."""
    with Ring(tmp_path).run(6) as ring:
        (tmp_path / "r.000900").write_text("mine")
        (tmp_path / "r.000901").symlink_to(tmp_path / "r.000001")
        (tmp_path / "r.alert-20200101T000000Z.000001").write_text("mine")
        ring.alert()
        ring.ring.start_next_file()
        assert (tmp_path / "r.000900").read_text() == "mine"
        assert (tmp_path / "r.000901").is_symlink()
        assert (tmp_path / "r.alert-20200101T000000Z.000001").read_text() == "mine"
        assert len(list(tmp_path.glob("r.alert-*"))) >= 3


def test_a_name_that_is_taken_ends_the_recording_with_one_line(tmp_path):
    """GIVEN a file with the name that a kept one is to have WHEN the alert fires THEN it stays as it was."""
    with Ring(tmp_path).run(3) as ring:
        (tmp_path / "r.alert-20260921T141323Z.000001").write_text("mine")
        ring.alert()
        with pytest.raises(FatalError, match=r"^cannot rename .*: File exists$"):
            ring.ring.append(b"")
        assert (tmp_path / "r.alert-20260921T141323Z.000001").read_text() == "mine"


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOSPC])
def test_a_file_system_without_links_and_a_full_one(tmp_path, monkeypatch, code):
    """GIVEN a file system WHEN it has no links THEN files are renamed; a full one is one line."""

    def link(*_args, **_options):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    with Ring(tmp_path).run(5) as ring:
        ring.alert()
        if code == errno.EPERM:
            assert ring.seconds_in("r.alert-*") == [0, 1, 2, 3, 4]
            return
        with pytest.raises(FatalError, match="No space left on device"):
            ring.ring.append(b"")


def test_what_is_kept_of_a_real_recording_is_a_recording(tmp_path):
    """GIVEN a recording WHEN an alert fired THEN the kept files can be read, with all their records."""
    scenario = Scenario(8)
    clock_s = lambda: scenario.clock_ns / 1e9  # noqa: E731
    ring = AlertRing(tmp_path / "r", 1000, age_s=2, clock_s=clock_s)
    writer = RecordingWriter(scenario, ring, clock_s=clock_s)
    n_read = 0
    while not scenario.ended:
        n_read += len(writer.read(0.1))
        if scenario.clock_ns == BEGAN_NS + 5 * SECOND_NS:
            ring.keep_around(UNIX_S)
    writer.close()
    assert writer.failure is None
    assert not list(tmp_path.glob("r.0*"))
    assert len(events_of(recording(*sorted(tmp_path.glob("r.alert-*"))))) == n_read > 0
