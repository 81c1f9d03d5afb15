"""The dashboard, over this machine's connects or a recording."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.commands.origin import Origin
from tcpconntop.commands.view import spec_of
from tcpconntop.core.fatal import FAILED, FINE, FatalError
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view import ViewSpec
    from tcpconntop.sources.base import Source


def run(args: Namespace) -> int:
    """Trace or replay, and show."""
    with Origin(args) as origin:
        spec = spec_of(args)
        code = show(args, spec, origin.opener(), origin.cancel)
        origin.finish()
        return code


def show(
    args: Namespace, spec: ViewSpec, open_source: Callable[[], Source], cancel: Callable[[], None]
) -> int:
    """Show whatever source there is; see `Dashboard` for `open_source` and `cancel`."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the dashboard needs a terminal; use -b for tables, or log for lines")
    from tcpconntop.tui.app import Dashboard

    app = Dashboard(
        open_source,
        spec=spec,
        window=args.window,
        interval_s=args.delay,
        max_keys=args.max_keys,
        cancel=cancel,
    )
    app.run()
    if app.return_value:
        raise FatalError(app.return_value, app.return_code or FAILED)
    return app.return_code or FINE
