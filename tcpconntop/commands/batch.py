"""`-b`: prints tables or JSON documents on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.alerts import alerting_from_args
from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.signals import on_interrupt
from tcpconntop.commands.streams import data_stdout
from tcpconntop.commands.view import view_spec_from_args

if TYPE_CHECKING:
    from tcpconntop.core.window.snapshot import Snapshot


def run(args: Namespace) -> int:
    """Trace or replay; print one table or document per interval."""
    with CommandSource(args) as command_source:
        spec, open_source = view_spec_from_args(args), command_source.source_opener()
        alerting = alerting_from_args(args)
        from tcpconntop.core.window.lengths import WINDOWS
        from tcpconntop.engine import Engine
        from tcpconntop.outputs.batch import Batch

        source = open_source()
        batch = Batch(spec, data_stdout() if args.json else sys.stdout, args.json, args.count)
        if alerting is not None:
            batch.alert_log = lambda: alerting.log
        window_s, clock_s = WINDOWS[args.window], command_source.engine_clock(source)

        def publish(snapshot: Snapshot) -> None:
            command_source.report_new_notes(snapshot.info.notes)
            batch.publish(snapshot)

        observe = alerting.say if alerting is not None else None
        engine = Engine(source, publish, window_s, args.delay, args.max_keys, clock_s, observe)
        batch.on_done = engine.stop
        interrupted = on_interrupt(engine.stop)
        command_source.announce(source)
        engine.run()
        command_source.report_problems()
        return interrupted.exit_code
