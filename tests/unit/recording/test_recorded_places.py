"""Recordings keep the names of interfaces and network namespaces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recordings import BEGAN_NS, Scenario, record, recording, replayed

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events, address_bytes
from tcpconntop.recording.files import Rotation


class LinkLocal(Scenario):
    """Connects to link-local addresses; the name of their interface changes after three seconds."""

    def read(self, timeout_s: float) -> Events:
        events = super().read(timeout_s)
        events["netns"], events["scope_id"] = 50, 2
        events["daddr"], events["family"] = np.void(address_bytes("fe80::1")[0]), 6
        return events

    def places(self) -> Places:
        name = "old" if self.clock_ns < BEGAN_NS + 3 * SECOND_NS else "new"
        return Places({(50, 2): name, (50, 3): ""}, {50: "blue"})


def test_a_replay_shows_the_names_that_were_shown(tmp_path: Path) -> None:
    seen = record(tmp_path / "r", LinkLocal())
    again = replayed(tmp_path / "r")
    assert [snapshot.places for snapshot in again] == [snapshot.places for snapshot in seen]
    assert {snapshot.places.interface(50, 2) for snapshot in again} == {"old", "new"}


def test_each_file_of_a_recording_has_the_names(tmp_path: Path) -> None:
    record(tmp_path / "r", LinkLocal(seconds=40), Rotation(1 << 16, None, 99))
    files = sorted(tmp_path.glob("r.*"))
    assert len(files) > 1
    for file in files:
        assert replayed(file)[-1].places.namespaces == {50: "blue"}


def test_a_recording_without_names_is_played(tmp_path: Path) -> None:
    record(tmp_path / "r")
    data = (tmp_path / "r").read_bytes()
    assert [step.places for step in recording(data).recorded_reads()] == [NO_PLACES] * len(
        list(recording(data).recorded_reads())
    )
