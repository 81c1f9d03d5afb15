"""Measure the cost of recording; print a Markdown table: `python -m tests.bench.recording [SECONDS]`.

The same records are read with and without a recorder. The cost of the recorder is the difference in this
process's CPU time. A replay of the file is measured as well.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.codecs import CODECS
from tcpconntop.recording.files import RotatingFile
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.recording.writer import RecordingWriter
from tests.bench.machine import machine
from tests.bench.workload import records

PER_S = 20_000
READS_PER_S = 10
KEYS = 10_000


class SteppedSource:
    """A source whose clock advances with each read. Its records are as varied as real ones."""

    info = SourceInfo("bench", "", "fentry", "ring", "synthetic")
    ended = False
    player = wake = None

    def __init__(self, seconds: int, per_s: int = PER_S, keys: int = KEYS) -> None:
        size = per_s // READS_PER_S
        self.clock_ns = 300 * SECOND_NS
        random = np.random.default_rng(3)
        events = records(seconds * per_s, keys)
        offsets_ns = np.sort(random.integers(0, seconds * SECOND_NS, len(events))).astype(np.uint64)
        events["end_ns"] = self.clock_ns + offsets_ns
        events["begin_ns"] = events["end_ns"] - random.lognormal(np.log(3e5), 0.5, len(events)).astype("u8")
        events["syn_ns"] = events["begin_ns"] + random.integers(4_000, 20_000, len(events)).astype("u8")
        events["lport"] = random.integers(32_768, 60_999, len(events))
        events["netns"], events["uid"] = 4_026_531_840, 1000
        self.batches = [events[start : start + size] for start in range(0, len(events), size)]
        self.outcomes = np.zeros(N_OUTCOMES, np.int64)
        self.next_batch = 0

    def read(self, timeout_s: float) -> Events:
        if not timeout_s or self.next_batch == len(self.batches):
            return np.empty(0, EVENT)
        batch = self.batches[self.next_batch]
        self.next_batch += 1
        self.clock_ns += SECOND_NS // READS_PER_S
        self.outcomes += np.bincount(batch["outcome"], minlength=N_OUTCOMES)
        return batch

    def ledger(self) -> Ledger:
        return Ledger(int(self.outcomes.sum()), tuple(self.outcomes.tolist()))

    def places(self) -> Places:
        """Return no names."""
        return NO_PLACES

    def units(self) -> dict[int, str | None]:
        return {4000 + n: f"worker{n}.service" for n in range(20)}

    def now_ns(self) -> int:
        return self.clock_ns

    def wall_offset_ns(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def clock_s(self) -> float:
        return self.clock_ns / SECOND_NS


def read_all(source: RecordingWriter | SteppedSource, reads: int) -> float:
    """Read everything and close the source; return the CPU time, in seconds."""
    began_s = time.process_time()
    for _ in range(reads):
        source.read(1.0)
    source.close()
    return time.process_time() - began_s


def replay_all(path: Path) -> tuple[float, int]:
    """Replay at full speed; return the CPU time, in seconds, and the number of records."""
    began_s, n = time.process_time(), 0
    with path.open("rb") as file:
        source = Replay(RecordingReader([(path, file)]), None)
        while not source.ended:
            n += len(source.read(3600.0))
    return time.process_time() - began_s, n


def main(seconds: int) -> None:
    """Measure each codec and print the table."""
    print(f"{machine()}; {PER_S:,} connects per second for {seconds} s, {KEYS:,} destinations\n")
    print("| codec | share of a core | bytes per connect | replay |\n|---|---:|---:|---:|")
    for codec in CODECS:
        if codec == "zstd" and importlib.util.find_spec("zstandard") is None:
            continue
        unrecorded = SteppedSource(seconds)
        without_s = read_all(unrecorded, len(unrecorded.batches))
        source = SteppedSource(seconds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording"
            recorder = RecordingWriter(source, RotatingFile(path), codec=codec, clock_s=source.clock_s)
            share = (read_all(recorder, len(source.batches)) - without_s) / seconds
            replay_s, n = replay_all(path)
            bytes_per_connect = path.stat().st_size / n
            ns_per_record = replay_s / n * SECOND_NS
        print(f"| {codec} | {share:.1%} | {bytes_per_connect:.1f} | {ns_per_record:,.0f} ns per record |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
