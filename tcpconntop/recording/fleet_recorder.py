"""Records a fleet: a recording for each host, with its own records, numbers and totals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.hosts import distinct_names
from tcpconntop.core.types import Mask
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.fleet import Fleet
from tcpconntop.recording.one_of_hosts import TIMES, HostRead
from tcpconntop.recording.played import Played, PlayedSource
from tcpconntop.recording.writer import Output, RecordingWriter
from tcpconntop.sources.base import Source
from tcpconntop.sources.wrapper import SourceWrapper

_NOT_IN_A_NAME = re.compile(r"[^\w.@:+-]", re.ASCII)


def file_suffixes(names: Sequence[str]) -> tuple[str, ...]:
    """Return what is appended to the name of the file for each host: a dot, and a name that is no path."""
    plain = [_NOT_IN_A_NAME.sub("_", name.removeprefix("ssh://")) for name in names]
    return tuple(f".{name}" for name in distinct_names(plain))


class FleetRecorder(SourceWrapper):
    """A `Source` that returns the records of a fleet, and writes those of each host to a recording.

    A recording has the records as the host sent them; only their times are those that were shown, on the
    clock that the hosts share. So it can be played alone, or together with the others. It begins with the
    first stream of its host; what came after a gap is appended, with the totals of all streams.

    Args:
        fleet: what to record; closed together with the recorder.
        open_output: makes what the host with a number (from 0) is written to.
        codec: name of the compression.
        keep: returns which records of a host's own source to write, shape (n,); None writes all.
        filters: what `keep` keeps, as options of the command line.

    Attributes:
        failure: why a recording stopped early; None if none did.
    """

    def __init__(
        self,
        fleet: Fleet,
        open_output: Callable[[int], Output],
        codec: str = "zlib",
        keep: Callable[[Source, Events], Mask] | None = None,
        filters: str = "",
    ) -> None:
        super().__init__(fleet)
        self._keep, self._filters = keep, filters
        self._fleet, self._open_output, self._codec = fleet, open_output, codec
        self._hosts: dict[int, tuple[_HostSource, RecordingWriter]] = {}
        self.failure: FatalError | None = None

    @property
    def recorded(self) -> int:
        """Number of records written."""
        return sum(writer.recorded for _, writer in self._hosts.values())

    @property
    def written_bytes(self) -> int:
        """Size of all files together."""
        return sum(writer.written_bytes for _, writer in self._hosts.values())

    @property
    def info(self) -> SourceInfo:
        """What is known of each host, with a note if a recording stopped early."""
        info = self._fleet.info
        note = f"the recording stopped: {self.failure}"
        return info if self.failure is None else replace(info, notes=(*info.notes, note))

    def read(self, timeout_s: float) -> Events:
        """Return what has come from all hosts; about once a second, write it."""
        events = self._fleet.read(timeout_s)
        try:
            for read in self._fleet.last_reads:
                self._source_of(read).add(read)
        except FatalError as error:  # the file of a host that comes late cannot be made
            self.failure = self.failure or error
        for _, writer in self._hosts.values():
            writer.read(0)
            self.failure = self.failure or writer.failure
        return events

    def _source_of(self, read: HostRead) -> _HostSource:
        number = read.host.number
        if number not in self._hosts:
            source = _HostSource(read)
            output = self._open_output(number - 1)
            filters = " ".join(filter(None, (source.info.filters, self._filters)))
            keep = partial(self._keep, source) if self._keep else None
            self._hosts[number] = source, RecordingWriter(source, output, filters, self._codec, keep)
        return self._hosts[number][0]

    def close(self) -> None:
        """Write what is pending; close the fleet. Idempotent."""
        for source, writer in self._hosts.values():
            writer.ledger()  # what was taken, to the last record
            writer.close()
            source.close()
            self.failure = self.failure or writer.failure
        self._fleet.close()


class _HostSource(PlayedSource):
    """A `Source` of the reads of one host that a fleet has returned."""

    player = wake = None
    ended = False

    def __init__(self, first: HostRead) -> None:
        self.info = replace(first.host.info, host=first.host.name)
        self._played = Played(0)
        self._now_ns = self._last_record_ns = first.now_ns
        self._waiting: list[Events] = []

    def add(self, read: HostRead) -> None:
        """Take a read; `read` returns its records."""
        original = read.original
        events = original.events
        if len(events):
            events = events.copy()
            for name in TIMES:
                events[name] = read.events[name]
            self._waiting.append(events)
        self._now_ns = max(self._now_ns, read.now_ns)
        self._count(RecordedRead(self._now_ns, events, read.total, 0, original.units, original.places))

    def read(self, _timeout_s: float) -> Events:
        """Return the records of all reads since the last call."""
        taken, self._waiting = self._waiting, []
        return np.concatenate(taken) if taken else np.empty(0, EVENT)

    def ledger(self) -> Ledger:
        """Return the totals of the host, with every record that was taken."""
        return self._played.ledger()

    def close(self) -> None:
        """Do nothing: the fleet closes the stream."""
