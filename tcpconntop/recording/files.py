"""The files that a recording is written to: one file, or a rotation that removes its oldest files."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.errors import FatalError
from tcpconntop.kernel.user_files import create_private, open_to_read
from tcpconntop.recording.blocks import DamagedFrameError, FileHeader
from tcpconntop.recording.frames import PREFIX_BYTES, Frame, FrameScanner, file_prefix, format_version

_MAX_HEADER_BYTES = 1 << 16
_MAX_TAKEN = 10_000
"""How many names in a row may be taken by files of others."""

END_RESERVE_BYTES = 1024
"""Room that is kept free in each file for its end frame."""


@dataclass(frozen=True)
class Rotation:
    """When to start another file, and how many files to keep.

    Attributes:
        size_bytes: upper bound of a file's size, unless a single block is larger; None for no bound.
        age_s: upper bound of a file's age; None for no bound.
        keep: how many files to keep, including those of earlier recordings of the same name and user.
    """

    size_bytes: int | None = None
    age_s: float | None = None
    keep: int = 24


class RotatingFile:
    """Appends to a file, and starts another one when asked.

    Without a rotation the only file is `path`, which must not exist. With one, the files are `path.000001`,
    `path.000002`, …; existing files are never overwritten. Only files whose header says that they belong to
    this rotation are removed; whatever else has such a name stays.

    Attributes:
        rotation_name: belongs into the header of every file; empty without a rotation.
        file_number: number of the current file in this recording, from 1.
        total_bytes: bytes written so far to all files, including files removed since.
        heartbeat: False: a file needs no block while nothing happens.

    Raises:
        FatalError: a file cannot be written or removed (also from `append` and `start_next_file`).
    """

    heartbeat = False

    def __init__(
        self, path: Path, rotation: Rotation | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._rotation, self._clock_s = path, rotation, clock_s
        self.file_number = 0
        self.total_bytes = 0
        self.rotation_name = path.name if rotation else ""
        self._suffix = max(map(_suffix_number, self._rotated_files()), default=0)
        self._file = self._open_next()

    def start_next_file(self) -> None:
        """Close the current file and open the next one."""
        self._file.close()
        self._file = self._open_next()

    def _open_next(self) -> io.FileIO:
        self.file_number += 1
        self._began_s, self._size = self._clock_s(), 0
        file = io.FileIO(self._create_rotated() if self._rotation else _create(self._path), "w")
        try:
            self._write(file, file_prefix())
            self._remove_oldest()
        except FatalError:
            file.close()
            raise
        return file

    def _create_rotated(self) -> int:
        """Create the file with the next number that is free; return its descriptor."""
        for _ in range(_MAX_TAKEN):
            self._suffix += 1
            name = self._numbered(self._suffix)
            if not os.path.lexists(name):
                return _create(name)
        raise FatalError(
            f"too many files are called {self._path}.{self._suffix:06} or so: choose another name"
        )

    def _numbered(self, number: int) -> Path:
        """Return the name of the next file, if it is to have a number."""
        return Path(f"{self._path}.{number:06}")

    def has_room(self, n_bytes: int) -> bool:
        """Return True if the current file may take `n_bytes` more: it is neither too old nor too large."""
        rotation = self._rotation or Rotation()
        too_old = rotation.age_s is not None and self._clock_s() - self._began_s >= rotation.age_s
        size = self._size + n_bytes + END_RESERVE_BYTES
        return not too_old and (rotation.size_bytes is None or size <= rotation.size_bytes)

    def append(self, data: bytes) -> None:
        """Write to the current file, unbuffered: what was appended survives the end of this process."""
        self._write(self._file, data)

    def _write(self, file: io.FileIO, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            raise FatalError(f"cannot write {self._path}: {error.strerror}") from None
        self._size += len(data)
        self.total_bytes += len(data)

    def close(self) -> None:
        """Close the current file. Idempotent."""
        self._file.close()

    def _rotated_files(self) -> list[Path]:
        """Return the existing files of this rotation, oldest first; none without a rotation."""
        return [] if self._rotation is None else self._owned_files(r"\.[0-9]{6,9}")

    def _owned_files(self, ending: str) -> list[Path]:
        """Return the existing files of this rotation whose names have an ending, oldest first."""
        pattern = re.compile(re.escape(self._path.name) + ending)
        try:
            paths = [path for path in self._path.parent.iterdir() if pattern.fullmatch(path.name)]
        except OSError as error:
            raise FatalError(f"cannot write {self._path}: {error.strerror}") from None
        return sorted((path for path in paths if self._owns(path)), key=_suffix_number)

    def _owns(self, path: Path) -> bool:
        """Return True if the header of a file says that this rotation wrote it, and the user owns it."""
        if path.is_symlink():
            return False
        try:
            with open_to_read(path) as file:
                owner, beginning = os.fstat(file.fileno()).st_uid, file.read(_MAX_HEADER_BYTES)
        except OSError:
            return False
        return owner == os.geteuid() and rotation_of(beginning) == self.rotation_name

    def _remove_oldest(self) -> None:
        if self._rotation is not None:
            older = self._rotated_files()  # the new file has no header yet
            self._remove(older[: max(0, len(older) + 1 - self._rotation.keep)])

    @staticmethod
    def _remove(paths: Iterable[Path]) -> None:
        try:
            for path in paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise FatalError(f"cannot remove {error.filename}: {error.strerror}") from None


def rotation_of(beginning: bytes) -> str | None:
    """Return the name of the rotation that a file belongs to, from its first bytes; empty if there is none.

    None if this is no recording, or its header is damaged or longer than these bytes.
    """
    if not format_version(beginning[:PREFIX_BYTES]):
        return None
    first = next(FrameScanner().feed(beginning[PREFIX_BYTES:]), None)
    try:
        return FileHeader.from_frame(first).rotation if isinstance(first, Frame) else None
    except DamagedFrameError:
        return None


def _create(path: Path) -> int:
    """Create a file and return its descriptor."""
    try:
        return create_private(path)
    except FileExistsError:
        raise FatalError(f"{path} exists: remove it, or choose another name") from None
    except OSError as error:
        raise FatalError(f"cannot write {path}: {error.strerror}{_sudo_hint(error)}") from None


def _suffix_number(path: Path) -> int:
    return int(path.suffix[1:])


def _sudo_hint(error: OSError) -> str:
    """Return a hint for users of sudo: files are written as the user, after root's privileges are dropped."""
    user = os.environ.get("SUDO_USER")
    if isinstance(error, PermissionError) and user and os.geteuid():
        return f" (files are written as {user}, the user who ran sudo)"
    return ""
