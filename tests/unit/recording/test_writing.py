"""Writing a recording: rotation, failures, and what is written when."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from recordings import BEGAN_NS, SECOND_NS, Scenario, events_of, record, recording, replayed
from test_recording import shown

from tcpconntop.core.errors import FatalError
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.recording.files import RotatingFile, Rotation
from tcpconntop.recording.writer import RecordingWriter

SMALL = Rotation(size_bytes=12_000, keep=1000)


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("r.*"))


def test_rotated_files_are_one_recording(tmp_path: Path) -> None:
    """GIVEN many small files WHEN replayed in any order THEN it is what was seen, and none is too large."""
    seen = record(tmp_path / "r", Scenario(12), SMALL)
    files = files_in(tmp_path)
    assert len(files) > 3
    assert files[0].name == "r.000001"
    assert all(file.stat().st_size <= SMALL.size_bytes for file in files)
    assert shown(replayed(*files[::-1])[-1]) == shown(seen[-1])


def test_the_last_files_alone_have_a_ledger_of_their_own(tmp_path: Path) -> None:
    """GIVEN only the last files WHEN replayed THEN the totals are theirs, and balance with the rows."""
    record(tmp_path / "r", Scenario(12), SMALL)
    last = replayed(*files_in(tmp_path)[2:], window_s=None)[-1]
    rows = int(make_view(last, ViewSpec()).metrics["count"].sum())
    assert last.ledger.attempts == rows > 0
    assert last.ledger.lost == 0


def test_the_records_of_a_missing_file_are_counted_as_lost(tmp_path: Path) -> None:
    seen = record(tmp_path / "r", Scenario(12), SMALL)
    files = files_in(tmp_path)
    hole = len(events_of(recording(files[1])))
    last = replayed(files[0], *files[2:], window_s=None)[-1]
    assert last.ledger.lost == hole > 0
    assert last.ledger.attempts == seen[-1].ledger.attempts


def test_only_the_newest_files_are_kept(tmp_path: Path) -> None:
    """GIVEN a bound WHEN two recordings rotate THEN only the newest files of both together are kept."""
    (tmp_path / "r.notes").write_text("mine")
    highest = 0
    for _ in range(2):
        record(tmp_path / "r", Scenario(12), Rotation(size_bytes=12_000, keep=3))
        numbers = [int(file.suffix[1:]) for file in files_in(tmp_path) if file.suffix != ".notes"]
        assert numbers == list(range(numbers[-1] - 2, numbers[-1] + 1))
        assert numbers[0] > highest
        highest = numbers[-1]
    assert (tmp_path / "r.notes").exists()


def test_nothing_is_removed_that_the_rotation_has_not_written(tmp_path: Path) -> None:
    """GIVEN whatever has such a name WHEN the rotation keeps one file THEN all of it stays."""
    (tmp_path / "r.000001").write_text("mine")
    (tmp_path / "r.000002").mkdir()
    os.mkfifo(tmp_path / "r.000003")
    (tmp_path / "r.000004").symlink_to(tmp_path / "r.000001")
    (tmp_path / "r.000005").symlink_to(tmp_path / "nowhere")
    record(tmp_path / "r.000006", Scenario(1))  # a recording of its own
    record(tmp_path / "other", Scenario(1), Rotation(keep=1))
    (tmp_path / "other.000001").rename(tmp_path / "r.000007")  # of another rotation
    (tmp_path / "r.1000000").write_text("mine")
    (tmp_path / "r.99999999999999999999").write_text("mine")
    before = sorted(tmp_path.iterdir())
    record(tmp_path / "r", Scenario(12), Rotation(size_bytes=12_000, keep=1))
    record(tmp_path / "r", Scenario(12), Rotation(size_bytes=12_000, keep=1))
    after = sorted(tmp_path.iterdir())
    assert set(before) <= set(after)
    (kept,) = set(after) - set(before)
    assert len(events_of(recording(kept))) > 0


def test_a_rotation_goes_on_after_999999(tmp_path: Path) -> None:
    record(tmp_path / "r", Scenario(1), Rotation())
    (tmp_path / "r.000001").rename(tmp_path / "r.999999")
    record(tmp_path / "r", Scenario(12), Rotation(size_bytes=12_000, keep=3))
    numbers = sorted(int(file.suffix[1:]) for file in files_in(tmp_path))
    assert len(numbers) == 3
    assert numbers[0] > 999_999


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
def test_files_of_other_users_are_not_removed(tmp_path: Path) -> None:
    record(tmp_path / "r", Scenario(1), Rotation())
    os.chown(tmp_path / "r.000001", 65534, 65534)
    record(tmp_path / "r", Scenario(12), Rotation(size_bytes=12_000, keep=1))
    assert [file.name == "r.000001" for file in files_in(tmp_path)] == [True, False]


def test_a_file_that_cannot_be_removed_is_an_error_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "r", Scenario(1), Rotation())

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(FatalError, match=r"cannot remove .*/r\.000001: Permission denied"):
        RotatingFile(tmp_path / "r", Rotation(keep=1))


def test_files_rotate_by_age(tmp_path: Path) -> None:
    seen = record(tmp_path / "r", Scenario(9), Rotation(age_s=2))
    assert 4 <= len(files_in(tmp_path)) <= 5
    assert shown(replayed(*files_in(tmp_path))[-1]) == shown(seen[-1])


def test_files_of_two_recordings_are_an_error(tmp_path: Path) -> None:
    record(tmp_path / "a", Scenario(1))
    record(tmp_path / "b", Scenario(1))
    with pytest.raises(FatalError, match="not files of one recording"):
        recording(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FatalError, match="same file"):
        recording(tmp_path / "a", tmp_path / "a")


# Writing


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("precious")
    with pytest.raises(FatalError, match="exists"):
        RotatingFile(tmp_path / "r")
    assert (tmp_path / "r").read_text() == "precious"


def test_other_users_may_not_read_a_recording(tmp_path: Path) -> None:
    record(tmp_path / "r", Scenario(1))
    assert (tmp_path / "r").stat().st_mode & 0o777 == 0o600


def test_a_failed_write_does_not_end_the_source(tmp_path: Path) -> None:
    """GIVEN a recording WHEN its folder is removed THEN records still come, and a note has the reason."""
    folder = tmp_path / "folder"
    folder.mkdir()
    scenario = Scenario(6)
    writer = RecordingWriter(scenario, RotatingFile(folder / "r", Rotation(age_s=1), scenario.clock_s),
                        clock_s=scenario.clock_s)  # fmt: skip
    shutil.rmtree(folder)
    n = 0
    while not writer.ended:
        n += len(writer.read(0.1))
    writer.close()
    assert n == scenario.ledger().attempts
    assert isinstance(writer.failure, FatalError)
    assert writer.info.notes == (f"the recording stopped: {writer.failure}",)


def test_a_source_that_fails_leaves_a_complete_recording(tmp_path: Path) -> None:
    """GIVEN a source that fails WHEN the writer is closed THEN all its records and the end are written."""

    class Broken(Scenario):
        def read(self, timeout_s: float) -> np.ndarray:
            if self.clock_ns >= BEGAN_NS + 1_500_000_000:
                raise FatalError("the loader is gone")
            return super().read(timeout_s)

    scenario = Broken()
    writer = RecordingWriter(scenario, RotatingFile(tmp_path / "r"), clock_s=scenario.clock_s)
    n = sum(len(writer.read(0.1)) for _ in range(15))
    with pytest.raises(FatalError, match="gone"):
        writer.read(0.1)
    writer.close()
    found = recording(tmp_path / "r")
    assert (len(events_of(found)), found.notes) == (n, ())


def test_records_are_in_the_file_after_a_second(tmp_path: Path) -> None:
    """GIVEN a writer that is never closed WHEN the file is read THEN at most a second is missing."""
    scenario = Scenario(5)
    writer = RecordingWriter(scenario, RotatingFile(tmp_path / "r"), clock_s=scenario.clock_s)
    while not writer.ended:
        writer.read(0.1)
    found = recording(tmp_path / "r")
    events = events_of(found)
    assert scenario.clock_ns - int(events["end_ns"][-1]) < SECOND_NS
    assert found.truncated
    writer.close()


def test_only_records_that_match_are_written(tmp_path: Path) -> None:
    where = parse_filter("comm=probe")
    record(tmp_path / "r", keep=lambda events: where.match_keys(keys_from_events(events)))
    assert set(events_of(recording(tmp_path / "r"))["comm"]) == {b"probe"}
