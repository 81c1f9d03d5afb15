"""A source that writes down what passes through it, so that it can be played again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import Block, FileHeader
from tcpconntop.recording.codecs import CODECS
from tcpconntop.recording.files import RotatingFile
from tcpconntop.recording.frames import Frame, FrameKind
from tcpconntop.sources.base import Source
from tcpconntop.sources.wrapper import SourceWrapper

FLUSH_S = 0.9
"""What is read is in the file after a read that comes this much later: within a second."""


class RecordingWriter(SourceWrapper):
    """A `Source` that gives what another one gives, and appends it to files.

    What goes wrong with the files does not end what goes on beside them: the recording stops, `info` says so
    and `failure` has the reason.

    Args:
        source: what to record; closed with the recorder.
        parts: where to write.
        filters: the filters in use, for people who play it.
        codec: how to pack (`CODECS`).
        keep: gives a mask of the records that are to be recorded; all are passed on.
        clock_s: paces the writing.
    """

    def __init__(
        self,
        source: Source,
        parts: RotatingFile,
        filters: str = "",
        codec: str = "zlib",
        keep: Callable[[Events], np.ndarray[tuple[int], np.dtype[np.bool_]]] | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(source)
        self._parts = parts
        self._filters, self._codec, self._keep, self._clock_s = filters, CODECS[codec], keep, clock_s
        self._session = uuid.uuid4().hex
        self._pending: list[Events] = []
        self._reads: list[tuple[int, int]] = []
        self._told: dict[int, str | None] = {}
        self._fresh: Ledger | None = None
        self._latest = self._written = Ledger()  # it begins with the source
        self._written_ns = source.now_ns()
        self._flush_s = clock_s() + FLUSH_S
        self._closed = False
        self.recorded = 0
        """Records in the files."""
        self.failure: FatalError | None = None
        """Why the recording stopped before its end."""
        self._guarded(self._begin)

    @property
    def info(self) -> SourceInfo:
        """Where the records come from."""
        if self.failure is None:
            return self._source.info
        note = f"the recording stopped: {self.failure}"
        return replace(self._source.info, notes=(*self._source.info.notes, note))

    @property
    def written_bytes(self) -> int:
        """How large the files are together, removed ones included."""
        return self._parts.total_bytes

    def read(self, timeout_s: float) -> Events:
        """Give the records that are ready; once a second, write those since the last time."""
        events = self._source.read(timeout_s)
        if self._clock_s() >= self._flush_s:
            if self._fresh is None:
                self._latest = self._source.ledger()
                events = np.concatenate([events, self._source.read(0)])
            self._remember(events)
            self._guarded(self._flush)
            self._flush_s = self._clock_s() + FLUSH_S
        else:
            self._remember(events)
        self._fresh = None
        return events

    def ledger(self) -> Ledger:
        """Give the totals."""
        self._fresh = self._latest = self._source.ledger()
        return self._latest

    def close(self) -> None:
        """End the recording as it stood when it was last looked at, and stop. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._pending and self._latest is self._written:
            with suppress(FatalError):  # the source may be what failed: then with what there is
                latest = self._source.ledger()
                self._remember(self._source.read(0))
                self._latest = latest
        self._guarded(self._end)
        self._parts.close()
        self._source.close()

    # Writing

    def _guarded(self, write: Callable[[], None]) -> None:
        if self.failure is None:
            try:
                write()
            except FatalError as error:
                self.failure = error

    def _remember(self, events: Events) -> None:
        if self._keep is not None and len(events):
            events = events[self._keep(events)]
        if len(events):
            self._pending.append(events)
            self._reads.append((len(events), self._source.now_ns()))

    def _begin(self) -> None:
        header = FileHeader(
            self._session,
            self._parts.file_number,
            self._source.info,
            self._filters,
            self._written_ns,
            self._source.wall_offset_ns(),
            self._written,
        )
        self._parts.append(header.to_frame(self.recorded).encode())
        self._told = {}

    def _flush(self) -> None:
        """Write what is pending; nothing where nothing happened."""
        if not self._pending and self._latest == self._written:
            return
        frame = self._frame(FrameKind.BLOCK)
        if not self._parts.has_room(len(frame.payload)):
            self._append_end(self._written_ns)  # what is pending comes after it
            self._parts.start_next_file()
            self._begin()
            frame = self._frame(FrameKind.BLOCK)  # again: the new file knows no units
        self._parts.append(frame.encode())
        self._wrote(frame)

    def _end(self) -> None:
        self._flush()
        self._append_end(self._source.now_ns())

    def _frame(self, kind: FrameKind) -> Frame:
        events = np.concatenate([np.empty(0, EVENT), *self._pending])
        units = self._source.units()
        new = {group: name for group, name in units.items() if self._told.get(group, "") != name}
        block = Block(
            events,
            tuple(self._reads),
            self._source.now_ns(),
            self._source.wall_offset_ns(),
            self._latest,
            new,
        )
        return block.to_frame(kind, self._codec, self.recorded)

    def _wrote(self, frame: Frame) -> None:
        self.recorded += frame.count
        self._told = dict(self._source.units())
        self._written, self._written_ns = self._latest, self._source.now_ns()
        self._pending.clear()
        self._reads.clear()

    def _append_end(self, now_ns: int) -> None:
        """Say how things stood at a moment, without a record, and that the file has no more."""
        block = Block(np.empty(0, EVENT), (), now_ns, self._source.wall_offset_ns(), self._written)
        self._parts.append(block.to_frame(FrameKind.END, self._codec, self.recorded).encode())
