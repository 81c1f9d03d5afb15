"""What every command that traces does first: start the loader, give up privileges, open the source."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.kernel.launch import Loader, TracerError, spawn_loader
from tcpconntop.kernel.privileges import drop_privileges
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.sources.base import Source


class PrivilegedStart:
    """The one privileged step: a loader that is on its way when this process can do nothing any more.

    Without privileges there is no loader, and the reason waits until the rest of the command line was
    found to be in order: a wrong option is said to be one whoever runs it.
    """

    def __init__(self) -> None:
        self.loader_or_error: Loader | TracerError
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
            TracerError: there is none.
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
    """Give what the command line asks of the kernel side."""
    from tcpconntop.kernel.request import TraceRequest

    try:
        return TraceRequest(
            probe=args.probe,
            transport=args.transport,
            pids=args.pids,
            uids=args.uids,
            ports=args.ports,
            family=args.family,
            min_latency_ms=args.min_ms,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def live(loader: Loader, request: TraceRequest) -> Source:
    """Trace; blocks until the probes are attached."""
    from tcpconntop.sources.live import Live

    return Live(loader, request)
