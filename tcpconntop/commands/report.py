"""`report`: traces for some time, or reads a recording, and prints what it found as Markdown."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import interrupted
from tcpconntop.commands.streams import data_stdout
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.commands.whole import whole_snapshot
from tcpconntop.core.errors import EXIT_OK
from tcpconntop.options import UsageError


def run(args: Namespace) -> int:
    """Trace or replay; print the report."""
    with CommandSource(args) as command_source:
        if args.for_s is None and not command_source.replays:
            raise UsageError("report needs --for, such as --for 60s")
        spec = view_spec_from_args(args)
        open_source = command_source.source_opener()
        from tcpconntop.core.view.make_view import make_view
        from tcpconntop.outputs.report.report import report_text

        source = open_source()
        clock_s = command_source.engine_clock(source)
        snapshot = whole_snapshot(source, args.for_s, clock_s, lambda: command_source.announce(source))
        command_source.report_problems()
        print(report_text(make_view(snapshot, spec), args.top), file=data_stdout())
        sys.stdout.flush()
        return interrupted.exit_code or EXIT_OK
