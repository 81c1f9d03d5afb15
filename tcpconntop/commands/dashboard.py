"""The dashboard, over this machine's connects."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.commands.tracing import Privileged, live, request_of
from tcpconntop.commands.view import spec_of
from tcpconntop.core.fatal import FAILED, FINE, FatalError
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view import ViewSpec
    from tcpconntop.sources.base import Source


def run(args: Namespace) -> int:
    """Trace and show."""
    with Privileged() as privileged:
        spec, request = spec_of(args), request_of(args)
        loader = privileged.loader
        return show(args, spec, lambda: live(loader, request), loader.cancel)


def show(
    args: Namespace, spec: ViewSpec, open_source: Callable[[], Source], cancel: Callable[[], None]
) -> int:
    """Show whatever source there is; see `Dashboard` for `open_source` and `cancel`."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the dashboard needs a terminal; use -b for tables, or log for lines")
    from tcpconntop.tui.app import Dashboard

    app = Dashboard(
        open_source, spec=spec, window=args.window, interval_s=args.delay, cancel=cancel, dns=args.dns
    )
    app.run()
    if app.return_value:
        raise FatalError(app.return_value, app.return_code or FAILED)
    return app.return_code or FINE
