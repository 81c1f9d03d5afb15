"""The source of the demo: its workload, traced live; or a recording of it if tracing is impossible."""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from tcpconntop.kernel.children import start_child
from tcpconntop.kernel.isolated import python_command
from tcpconntop.kernel.launch import Loader, TracerError

if TYPE_CHECKING:
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.sources.base import Source


class Demo:
    """Starts the workload when its source is opened, and ends it. A context manager.

    Args:
        loader: a started loader that has its job, or why there is none.
        request: what the job was made from.
    """

    def __init__(self, loader: Loader | TracerError, request: TraceRequest) -> None:
        self._loader, self._request = loader, request
        self._workload: subprocess.Popen[bytes] | None = None

    def open_source(self) -> Source:
        """Return a source of the workload's connects; without tracing, a recording whose notes say why."""
        from tcpconntop.demo.bundled import bundled_replay
        from tcpconntop.sources.live import Live

        try:
            if isinstance(self._loader, TracerError):
                raise self._loader
            source = Live(self._loader, self._request, begun=True)
        except TracerError as error:
            return bundled_replay((f"this is a recording of the demo's workload, played in a loop: {error}",))
        self._workload = start_child(
            python_command(sys.executable, "tcpconntop.demo.workload"),
            stdin=subprocess.PIPE,  # the workload ends when this pipe closes, even after kill -9
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return source

    def cancel(self) -> None:
        """Make `open_source` return early, if it is running in another thread."""
        if isinstance(self._loader, Loader):
            self._loader.cancel()

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._workload is not None:
            self._workload.communicate()
