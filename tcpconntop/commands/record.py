"""`record`: writes every connect to a file, without showing it."""

from __future__ import annotations

import time
from argparse import Namespace

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.streams import report
from tcpconntop.commands.view import connect_filter_from_args


def run(args: Namespace) -> int:
    """Record until the time of `--for` has passed, or until Ctrl-C."""
    with CommandSource(args) as command_source:
        open_source = command_source.source_opener(keep=connect_filter_from_args(args))
        from tcpconntop.core.format import elapsed

        source = open_source()
        interrupted = on_interrupt(lambda: None)
        command_source.announce(source)
        began_s = time.monotonic()
        end_s = began_s + (args.for_s or float("inf"))
        while (
            not interrupted() and command_source.is_recording() and (left_s := end_s - time.monotonic()) > 0
        ):
            source.read(min(command_source.max_read_s, left_s))
        lost = source.ledger().lost
        source.read(0)
        source.close()
        command_source.report_problems()
        report(f"{command_source.recording_summary()} in {elapsed(time.monotonic() - began_s)}")
        if lost:
            report(f"{lost} connects were lost: a buffer was full")
        return interrupted.exit_code
