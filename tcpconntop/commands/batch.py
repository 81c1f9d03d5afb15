"""`-b`: tables or documents on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.origin import CommandSource
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.core.errors import EXIT_INTERRUPTED, EXIT_OK


def run(args: Namespace) -> int:
    """Trace or replay, and print."""
    with CommandSource(args) as origin:
        spec, open_source = view_spec_from_args(args), origin.source_opener()
        from tcpconntop.core.window.rolling import WINDOWS
        from tcpconntop.engine import Engine
        from tcpconntop.outputs.batch import Batch

        source = open_source()
        batch = Batch(spec, sys.stdout, args.json, args.count)
        window_s, clock_s = WINDOWS[args.window], origin.clock(source)
        engine = Engine(source, batch.publish, window_s, args.delay, args.max_keys, clock_s=clock_s)
        batch.on_done = engine.stop
        interrupted = on_interrupt(engine.stop)
        origin.announce(source)
        engine.run()
        origin.report_problems()
        return EXIT_INTERRUPTED if interrupted() else EXIT_OK
