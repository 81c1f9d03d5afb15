"""`log`: a line per connect on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.tracing import Privileged, live, request_of, say_tracing
from tcpconntop.commands.view import filter_of
from tcpconntop.core.fatal import INTERRUPTED
from tcpconntop.options import UsageError


def run(args: Namespace) -> int:
    """Trace and print."""
    with Privileged() as privileged:
        where, request = filter_of(args), request_of(args)
        if where.needs_rows:
            raise UsageError("log shows single connects: a filter on p99, count and the like has no meaning")
        from tcpconntop.engine import READ_S
        from tcpconntop.outputs.log import Log

        source = live(privileged.loader, request)
        log = Log(sys.stdout, where, as_json=args.json, timestamps=args.timestamp, local_ports=args.lport)
        interrupted = on_interrupt(lambda: None)
        say_tracing(source)
        log.header()
        while not interrupted():
            log.publish(source.read(READ_S), source)
        log.publish(source.read(0), source)
        lost = source.ledger().lost
        source.close()
        if lost:
            print(f"tcpconntop: {lost} connects were lost: a buffer was full", file=sys.stderr)
        return INTERRUPTED
