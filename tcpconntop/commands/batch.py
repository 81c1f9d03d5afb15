"""`-b`: tables or documents on stdout."""

from __future__ import annotations

import sys
from argparse import Namespace

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.tracing import Privileged, live, request_of, say_tracing
from tcpconntop.commands.view import spec_of
from tcpconntop.core.fatal import FINE, INTERRUPTED


def run(args: Namespace) -> int:
    """Trace and print."""
    with Privileged() as privileged:
        spec, request = spec_of(args), request_of(args)
        from tcpconntop.core.window import WINDOWS
        from tcpconntop.engine import Engine
        from tcpconntop.outputs.batch import Batch

        source = live(privileged.loader, request)
        batch = Batch(spec, sys.stdout, args.json, args.count)
        engine = Engine(source, batch.publish, WINDOWS[args.window], args.delay)
        batch.done = engine.stop
        interrupted = on_interrupt(engine.stop)
        say_tracing(source)
        engine.run()
        return INTERRUPTED if interrupted() else FINE
