"""The dashboard, over this machine's connects or a recording."""

from __future__ import annotations

import codecs
import gc
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tcpconntop.commands.alerts import alerting_from_args
from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.files import are_stdin
from tcpconntop.commands.settings import restore_ui_state, save_ui_choices
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.streams import report
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.core.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE, FatalError
from tcpconntop.options import UsageError
from tcpconntop.tui.keyboard import open_keyboard

if TYPE_CHECKING:
    from tcpconntop.core.view.spec import ViewSpec
    from tcpconntop.sources.base import Source


def run(args: Namespace) -> int:
    """Trace or replay, and show."""
    with CommandSource(args) as origin:
        restore_ui_state(args)
        spec = view_spec_from_args(args)
        code = show(args, spec, origin.source_opener(), origin.cancel, streams=origin.streams)
        origin.report_problems()
        return code


def show(
    args: Namespace,
    spec: ViewSpec,
    open_source: Callable[[], Source],
    cancel: Callable[[], None],
    *,
    streams: bool = False,
) -> int:
    """Show whatever source there is; see `Dashboard` for `open_source` and `cancel`.

    `streams` is True if it has to be opened first: until a stream begins, the terminal belongs to what sends
    it, such as an ssh that asks for a password.
    """
    _check_terminal(reads_keys_from_stdin=not are_stdin(getattr(args, "replay", ())))
    if os.environ.get("NO_COLOR") == "":  # Textual takes it for set
        del os.environ["NO_COLOR"]
    # Nothing of what is imported is garbage: collections would only go through all of it, several times.
    gc.disable()
    from tcpconntop.tui.actions import key_bindings
    from tcpconntop.tui.app import Dashboard

    alerting = alerting_from_args(args)
    pids: tuple[int, ...] = getattr(args, "pids", ())
    config = args.config
    try:
        keys = key_bindings(config.keys)
    except KeyError as error:
        name, reason = error.args
        raise FatalError(f"{config.location(f'keys.{name}')}{reason}", EXIT_USAGE) from None
    if streams:
        source = open_source()
        open_source = lambda: source  # noqa: E731 - it is open
    app = Dashboard(
        open_source,
        spec=spec,
        window=args.window,
        interval_s=args.delay,
        max_keys=args.max_keys,
        pid=pids[0] if len(pids) == 1 else None,
        cancel=cancel,
        ui_state=replace(args.ui_state, theme=config.theme or args.ui_state.theme),
        keys=keys,
        notice=args.notice,
        dns=args.dns,
        loaded=_collect_from_now_on,
    )
    if config.theme and config.theme not in app.available_themes:
        there_are = ", ".join(sorted(app.available_themes))
        raise FatalError(
            f"{config.location('theme')}no theme is called that; there are: {there_are}", EXIT_USAGE
        )
    if alerting is not None:
        app.watch_alerts(alerting)
    began = app.ui_choices()
    interrupted = on_interrupt(app.interrupt)
    app.run()
    notice = save_ui_choices(args, began, app.ui_choices())
    if app.return_value:
        raise FatalError(app.return_value, app.return_code or EXIT_FAILED)
    if notice:
        report(notice)
    return interrupted.exit_code or app.return_code or EXIT_OK


def _check_terminal(*, reads_keys_from_stdin: bool) -> None:
    """Raise UsageError if the dashboard cannot be shown here."""
    if not sys.stderr.isatty() or (reads_keys_from_stdin and not sys.stdin.isatty()):
        raise UsageError("the dashboard needs a terminal; use -b for tables, or log for lines")
    if not sys.stdin.isatty():
        try:
            os.close(open_keyboard())
        except OSError:
            raise UsageError(
                "the dashboard needs a terminal for keys, as stdin is the recording; use -b for tables"
            ) from None
    charset = sys.stderr.encoding
    if codecs.lookup(charset).name != "utf-8":
        raise UsageError(
            f"the dashboard draws in UTF-8, and the locale here is {charset.upper()}: "
            "start it with LC_ALL=C.UTF-8 if the terminal can show that; or use -b for tables"
        )


def _collect_from_now_on() -> None:
    """Collect garbage, but never among what was imported: that holds up a paint by 0.1 s."""
    gc.freeze()
    gc.enable()
