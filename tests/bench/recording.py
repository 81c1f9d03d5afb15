"""What recording costs, as a Markdown table: `python -m tests.bench.recording [SECONDS]`.

The same records go through the same reads with and without a recorder; the difference in this process's CPU
time is what the recorder takes. A replay of the file is measured beside it.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.codecs import CODECS
from tcpconntop.recording.files import RotatingFile
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay
from tcpconntop.recording.writer import RecordingWriter
from tests.bench.run import machine
from tests.bench.workload import records

PER_S = 20_000
READS_A_S = 10
KEYS = 10_000


class Paced:
    """A source whose clock goes on with each read: records with times, ports and addresses as they come."""

    info = SourceInfo("bench", "", "fentry", "ring", "synthetic")
    ended = False
    player = None

    def __init__(self, seconds: int) -> None:
        size = PER_S // READS_A_S
        self.clock_ns = 300 * SECOND_NS
        random = np.random.default_rng(3)
        events = records(seconds * PER_S, KEYS)
        moments = np.sort(random.integers(0, seconds * SECOND_NS, len(events))).astype(np.uint64)
        events["end_ns"] = self.clock_ns + moments
        events["begin_ns"] = events["end_ns"] - random.lognormal(np.log(3e5), 0.5, len(events)).astype("u8")
        events["syn_ns"] = events["begin_ns"] + random.integers(4_000, 20_000, len(events)).astype("u8")
        events["lport"] = random.integers(32_768, 60_999, len(events))
        events["netns"], events["uid"] = 4_026_531_840, 1000
        self.batches = [events[at : at + size] for at in range(0, len(events), size)]
        self.outcomes = np.zeros(N_OUTCOMES, np.int64)
        self.at = 0

    def read(self, timeout_s: float) -> Events:
        if not timeout_s or self.at == len(self.batches):
            return np.empty(0, EVENT)
        batch = self.batches[self.at]
        self.at += 1
        self.clock_ns += SECOND_NS // READS_A_S
        self.outcomes += np.bincount(batch["outcome"], minlength=N_OUTCOMES)
        return batch

    def ledger(self) -> Ledger:
        return Ledger(int(self.outcomes.sum()), tuple(self.outcomes.tolist()))

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


def drained(source: RecordingWriter | Paced, reads: int) -> float:
    """Read everything and close; gives the CPU seconds that it took."""
    began_s = time.process_time()
    for _ in range(reads):
        source.read(1.0)
    source.close()
    return time.process_time() - began_s


def played(path: Path) -> tuple[float, int]:
    """Replay as fast as it goes; gives the CPU seconds and the records."""
    began_s, n = time.process_time(), 0
    with path.open("rb") as file:
        source = Replay(RecordingReader([(path, file)]), None)
        while not source.ended:
            n += len(source.read(3600.0))
    return time.process_time() - began_s, n


def main(seconds: int) -> None:
    """Measure each codec and print the table."""
    print(f"{machine()}; {PER_S:,} connects a second for {seconds} s, {KEYS:,} destinations\n")
    print("| packed | CPU of a core | bytes a connect | replay |\n|---|---:|---:|---:|")
    for codec in CODECS:
        if codec == "zstd" and importlib.util.find_spec("zstandard") is None:
            continue
        bare = Paced(seconds)
        without_s = drained(bare, len(bare.batches))
        source = Paced(seconds)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording"
            recorder = RecordingWriter(source, RotatingFile(path), codec=codec, clock_s=source.clock_s)
            share = (drained(recorder, len(source.batches)) - without_s) / seconds
            replay_s, n = played(path)
            each = path.stat().st_size / n
        print(f"| {codec} | {share:.1%} | {each:.1f} | {replay_s / n * SECOND_NS:,.0f} ns a record |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
