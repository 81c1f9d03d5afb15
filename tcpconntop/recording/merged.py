"""Recordings of several hosts, played together: merged by wall-clock time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tcpconntop.core.analysis.overview import OverviewBuilder
from tcpconntop.core.errors import FatalError
from tcpconntop.core.hosts import MAX_HOSTS, RECORDED, HostState, distinct_names
from tcpconntop.core.places import Names, Places
from tcpconntop.core.window.ledger import Ledger, sum_of_ledgers
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.one_of_hosts import HostRead, OneOfHosts
from tcpconntop.recording.reader import RecordingReader, recordings_of
from tcpconntop.recording.replay import Replay
from tcpconntop.sources.player import Keep


class MergedRecordings:
    """What `Replay` plays: the recordings of several hosts.

    Each recording is read only as far as it is played: one block of each is in memory.

    Args:
        readers: the recordings, at least two.

    Attributes:
        names: the names of the hosts, which differ.

    Raises:
        FatalError: there are too many.
    """

    def __init__(self, readers: Sequence[RecordingReader]) -> None:
        if len(readers) > MAX_HOSTS:
            raise FatalError(f"at most {MAX_HOSTS} hosts can be shown together")
        self._readers = readers
        self.names = distinct_names([reader.header.info.host or reader.path.name for reader in readers])
        self._begin()
        began_ns = min(one.time_ns(reader.header.began_ns) for one, reader in self._pairs())
        info = merged_info(self.names, [reader.header.info for reader in readers])
        self.header = FileHeader("", 1, info, _filters(readers), began_ns, 0, Ledger())

    def _begin(self) -> None:
        self._hosts = [OneOfHosts(number, name) for number, name in enumerate(self.names, 1)]
        for one, reader in self._pairs():
            one.begin(reader.header)

    def _pairs(self) -> list[tuple[OneOfHosts, RecordingReader]]:
        return list(zip(self._hosts, self._readers, strict=True))

    @property
    def end_ns(self) -> int | None:
        """End of the last recording; None if seeking is impossible, as one of them is a pipe."""
        ends = [(one, reader.end_ns) for one, reader in self._pairs()]
        if any(end is None for _, end in ends):
            return None
        return max(one.time_ns(end or 0) for one, end in ends)

    @property
    def missing(self) -> int:
        """Zero: what is missing from a recording is in the totals of its host."""
        return 0

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each kind of loss in what was read so far, with the name of the host."""
        return tuple(f"{one.name}: {note}" for one, reader in self._pairs() for note in reader.notes)

    def ledger(self) -> Ledger:
        """Return the totals of all hosts, as far as they were read."""
        return sum_of_ledgers([one.ledger(reader.missing) for one, reader in self._pairs()])

    def hosts(self) -> tuple[HostState, ...]:
        """Return what is known of each host."""
        return tuple(one.state(RECORDED, reader.missing) for one, reader in self._pairs())

    def recorded_reads(self) -> Iterator[HostRead]:
        """Yield the reads of all recordings, by wall-clock time. Only once, unless `rewind` was called."""
        reads = [_translated(one, reader) for one, reader in self._pairs()]
        yield from heapq.merge(*reads, key=lambda read: read.now_ns)

    def again(self) -> MergedRecordings | None:
        """Return what reads the same files a second time, for another thread; None if one is a pipe."""
        readers = [reader for one in self._readers if (reader := one.again()) is not None]
        return MergedRecordings(readers) if len(readers) == len(self._readers) else None

    def rewind(self) -> None:
        """Go back to the beginning."""
        for reader in self._readers:
            reader.rewind()
        self._begin()

    def close(self) -> None:
        """Close all files."""
        for reader in self._readers:
            reader.close()


class MergedReplay(Replay):
    """A `Source` that plays the recordings of several hosts together."""

    _recording: MergedRecordings

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, and what is known of each host."""
        return replace(super().info, hosts=self._recording.hosts())

    def places(self) -> Places:
        """Return the names of places, and of the hosts."""
        return replace(super().places(), hosts=self._recording.names)

    def count_all(self, keep: Keep | None = None) -> Iterator[OverviewBuilder]:
        """Read all of it a second time, for another thread; `keep` knows the names of the hosts."""
        hosts = self._recording.names

        def kept(events: Events, names: Names) -> Events:
            return keep(events, names._replace(places=replace(names.places, hosts=hosts))) if keep else events

        return super().count_all(kept if keep else None)

    def ledger(self) -> Ledger:
        """Return the totals of all hosts."""
        return self._recording.ledger()

    def _count(self, read: RecordedRead) -> None:
        super()._count(read)
        if isinstance(read, HostRead):
            read.count()


def _translated(one: OneOfHosts, reader: RecordingReader) -> Iterator[HostRead]:
    return (one.translate(read) for read in reader.recorded_reads())


def merged_info(names: Sequence[str], infos: Sequence[SourceInfo]) -> SourceInfo:
    """Return the one description of several sources: what they have in common, and whose notes they are."""

    def common(field: str) -> str:
        values = {getattr(info, field) for info in infos}
        return values.pop() if len(values) == 1 else ""

    notes = tuple(f"{name}: {note}" for name, info in zip(names, infos, strict=True) for note in info.notes)
    return SourceInfo(
        f"{len(names)} hosts",
        common("kernel"),
        common("probe"),
        common("transport"),
        common("label"),
        notes,
        common("loader"),
    )


def open_replay(files: Sequence[tuple[Path, BinaryIO]], speed: float | None) -> Replay:
    """Return the replay of a recording, or of those of several hosts."""
    readers = recordings_of(files)
    if len(readers) == 1:
        return Replay(readers[0], speed)
    return MergedReplay(MergedRecordings(readers), speed)


def _filters(readers: Sequence[RecordingReader]) -> str:
    """Return the filters that all recordings were made with; empty if they differ."""
    filters = {reader.header.filters for reader in readers}
    return filters.pop() if len(filters) == 1 else ""
