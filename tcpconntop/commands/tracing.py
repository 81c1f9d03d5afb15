"""The start of every command that traces: start the loader, drop privileges, open the live source."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.kernel.environment import check_descriptors
from tcpconntop.kernel.launch import Loader, TracerError, spawn_loader
from tcpconntop.kernel.privileges import drop_privileges
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.sources.base import Source


class PrivilegedStart:
    """Starts the loader, and drops the privileges of this process. A context manager, which ends the loader.

    Without privileges there is no loader. The error is raised only when the loader is needed: an error in the
    command line is reported first, with or without privileges.

    Attributes:
        loader_or_error: the loader, or why there is none.
    """

    def __init__(self) -> None:
        self.loader_or_error: Loader | TracerError
        check_descriptors()
        try:
            self.loader_or_error = spawn_loader()
        except TracerError as error:
            self.loader_or_error = error
        else:
            drop_privileges()

    @property
    def loader(self) -> Loader:
        """The loader.

        Raises:
            TracerError: it could not be started.
        """
        if isinstance(self.loader_or_error, TracerError):
            raise self.loader_or_error
        return self.loader_or_error

    def __enter__(self) -> PrivilegedStart:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.loader_or_error, Loader):
            self.loader_or_error.close()


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
    """Return a source of this machine's connects; blocks until the probes are attached."""
    from tcpconntop.sources.live import Live

    return Live(loader, request)
