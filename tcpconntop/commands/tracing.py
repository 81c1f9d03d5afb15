"""The start of every command that traces: start the loader, drop privileges, open the live source."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.kernel.environment import check_descriptors
from tcpconntop.kernel.job import send_job
from tcpconntop.kernel.launch import Loader, TracerError, spawn_loader
from tcpconntop.kernel.privileges import drop_privileges
from tcpconntop.options import UsageError
from tcpconntop.settings.paths import state_folder

if TYPE_CHECKING:
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.sources.base import Source


class PrivilegedStart:
    """Starts the loader, and drops the privileges of this process. A context manager, which ends the loader.

    Args:
        writable: returns the folders that this process has to write to (see `drop_privileges`).

    Without privileges there is no loader. The error is raised only when the loader is needed: an error in the
    command line is reported first, with or without privileges.

    Attributes:
        loader_or_error: the loader, or why there is none.
    """

    def __init__(self, writable: Callable[[], list[Path]]) -> None:
        self.loader_or_error: Loader | TracerError
        check_descriptors()
        try:
            self.loader_or_error = spawn_loader()
        except TracerError as error:
            self.loader_or_error = error
        drop_privileges(writable)

    @property
    def loader(self) -> Loader:
        """The loader.

        Raises:
            TracerError: it could not be started.
        """
        if isinstance(self.loader_or_error, TracerError):
            raise self.loader_or_error
        return self.loader_or_error

    def begin(self, request: TraceRequest) -> None:
        """Have the loader load and attach now, while this process imports what it needs to show anything."""
        if isinstance(self.loader_or_error, Loader):
            with suppress(OSError):  # it has ended: `open_live_source` says why
                send_job(self.loader_or_error, request)

    def __enter__(self) -> PrivilegedStart:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.loader_or_error, Loader):
            self.loader_or_error.close()


def writable_folders(args: Namespace) -> list[Path]:
    """Return the folders that a command writes to: its recording's, and that of the dashboard.

    Call it with the user ID that will write. Makes the dashboard's folder, in a place that will not be
    writable.
    """
    folders = []
    record = getattr(args, "record", None)
    if record and record != "-":
        folders.append(Path(record).absolute().parent)
    if args.command in ("dashboard", "demo", "fleet", "replay"):
        state = state_folder()
        with suppress(OSError):  # said when something is to be written
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.append(state)
    return folders


def trace_request(args: Namespace) -> TraceRequest:
    """Return what the command line asks of the kernel side."""
    from tcpconntop.kernel.request import TraceRequest

    try:
        return TraceRequest(
            probe=args.probe,
            transport=args.transport,
            loader=args.loader,
            pids=args.pids,
            uids=args.uids,
            ports=args.ports,
            family=args.family,
            min_latency_ms=args.min_ms,
            max_in_flight=getattr(args, "max_in_flight", 0),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def live_request(args: Namespace) -> tuple[TraceRequest, tuple[str, ...]]:
    """Return what the command line asks of the kernel side, with `-p` as it numbers processes, and notes."""
    from tcpconntop.kernel.pids import OtherPidError, resolve_pids

    try:
        args.pids, notes = resolve_pids(args.pids)
    except OtherPidError as error:
        raise UsageError(str(error)) from None
    return trace_request(args), notes


def open_live_source(loader: Loader, request: TraceRequest) -> Source:
    """Return a source of this machine's connects; blocks until the probes are attached.

    Args:
        loader: has its job (`PrivilegedStart.begin`).
        request: what the job was made from.
    """
    from tcpconntop.sources.live import Live

    return Live(loader, request, begun=True)
