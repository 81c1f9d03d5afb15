"""`record`: every connect into a file, and nothing else."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.origin import CommandSource
from tcpconntop.commands.view import connect_filter_from_args
from tcpconntop.core.errors import EXIT_INTERRUPTED, EXIT_OK


def run(args: Namespace) -> int:
    """Record until the time is over, or Ctrl-C comes."""
    with CommandSource(args) as origin:
        open_source = origin.source_opener(keep=connect_filter_from_args(args))
        from tcpconntop.core.format import elapsed

        source = open_source()
        interrupted = on_interrupt(lambda: None)
        origin.announce(source)
        began_s = time.monotonic()
        end_s = began_s + (args.for_s or float("inf"))
        while not interrupted() and origin.is_recording() and (left_s := end_s - time.monotonic()) > 0:
            source.read(min(origin.read_s, left_s))
        lost = source.ledger().lost
        source.read(0)
        source.close()
        origin.report_problems()
        print(
            f"tcpconntop: {origin.recording_summary()} in {elapsed(time.monotonic() - began_s)}",
            file=sys.stderr,
        )
        if lost:
            print(f"tcpconntop: {lost} connects were lost: a buffer was full", file=sys.stderr)
        return EXIT_INTERRUPTED if interrupted() else EXIT_OK
