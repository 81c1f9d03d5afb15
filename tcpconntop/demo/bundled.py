"""The bundled recording of the demo's workload, played in a loop where tracing is impossible.

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
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.reader import RecordingReader
from tcpconntop.recording.replay import Replay

FILE = Path(__file__).with_name("loopback.rec")
_TIMES = ("begin_ns", "end_ns", "syn_ns", "last_rtx_ns")


class LoopedRecording:
    """A `Playable` that repeats a recording without end, with times and totals that continue.

    Args:
        recording: what to repeat; all of it is kept in memory.
        wall_ns: Unix time at which it is to begin.
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
        """Yield the reads of the recording, repeatedly, with times and totals moved on."""
        reads = list(self._recording.recorded_reads())
        length_ns = reads[-1].now_ns - self.header.began_ns
        all_outcomes = np.concatenate([read.events["outcome"] for read in reads])
        retransmits = sum(int(read.events["syn_retransmits"].sum()) for read in reads)
        outcomes = np.bincount(all_outcomes, minlength=N_OUTCOMES)
        for repetition in count():
            shift_ns = repetition * length_ns
            for read in reads:
                events = read.events.copy()
                for name in _TIMES:  # a time of 0 means that it is unknown
                    events[name] += np.where(events[name] > 0, np.uint64(shift_ns), np.uint64(0))
                ledger = read.ledger and read.ledger.plus_ended(
                    (outcomes * repetition).tolist(), retransmits * repetition
                )
                yield replace(
                    read,
                    now_ns=read.now_ns + shift_ns,
                    events=events,
                    ledger=ledger,
                    wall_offset_ns=self.header.wall_offset_ns,
                )

    def rewind(self) -> None:
        """Go back to the first repetition."""
        self._recording.rewind()

    def again(self) -> None:
        """Return None: without an end, there is no whole of it."""

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()


def bundled_replay(notes: tuple[str, ...] = ()) -> Replay:
    """Return a source that plays the bundled recording in real time; `notes` say why it is used."""
    return Replay(LoopedRecording(RecordingReader([(FILE, FILE.open("rb"))]), time.time_ns()), 1.0, notes)
