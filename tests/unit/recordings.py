"""Recordings for the unit tests: a scenario of some seconds, recorded while an engine publishes snapshots."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import EVENT, Events, Outcome
from tcpconntop.engine import Engine
from tcpconntop.recording.files import RotatingFile, Rotation
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.recording.writer import RecordingWriter
from tcpconntop.sources.synthetic import Flow, Synthetic

BEGAN_NS = 1_000 * SECOND_NS + 123_456_789
FLOWS = (
    Flow("nginx", 100, "10.2.3.4", 443, 40, 200),
    Flow("nginx", 101, "10.2.3.5", 443, 30, 900, 0.8, lost_syn_share=0.05),
    Flow("envoy", 200, "fd00:7::21", 8443, 20, 500),
    Flow("probe", 300, "10.9.1.7", 9100, 5, 100, failure_share=1.0),
    Flow("backup", 400, "198.51.100.9", 22, 2, 900, failure_share=0.5, outcome=Outcome.CANCELLED),
)


class Scenario(Synthetic):
    """Generated records of some seconds; each read is 0.1 s later than the last one, then the source ends."""

    def __init__(self, seconds: int = 6, silent: range = range(0)) -> None:
        self.clock_ns = BEGAN_NS
        self._end_ns, self._silent = BEGAN_NS + seconds * SECOND_NS, silent
        super().__init__(FLOWS, seed=7, clock_ns=lambda: self.clock_ns, label="live")

    def read(self, timeout_s: float) -> Events:
        if timeout_s > 0:
            self.clock_ns += SECOND_NS // 10
        if (self.clock_ns - BEGAN_NS) // SECOND_NS in self._silent:
            self._read_until_ns = self.clock_ns
        events = super().read(timeout_s)
        self.ended = self.clock_ns >= self._end_ns
        return events

    def clock_s(self) -> float:
        return self.clock_ns / 1e9


def record(
    path: Path,
    scenario: Scenario | None = None,
    rotation: Rotation | None = None,
    codec: str = "zlib",
    window_s: float | None = 60,
    keep: Callable[[Events], np.ndarray] | None = None,
) -> list[Snapshot]:
    """Record a scenario; return what an engine published meanwhile."""
    scenario = scenario or Scenario()
    file = RotatingFile(path, rotation, scenario.clock_s)
    writer = RecordingWriter(scenario, file, "", codec, keep, scenario.clock_s)
    seen: list[Snapshot] = []
    Engine(writer, seen.append, window_s, clock_s=scenario.clock_s).run()
    assert writer.failure is None
    return seen


def recording(*files: Path | bytes) -> RecordingReader:
    """Return a reader of a recording."""
    contents = [file.read_bytes() if isinstance(file, Path) else file for file in files]
    return RecordingReader([(Path(f"file {i}"), io.BytesIO(data)) for i, data in enumerate(contents)])


def replayed(*files: Path | bytes, window_s: float | None = 60) -> list[Snapshot]:
    """Play a recording as fast as possible; return what an engine published meanwhile."""
    source = Replay(recording(*files), None)
    seen: list[Snapshot] = []
    Engine(source, seen.append, window_s, clock_s=lambda: source.now_ns() / 1e9).run()
    return seen


def events_of(reader: RecordingReader) -> Events:
    """Return all records that can be read."""
    return np.concatenate([np.empty(0, EVENT), *(read.events for read in reader.recorded_reads())])
