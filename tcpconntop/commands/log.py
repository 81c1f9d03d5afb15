"""`log`: a line per connect on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.origin import CommandSource
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.core.errors import EXIT_INTERRUPTED, EXIT_OK


def run(args: Namespace) -> int:
    """Trace or replay, and print."""
    with CommandSource(args) as origin:
        where, open_source = connect_filter_from_args(args), origin.source_opener()
        from tcpconntop.outputs.log import Log

        source = open_source()
        log = Log(
            sys.stdout,
            where,
            as_json=args.json,
            timestamps=args.timestamp,
            local_ports=args.lport,
            header_every=args.header_every,
        )
        interrupted = on_interrupt(lambda: None)
        origin.announce(source)
        log.header()
        while not interrupted() and not source.ended:
            log.publish(source.read(origin.read_s), source)
        lost = source.ledger().lost
        log.publish(source.read(0), source)
        source.close()
        if lost:
            why = "were lost, then or in the recording" if origin.replays else "were lost: a buffer was full"
            print(f"tcpconntop: {lost} connects {why}", file=sys.stderr)
        origin.report_problems()
        return EXIT_INTERRUPTED if interrupted() else EXIT_OK
