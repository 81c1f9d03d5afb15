"""The files of a recording: one, or a row of them of which the oldest go."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tcpconntop.core.errors import FatalError
from tcpconntop.recording.frames import file_prefix

END_RESERVE_BYTES = 1024
"""Kept free in each file for the frame that ends it."""


@dataclass(frozen=True)
class Rotation:
    """When to begin another file, and how many to keep.

    Attributes:
        size_bytes: a file gets no larger, unless a single block is; None: no bound.
        age_s: nor older; None: no bound.
        keep: how many files there are at most, those of earlier recordings of that name included.
    """

    size_bytes: int | None = None
    age_s: float | None = None
    keep: int = 24


class RotatingFile:
    """Appends to the file that is current.

    Without a rotation it is `path`, which must not exist; with one, the files are `path.000001` and so on,
    after those that are there already.

    Raises:
        FatalError: it cannot be written (also from `append` and `start_next_file`).
    """

    def __init__(
        self, path: Path, rotation: Rotation | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._rotation, self._clock_s = path, rotation, clock_s
        self.file_number = 0
        """Of the current file, from 1; files of earlier recordings do not count."""
        self._first = max(map(self._place, self._present()), default=0) + 1
        self.total_bytes = 0
        """Written so far, to all files."""
        self._file = self._begin()

    def start_next_file(self) -> None:
        """Begin the next file."""
        self._file.close()
        self._file = self._begin()

    def _begin(self) -> io.FileIO:
        self.file_number += 1
        self._began_s, self._size = self._clock_s(), 0
        name = self._path
        if self._rotation:
            name = Path(f"{self._path}.{self._first + self.file_number - 1:06}")
        try:
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            raise FatalError(f"{name} exists: remove it, or choose another name") from None
        except OSError as error:
            raise FatalError(f"cannot write {name}: {error.strerror}{_whose(error)}") from None
        file = io.FileIO(descriptor, "w")
        self._write(file, file_prefix())
        self._remove_oldest()
        return file

    def has_room(self, n_bytes: int) -> bool:
        """Say whether the current file is young enough, and has room for so many bytes more."""
        rotation = self._rotation or Rotation()
        too_old = rotation.age_s is not None and self._clock_s() - self._began_s >= rotation.age_s
        size = self._size + n_bytes + END_RESERVE_BYTES
        return not too_old and (rotation.size_bytes is None or size <= rotation.size_bytes)

    def append(self, data: bytes) -> None:
        """Write to the current file, past every buffer of this process."""
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

    def _present(self) -> list[Path]:
        """Give the files with our kind of name, oldest first."""
        if self._rotation is None:
            return []
        ours = re.compile(re.escape(self._path.name) + r"\.\d{6}")
        try:
            names = [path for path in self._path.parent.iterdir() if ours.fullmatch(path.name)]
        except OSError as error:
            raise FatalError(f"cannot write {self._path}: {error.strerror}") from None
        return sorted(names, key=self._place)

    @staticmethod
    def _place(path: Path) -> int:
        return int(path.suffix[1:])

    def _remove_oldest(self) -> None:
        if self._rotation is not None:
            for path in self._present()[: -self._rotation.keep]:
                path.unlink(missing_ok=True)


def _whose(error: OSError) -> str:
    """Explain a refusal to somebody who called sudo: privileges are gone by now."""
    user = os.environ.get("SUDO_USER")
    if isinstance(error, PermissionError) and user and os.geteuid():
        return f" (files are written as {user}, who called sudo)"
    return ""
