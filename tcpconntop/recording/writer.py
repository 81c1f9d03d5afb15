"""Writes what passes through a source to files, so that it can be replayed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.places import NO_PLACES
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import Block, FileHeader
from tcpconntop.recording.codecs import CODECS
from tcpconntop.recording.frames import Frame, FrameKind
from tcpconntop.sources.base import Source
from tcpconntop.sources.wrapper import SourceWrapper

FLUSH_S = 0.9
"""Time between writes: with reads every 0.1 s, records are in the file within a second."""


class Output(Protocol):
    """Where a recording is written: `RotatingFile`, or `StreamOutput`.

    All methods raise FatalError if it cannot be written.
    """

    @property
    def file_number(self) -> int:
        """Number of the current file in this recording, from 1."""
        ...

    @property
    def rotation_name(self) -> str:
        """What the header of every file has to say; empty without a rotation."""
        ...

    @property
    def total_bytes(self) -> int:
        """Bytes written so far."""
        ...

    @property
    def heartbeat(self) -> bool:
        """True if a block is to be written about once a second, also while nothing happens."""
        ...

    def has_room(self, n_bytes: int) -> bool:
        """Return True if the current file may take `n_bytes` more."""
        ...

    def start_next_file(self) -> None:
        """Close the current file and open the next one."""
        ...

    def append(self, data: bytes) -> None:
        """Write to the current file."""
        ...

    def close(self) -> None:
        """Close the current file. Idempotent."""
        ...


class RecordingWriter(SourceWrapper):
    """A `Source` that returns the records of another source, and also writes them to files.

    A file that cannot be written does not end the source: only the recording stops. `failure` then holds the
    reason and `info` has it as a note.

    Args:
        source: what to record; closed together with the writer.
        file: where to write.
        filters: the filters of the command line, shown when the recording is replayed.
        codec: name of the compression (`CODECS`).
        keep: returns a boolean mask, shape (n,), of the records to write; None writes all. `read` returns
            all.
        clock_s: clock that decides when to write.

    Attributes:
        recorded: number of records written to the files.
        failure: why the recording stopped early; None if it did not.
    """

    def __init__(
        self,
        source: Source,
        file: Output,
        filters: str = "",
        codec: str = "zlib",
        keep: Callable[[Events], np.ndarray[tuple[int], np.dtype[np.bool_]]] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(source)
        self._file = file
        self._filters, self._codec, self._keep, self._clock_s = filters, CODECS[codec], keep, clock_s
        self._session = uuid.uuid4().hex
        self._pending: list[Events] = []
        self._pending_reads: list[tuple[int, int]] = []  # (number of records, clock after the read)
        self._written_units: dict[int, str | None] = {}  # in the current file
        self._written_places = NO_PLACES  # in the current file
        self._ledger_taken = False  # by the caller, since the last read: see `read`
        self._latest_ledger = self._written_ledger = Ledger()  # recording starts together with the source
        self._written_ns = source.now_ns()
        self._flush_s = clock_s() + FLUSH_S
        self._closed = False
        self.recorded = 0
        self.failure: FatalError | None = None
        self._unless_failed(self._write_header)

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, with a note if the recording stopped early."""
        if self.failure is None:
            return self._source.info
        note = f"the recording stopped: {self.failure}"
        return replace(self._source.info, notes=(*self._source.info.notes, note))

    @property
    def written_bytes(self) -> int:
        """Size of all files together, including files that were removed since."""
        return self._file.total_bytes

    def read(self, timeout_s: float) -> Events:
        """Return the records that are ready; about once a second, write those read since the last write.

        A block holds every record that its ledger counts as ended. So the ledger is taken first, and one more
        read follows; if the caller has just taken the ledger, this read is that one.
        """
        events = self._source.read(timeout_s)
        if self._clock_s() >= self._flush_s:
            if not self._ledger_taken:
                self._latest_ledger = self._source.ledger()
                events = np.concatenate([events, self._source.read(0)])
            self._add_pending(events)
            self._unless_failed(self._flush)
            self._flush_s = self._clock_s() + FLUSH_S
        else:
            self._add_pending(events)
        self._ledger_taken = False
        return events

    def ledger(self) -> Ledger:
        """Return the totals."""
        self._latest_ledger, self._ledger_taken = self._source.ledger(), True
        return self._latest_ledger

    def close(self) -> None:
        """Write the records that are pending and the end of the file; close the source. Idempotent.

        The recording ends with the ledger that the caller took last, so its totals are those of the last
        output.
        """
        if self._closed:
            return
        self._closed = True
        if self._pending and self._latest_ledger is self._written_ledger:
            with suppress(FatalError):  # the source itself may have failed: then write what there is
                ledger = self._source.ledger()
                self._add_pending(self._source.read(0))
                self._latest_ledger = ledger
        self._unless_failed(self._write_end)
        try:
            self._file.close()
        except FatalError as error:
            self.failure = self.failure or error
        self._source.close()

    def _unless_failed(self, write: Callable[[], None]) -> None:
        """Call `write` unless an earlier write has failed; store its failure."""
        if self.failure is None:
            try:
                write()
            except FatalError as error:
                self.failure = error

    def _add_pending(self, events: Events) -> None:
        if self._keep is not None and len(events):
            events = events[self._keep(events)]
        if len(events):
            self._pending.append(events)
            self._pending_reads.append((len(events), self._source.now_ns()))

    def _write_header(self) -> None:
        header = FileHeader(
            self._session,
            self._file.file_number,
            self._source.info,
            self._filters,
            self._written_ns,
            self._source.wall_offset_ns(),
            self._written_ledger,
            rotation=self._file.rotation_name,
        )
        self._file.append(header.to_frame(self.recorded).encode())
        self._written_units, self._written_places = {}, NO_PLACES

    def _flush(self) -> None:
        """Write a block of what is pending; none to a file if neither records nor totals are new."""
        nothing_new = not self._pending and self._latest_ledger == self._written_ledger
        if nothing_new and not self._file.heartbeat:
            return
        frame = self._block_frame()
        if not self._file.has_room(len(frame.payload)):
            self._append_end(self._written_ns)  # the pending records go to the next file
            self._file.start_next_file()
            self._write_header()
            frame = self._block_frame()  # again, because the new file has no names of units yet
        self._file.append(frame.encode())
        self.recorded += frame.count
        self._written_units, self._written_places = dict(self._source.units()), self._source.places()
        self._written_ledger, self._written_ns = self._latest_ledger, self._source.now_ns()
        self._pending.clear()
        self._pending_reads.clear()

    def _block_frame(self) -> Frame:
        block = Block(
            np.concatenate([np.empty(0, EVENT), *self._pending]),
            tuple(self._pending_reads),
            self._source.now_ns(),
            self._source.wall_offset_ns(),
            self._latest_ledger,
            self._new_units(),
            self._source.places().since(self._written_places),
        )
        return block.to_frame(FrameKind.BLOCK, self._codec, self.recorded)

    def _new_units(self) -> dict[int, str | None]:
        """Return the names of control groups that the current file does not have yet."""
        written = self._written_units
        return {group: name for group, name in self._source.units().items() if written.get(group, "") != name}

    def _write_end(self) -> None:
        self._flush()
        self._append_end(self._source.now_ns(), self._new_units())  # found after the last record

    def _append_end(self, now_ns: int, units: Mapping[int, str | None] | None = None) -> None:
        """Write the end frame of a file: a block at `now_ns` without records."""
        offset = self._source.wall_offset_ns()
        block = Block(np.empty(0, EVENT), (), now_ns, offset, self._written_ledger, units or {})
        self._file.append(block.to_frame(FrameKind.END, self._codec, self.recorded).encode())
