"""`check`: looks for a while, or through a recording, and says whether assertions hold."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.interrupt import on_interrupt
from tcpconntop.commands.origin import CommandSource
from tcpconntop.commands.view import connect_filter_from_args, view_spec_from_args
from tcpconntop.core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.assertions import Assertion
    from tcpconntop.core.window.snapshot import Snapshot


def run(args: Namespace) -> int:
    """Trace or replay, and judge."""
    with CommandSource(args) as origin:
        if args.for_s is None and not origin.replays:
            raise UsageError("check needs --for, such as --for 30s")
        assertions, where, spec = _assertions(args), connect_filter_from_args(args), view_spec_from_args(args)
        open_source = origin.source_opener()
        from tcpconntop.core.view.assertions import evaluate
        from tcpconntop.core.view.make_view import make_view
        from tcpconntop.core.view.summary import overall_metrics
        from tcpconntop.engine import Engine
        from tcpconntop.outputs.check import check_document, result_line
        from tcpconntop.outputs.document import dump

        source = open_source()
        seen: list[Snapshot] = []

        def look(snapshot: Snapshot) -> None:
            seen.append(snapshot)
            engine.stop()

        clock_s = origin.clock(source)
        engine = Engine(source, look, None, args.for_s or float("inf"), clock_s=clock_s)
        interrupted = on_interrupt(engine.stop)
        origin.announce(source)
        engine.run()
        origin.report_problems()
        if interrupted():
            return EXIT_INTERRUPTED
        figures, lost = overall_metrics(seen[0], where), seen[0].ledger.lost
        verdicts = [evaluate(assertion, figures) for assertion in assertions]
        if args.json:
            print(dump(check_document(make_view(seen[0], spec), verdicts)))
        else:
            print("\n".join(result_line(verdict, lost) for verdict in verdicts))
        sys.stdout.flush()
        return EXIT_OK if all(verdict.holds for verdict in verdicts) else EXIT_FAILED


def _assertions(args: Namespace) -> list[Assertion]:
    from tcpconntop.core.view.assertions import parse_assertion
    from tcpconntop.core.view.filter import FilterError

    try:
        return [parse_assertion(text) for text in args.assertions]
    except FilterError as error:
        raise UsageError(str(error)) from None
