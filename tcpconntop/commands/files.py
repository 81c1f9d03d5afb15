"""Opens the files of a recording as the user. Runs before privileges are dropped, so it imports no numpy."""

from __future__ import annotations

import select
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from tcpconntop.commands.streams import report
from tcpconntop.core.errors import FatalError
from tcpconntop.kernel.privileges import as_caller
from tcpconntop.kernel.user_files import open_to_read
from tcpconntop.options import UsageError

OpenFiles = list[tuple[Path, BinaryIO]]

STDIN = Path("/dev/stdin")

SILENT_WAIT_S = 0.5
"""How long the start of a stream is waited for before a line says so."""


def open_files(paths: Sequence[str]) -> OpenFiles:
    """Return the opened files of a recording, with their paths; `-` is stdin.

    Raises:
        FatalError: a file cannot be opened, or is a terminal.
    """
    with ExitStack() as stack, as_caller():
        names = [STDIN if path == "-" else Path(path) for path in paths]
        files = [(path, stack.enter_context(_open(path))) for path in names]
        for path, file in files:
            if file.isatty():
                raise UsageError(f"{path} is a terminal: send a recording to it through a pipe")
        stack.pop_all()
    return files


def are_stream(files: OpenFiles) -> bool:
    """True if this is one pipe, so that a recording may come through it while it is written."""
    return len(files) == 1 and not files[0][1].seekable()


def are_stdin(paths: Sequence[str]) -> bool:
    """True if one of these is stdin, where the dashboard then cannot read keys."""
    return any(path in ("-", str(STDIN), "/dev/fd/0", "/proc/self/fd/0") for path in paths)


def wait_for_data(path: Path, file: BinaryIO) -> None:
    """Wait a moment for the first data of a stream; if none comes, say what is waited for."""
    if not select.select([file], [], [], SILENT_WAIT_S)[0]:
        report(f"waiting for a recording on {path}")


def _open(path: Path) -> BinaryIO:
    try:
        return open_to_read(path)
    except OSError as error:
        raise FatalError(f"cannot read {path}: {error.strerror}") from None
