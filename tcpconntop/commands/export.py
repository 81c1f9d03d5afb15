"""`export`: prints the connects of recordings on stdout, for other programs."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.streams import data_stdout, report
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.outputs.export import Exporter


def run(args: Namespace) -> int:
    """Read the recording and print every connect."""
    with CommandSource(args) as command_source:
        where, open_source = connect_filter_from_args(args), command_source.source_opener()
        from tcpconntop.outputs.document import event_documents, in_batches
        from tcpconntop.sources.base import names_of

        source = open_source()
        interrupted = on_interrupt(lambda: None)
        exporter = _exporter(args.format, several_hosts=bool(source.places().hosts))
        while not source.ended and not interrupted():
            events = source.read(command_source.max_read_s)
            names = names_of(source)
            events = events[where.match_connects(events, names)]
            for batch in in_batches(events):
                exporter.write(event_documents(batch, source.wall_offset_ns(), names.units, names.places))
        exporter.close()
        ledger = source.ledger()
        source.close()
        if ledger.lost:
            reason = "lost while recording, or in the recording"
            report(f"{ledger.lost:,} connects are missing: {reason}")
        command_source.report_problems()
        return interrupted.exit_code


def _exporter(name: str, *, several_hosts: bool) -> Exporter:
    from tcpconntop.outputs.export import FIELDS, FIELDS_OF_HOSTS, Csv, JsonLines, Parquet

    fields = FIELDS_OF_HOSTS if several_hosts else FIELDS
    if name == "parquet":
        if sys.stdout.isatty():
            raise UsageError("Parquet is binary: redirect stdout to a file or a program")
        return Parquet(sys.stdout.buffer, fields)
    return Csv(data_stdout(), fields) if name == "csv" else JsonLines(data_stdout())
