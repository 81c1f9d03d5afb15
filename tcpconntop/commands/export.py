"""`export`: the connects of a recording on stdout, for other programs."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.origin import CommandSource
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.core.errors import EXIT_INTERRUPTED, EXIT_OK
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.outputs.export import Exporter


def run(args: Namespace) -> int:
    """Replay without waiting, and print."""
    with CommandSource(args) as origin:
        where, open_source = connect_filter_from_args(args), origin.source_opener()
        from tcpconntop.core.window.keys import keys_from_events
        from tcpconntop.outputs.document import event_documents

        source = open_source()
        interrupted = on_interrupt(lambda: None)
        exporter = _exporter(args.format)
        while not source.ended and not interrupted():
            events = source.read(origin.read_s)
            events = events[where.match_keys(keys_from_events(events))]
            if len(events):
                exporter.write(event_documents(events, source.wall_offset_ns(), source.units()))
        exporter.close()
        source.close()
        origin.report_problems()
        return EXIT_INTERRUPTED if interrupted() else EXIT_OK


def _exporter(name: str) -> Exporter:
    from tcpconntop.outputs.export import Csv, JsonLines, Parquet

    if name == "parquet":
        if sys.stdout.isatty():
            raise UsageError("Parquet is not for a terminal: send it to a file or a program")
        return Parquet(sys.stdout.buffer)
    return Csv(sys.stdout) if name == "csv" else JsonLines(sys.stdout)
