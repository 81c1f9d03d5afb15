"""Opens the files of a recording as the user. Runs before privileges are dropped, so it imports no numpy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tcpconntop.core.errors import FatalError
from tcpconntop.kernel.privileges import as_caller
from tcpconntop.kernel.user_files import open_to_read

OpenFiles = list[tuple[Path, BinaryIO]]


def open_files(paths: Sequence[str]) -> OpenFiles:
    """Return the opened files of a recording, with their paths.

    Raises:
        FatalError: a file cannot be opened.
    """
    with ExitStack() as stack, as_caller():
        files = [(path, stack.enter_context(_open(path))) for path in map(Path, paths)]
        stack.pop_all()
    return files


def _open(path: Path) -> BinaryIO:
    try:
        return open_to_read(path)
    except OSError as error:
        raise FatalError(f"cannot read {path}: {error.strerror}") from None
