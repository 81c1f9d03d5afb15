"""The files of a recording that is always on: a ring of the last minutes, and what was kept around alerts.

r.000041  r.000042  r.000043                                the last minutes; the oldest go
r.alert-20261129T100312Z.000017  …18  …19  …20              some minutes before and after an alert: they stay
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from tcpconntop.core.errors import FatalError
from tcpconntop.recording.files import RotatingFile, Rotation

FILES_IN_KEPT_TIME = 4
"""A file covers a quarter of the time that is kept, so that little more than that is kept."""

MIN_AGE_S = 1.0
"""A file covers at least so much."""

MAX_FILE_BYTES = 8 << 20
"""Upper bound of a file, unless `--rotate-size` says another one."""

MAX_RING_FILES = 24
"""How many files the ring has at most: with more connects, it covers less time."""

MAX_KEPT_FILES = 240
"""How many files are kept around alerts at most; then the oldest go."""

_KEPT = r"\.alert-[0-9]{8}T[0-9]{6}Z\.[0-9]{6,9}"
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system says that has no hard links."""


class AlertRing(RotatingFile):
    """A rotation that removes files older than some minutes, but not those around an alert.

    A file that is kept gets another name at once, so that it stays whatever happens to this process.

    Args:
        path: the files are `path.000001`, …; those that are kept are `path.alert-TIME.000001`, ….
        keep_s: seconds to keep before an alert, and after it.
        size_bytes: upper bound of a file's size.
        age_s: upper bound of a file's age; None for a quarter of `keep_s`.
        clock_s: clock that the age is measured on.
        wall_s: Unix time, as file systems have it.

    Raises:
        FatalError: a file cannot be written or removed. Of `keep_around`, the next `append` raises it.
    """

    def __init__(
        self,
        path: Path,
        keep_s: float,
        size_bytes: int | None = None,
        age_s: float | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._keep_s, self._wall_s = keep_s, wall_s
        self._kept_until_s, self._kept_name = 0.0, ""
        self._failure: FatalError | None = None
        age_s = age_s or max(keep_s / FILES_IN_KEPT_TIME, MIN_AGE_S)
        rotation = Rotation(size_bytes or MAX_FILE_BYTES, age_s, MAX_RING_FILES)
        super().__init__(path, rotation, clock_s)

    def keep_around(self, alert_s: float) -> None:
        """Keep what was written in the last minutes, and what will be in the next ones.

        Args:
            alert_s: Unix time of the alert; it is in the names, unless files around an earlier alert are
                still being kept: then these are of both.
        """
        now_s = self._wall_s()
        if now_s >= self._kept_until_s:
            moment = datetime.fromtimestamp(alert_s, timezone.utc)
            self._kept_name = f"{self._path.name}.alert-{moment:%Y%m%dT%H%M%SZ}"
        self._kept_until_s = now_s + self._keep_s
        try:
            for path in self._rotated_files():
                if self._is_recent(path):
                    _rename(path, path.with_name(f"{self._kept_name}{path.suffix}"))
        except FatalError as error:
            self._failure = self._failure or error

    def append(self, data: bytes) -> None:
        """Write to the current file, unbuffered: what was appended survives the end of this process."""
        if self._failure is not None:
            raise self._failure
        super().append(data)

    def _numbered(self, number: int) -> Path:
        """Return the name of the next file: of one that is kept, for some minutes after an alert."""
        if self._wall_s() < self._kept_until_s:
            return self._path.with_name(f"{self._kept_name}.{number:06}")
        return super()._numbered(number)

    def _remove_oldest(self) -> None:
        """Remove files that are older than the ring covers, or more than it may have."""
        super()._remove_oldest()
        self._remove(path for path in self._rotated_files() if not self._is_recent(path))
        kept = self._owned_files(_KEPT)
        self._remove(kept[: max(0, len(kept) - MAX_KEPT_FILES)])

    def _is_recent(self, path: Path) -> bool:
        """True if a file has records of the time that is kept before an alert."""
        try:
            return self._wall_s() - path.stat(follow_symlinks=False).st_mtime <= self._keep_s
        except OSError:
            return False  # it has gone


def _rename(path: Path, name: Path) -> None:
    """Rename a file; nothing may have the new name yet."""
    try:
        try:
            os.link(path, name, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS or os.path.lexists(name):
                raise
            path.rename(name)
        else:
            path.unlink()
    except OSError as error:
        raise FatalError(f"cannot rename {path} to {name.name}: {error.strerror}") from None
