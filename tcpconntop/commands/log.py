"""`log`: prints one line per connect on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.alerts import alerting_from_args, watched
from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.streams import data_stdout, report
from tcpconntop.commands.view import connect_filter_from_args


def run(args: Namespace) -> int:
    """Trace or replay; print every connect."""
    with CommandSource(args) as command_source:
        where, open_source = connect_filter_from_args(args), command_source.source_opener()
        alerting = alerting_from_args(args)
        from tcpconntop.outputs.log import Log

        source = watched(open_source(), alerting)
        log = Log(
            data_stdout() if args.json else sys.stdout,
            where,
            as_json=args.json,
            timestamps=args.timestamp,
            local_ports=args.lport,
            hosts=bool(source.places().hosts),
            header_every=args.header_every,
        )
        interrupted = on_interrupt(lambda: None)
        command_source.announce(source)
        log.header()
        while not interrupted() and not source.ended:
            log.publish(source.read(command_source.max_read_s), source)
        lost = source.ledger().lost
        log.publish(source.read(0), source)
        source.close()
        if lost:
            why = "a buffer was full"
            if command_source.replays or command_source.is_fleet:
                why = "while recording, or in the recording"
            report(f"{lost} connects were lost: {why}")
        command_source.report_problems()
        return interrupted.exit_code
