"""A recording of the demo's workload, played without an end: for machines and users that cannot trace.

`scripts/make_demo_recording.py` makes it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from tcpconntop.core.wire import N_OUTCOMES
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.reader import RecordedRead, RecordingReader
from tcpconntop.recording.replay import Replay

FILE = Path(__file__).with_name("loopback.rec")
_TIMES = ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns")


class LoopedRecording:
    """A short recording, again and again (`Playable`): times and totals go on, and the first moment is now.

    Args:
        recording: what to repeat; all of it is kept in memory.
        wall_ns: now, as Unix time.
    """

    def __init__(self, recording: RecordingReader, wall_ns: int) -> None:
        self._recording = recording
        self.header: FileHeader = replace(
            recording.header, wall_offset_ns=wall_ns - recording.header.began_ns
        )
        self.missing = 0
        self.notes: tuple[str, ...] = ()
        self.end_ns = None

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Give it again and again."""
        steps = list(self._recording.recorded_reads())
        length_ns = steps[-1].now_ns - self.header.began_ns
        ends = np.concatenate([step.events["outcome"] for step in steps])
        again = sum(int(step.events["syn_retransmits"].sum()) for step in steps)
        outcomes = np.bincount(ends, minlength=N_OUTCOMES)
        for turn in count():
            for step in steps:
                events, later_ns = step.events.copy(), np.uint64(turn * length_ns)
                for name in _TIMES:
                    events[name] += np.where(events[name] > 0, later_ns, np.uint64(0))
                ledger = step.ledger and step.ledger.plus_ended((outcomes * turn).tolist(), again * turn)
                yield RecordedRead(
                    step.now_ns + turn * length_ns, events, ledger, self.header.wall_offset_ns, step.units
                )

    def rewind(self) -> None:
        """Begin with the first turn again."""
        self._recording.rewind()

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()


def bundled_replay(notes: tuple[str, ...] = ()) -> Replay:
    """Play the recording that comes with the program, as fast as it was; `notes` say why."""
    return Replay(LoopedRecording(RecordingReader([(FILE, FILE.open("rb"))]), time.time_ns()), 1.0, notes)
