"""`exporter`: serves metrics of all connects for Prometheus, until Ctrl-C."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.view import connect_filter_from_args


def run(args: Namespace) -> int:
    """Trace, and answer scrapes. The server runs in this process, which has dropped its privileges."""
    with CommandSource(args) as command_source:
        where, open_source = connect_filter_from_args(args), command_source.source_opener()
        from tcpconntop.exporter.collector import Collector
        from tcpconntop.exporter.responses import Pages
        from tcpconntop.exporter.server import MetricsServer

        address, port = args.listen
        with MetricsServer(address, port) as server:
            source = open_source()
            collector = Collector(source, args.by, args.top, where)
            server.start(Pages(lambda: collector.latest).respond)
            interrupted = on_interrupt(source.wake or (lambda: None))
            command_source.announce(source)
            host = f"[{address}]" if ":" in address else address or "localhost"
            print(f"listening: http://{host}:{server.port}/metrics", file=sys.stderr, flush=True)
            collector.run(interrupted)
        source.close()
        command_source.report_problems()
        return interrupted.exit_code
