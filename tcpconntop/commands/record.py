"""`record`: writes every connect to a file or to stdout, of this host or several, without showing it."""

from __future__ import annotations

import time
from argparse import Namespace

from tcpconntop.commands.alerts import alerting_from_args, watched
from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import interrupted, on_interrupt
from tcpconntop.commands.streams import NoReader, report
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.core.errors import FatalError


def run(args: Namespace) -> int:
    """Record until the time of `--for` has passed, or until Ctrl-C."""
    with CommandSource(args) as command_source:
        open_source = command_source.source_opener(keep=connect_filter_from_args(args))
        alerting = alerting_from_args(args)
        from tcpconntop.core.format import elapsed

        source = watched(open_source(), alerting)
        on_interrupt(lambda: None)
        command_source.announce(source)
        began_s = time.monotonic()
        end_s = began_s + (args.for_s or float("inf"))
        while (
            not (interrupted() or source.ended)
            and command_source.is_recording()
            and (left_s := end_s - time.monotonic()) > 0
        ):
            source.read(min(command_source.max_read_s, left_s))
        lost = source.ledger().lost
        source.read(0)
        source.close()
        _report_problems(command_source)
        report(f"{command_source.recording_summary()} in {elapsed(time.monotonic() - began_s)}")
        if lost:
            report(f"{lost} connects were lost: a buffer was full")
        return interrupted.exit_code


def _report_problems(command_source: CommandSource) -> None:
    """Report problems. A reader of stdout that went away is none; after a signal, none is a failure."""
    from tcpconntop.recording.stdout import ReaderGoneError

    try:
        command_source.report_problems()
    except ReaderGoneError:
        if not interrupted():
            raise NoReader from None
    except FatalError as error:
        if not interrupted():
            raise
        report(str(error))
