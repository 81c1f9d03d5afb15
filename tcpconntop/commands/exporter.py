"""`exporter`: serves metrics of all connects for Prometheus, until Ctrl-C."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.settings import read_text
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.exporter.web_config import WebConfig, parse_web_config
from tcpconntop.kernel.privileges import as_caller


def run(args: Namespace) -> int:
    """Trace, and answer scrapes. The server runs in this process, which has dropped its privileges."""
    web = _web_config(args.web_config) if args.web_config else WebConfig()
    with CommandSource(args) as command_source:
        where, open_source = connect_filter_from_args(args), command_source.source_opener()
        from tcpconntop.exporter.basic_auth import password_guard
        from tcpconntop.exporter.collector import Collector
        from tcpconntop.exporter.responses import Pages
        from tcpconntop.exporter.server import MetricsServer

        address, port = args.listen
        with MetricsServer(address, port, tls=web.tls()) as server:
            guard = password_guard(web.users)
            source = open_source()
            collector = Collector(source, args.by, args.top, where)
            server.start(guard(Pages(lambda: collector.latest).respond))
            interrupted = on_interrupt(source.wake or (lambda: None))
            command_source.announce(source)
            scheme, host = "https" if web.cert_file else "http", address or "localhost"
            host = f"[{host}]" if ":" in host else host
            print(f"listening: {scheme}://{host}:{server.port}/metrics", file=sys.stderr, flush=True)
            collector.run(interrupted)
        source.close()
        command_source.report_problems()
        return interrupted.exit_code


def _web_config(name: str) -> WebConfig:
    """Return the settings of `--web-config`. The file is read with the rights of the user who called sudo."""
    file = Path(name)
    with as_caller():
        text = read_text(file)
    return parse_web_config(text, file)
