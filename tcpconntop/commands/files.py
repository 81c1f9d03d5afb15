"""Opens the files of a recording. Runs before privileges are dropped, so it imports no numpy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tcpconntop.core.errors import FatalError

OpenFiles = list[tuple[Path, BinaryIO]]


def open_files(paths: Sequence[str]) -> OpenFiles:
    """Return the opened files of a recording, with their paths.

    Raises:
        FatalError: a file cannot be opened.
    """
    with ExitStack() as stack:
        files = [(path, stack.enter_context(_open(path))) for path in map(Path, paths)]
        stack.pop_all()
    return files


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise FatalError(f"cannot read {path}: {error.strerror}") from None
