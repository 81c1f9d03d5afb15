"""Reads the files of a recording, and counts everything that is missing from them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from io import SEEK_END
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

from tcpconntop.core.errors import FatalError
from tcpconntop.recording.blocks import MAX_CLOCK_NS
from tcpconntop.recording.decoder import Decoder, RecordedRead, check_prefix, parse_header
from tcpconntop.recording.frames import (
    HEAD_BYTES,
    PAYLOAD_MAX,
    PREFIX_BYTES,
    Damage,
    Frame,
    FrameScanner,
    find_last_head,
)
from tcpconntop.recording.own_position import OwnPosition

CHUNK_BYTES = 1 << 20


class RecordingReader:
    """Reads the files of one recording.

    Args:
        files: opened files with their names, in any order.

    Raises:
        FatalError: a file is not a recording or has a newer format, or the files do not belong together.

    Attributes:
        header: header of the first file.
        path: name of the first file.
        end_ns: end of the recording, from the heads of frames; None in a pipe, where seeking is impossible.
    """

    def __init__(self, files: Sequence[tuple[Path, BinaryIO] | _RecordingFile]) -> None:
        opened = [file if isinstance(file, _RecordingFile) else _RecordingFile(*file) for file in files]
        self._files = sorted(opened, key=lambda file: file.header.file_number)
        self.path = self._files[0].path
        self.header = self._files[0].header
        self._reset()
        for file, following in pairwise(self._files):
            if file.header.session != following.header.session:
                raise FatalError(f"{file.path} and {following.path} are not files of one recording")
            if file.header.file_number == following.header.file_number:
                raise FatalError(f"{file.path} and {following.path} are the same file of a recording")

    def _reset(self) -> None:
        self._decoder = Decoder(self.header.initial_ledger, self._files[0].records_before)
        ends = [file.last_ns for file in self._files]
        self.end_ns = max(end or 0 for end in ends) if all(ends) else None

    def rewind(self) -> None:
        """Go back to the beginning: `recorded_reads` can be called again, and yields what was appended too.

        Only allowed if `end_ns` is known.
        """
        for file in self._files:
            file.rewind()
        self._reset()

    def again(self) -> RecordingReader | None:
        """Return a second reader of the same files, for another thread; None of a pipe."""
        try:
            return RecordingReader([file.again() for file in self._files])
        except OSError:
            return None

    @property
    def missing(self) -> int:
        """Number of records that were recorded and cannot be read, in what was read so far."""
        return self._decoder.missing

    @property
    def damaged(self) -> int:
        """Number of damaged places in what was read so far."""
        return self._decoder.damaged

    @property
    def truncated(self) -> bool:
        """True if a file without its end was read; the number of records missing there is unknown."""
        return self._decoder.truncated

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each kind of loss in what was read so far."""
        return self._decoder.notes()

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Yield every read that can be recovered, in order. Only once, unless `rewind` was called."""
        decoder = self._decoder
        for file in self._files:
            decoder.begin_file()
            for item in file.frames:
                yield from decoder.decode(item, file.header)
            decoder.finish_file()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def recordings_of(files: Sequence[tuple[Path, BinaryIO]]) -> list[RecordingReader]:
    """Return a reader for each recording that the files belong to, in the order of their first files.

    Raises:
        FatalError: see `RecordingReader`.
    """
    recordings: dict[str, list[_RecordingFile]] = {}
    for path, file in files:
        opened = _RecordingFile(path, file)
        recordings.setdefault(opened.header.session, []).append(opened)
    return [RecordingReader(parts) for parts in recordings.values()]


class _RecordingFile:
    """One file, with its header already read.

    Attributes:
        header: the file header.
        records_before: number of records in all earlier files.
        frames: the frames after the header, and the damage between them; an iterator.
        last_ns: time of the last frame with an intact head; None in a pipe.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self._read_header()

    def rewind(self) -> None:
        """Go back to the first frame after the header."""
        self._file.seek(0)
        self._read_header()

    def again(self) -> tuple[Path, BinaryIO]:
        """Return the file with a position of its own. Raises OSError for a pipe."""
        return self.path, cast(BinaryIO, OwnPosition(self._file))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_header(self) -> None:
        check_prefix(self.path, self._read(PREFIX_BYTES))
        self.frames = self._scan()
        first = next(self.frames, None)
        self.header = parse_header(self.path, first)
        self.records_before = first.records_before if isinstance(first, Frame) else 0
        self.last_ns = self._find_last_ns()

    def _scan(self) -> Iterator[Frame | Damage]:
        scanner = FrameScanner()
        while data := self._read(CHUNK_BYTES):
            yield from scanner.feed(data)
            if scanner.searching and data.count(0) == len(data):
                self._skip_hole()
        yield from scanner.finish()

    def _skip_hole(self) -> None:
        """Go on to the next data of a sparse file: a hole may be as large as a file can be."""
        try:
            descriptor, position = self._file.fileno(), self._file.tell()
            before = os.lseek(descriptor, 0, os.SEEK_CUR)
            try:
                data = os.lseek(descriptor, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    return
                data = os.lseek(descriptor, 0, os.SEEK_END)  # only a hole follows
            finally:
                os.lseek(descriptor, before, os.SEEK_SET)  # where the buffer of the file expects it
            self._file.seek(data)
        except OSError:
            pass  # a pipe has no holes

    def _find_last_ns(self) -> int | None:
        """Return the time of the last intact head. Keeps the file position.

        None in a pipe, or if there is no head where the last one of an intact file can be.
        """
        file = self._file
        if not file.seekable():
            return None
        position = file.tell()
        start, head, following = file.seek(0, SEEK_END), None, b""
        earliest = start - PAYLOAD_MAX - CHUNK_BYTES
        while start > max(earliest, 0) and head is None:
            size = min(start, CHUNK_BYTES)
            start -= size
            file.seek(start)
            data = self._read(size) + following
            # The next chunk needs the first bytes of this one: a head may lie across the border.
            head, following = find_last_head(data), data[: HEAD_BYTES - 1]
        file.seek(position)
        return min(head.last_ns, MAX_CLOCK_NS) if head is not None else None

    def _read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except OSError as error:
            raise FatalError(f"cannot read {self.path}: {error.strerror}") from None
