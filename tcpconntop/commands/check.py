"""`check`: traces for some time, or reads a recording, and evaluates assertions."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.command_source import CommandSource
from tcpconntop.commands.files import open_files
from tcpconntop.commands.signals import interrupted
from tcpconntop.commands.streams import data_stdout
from tcpconntop.commands.view import connect_filter_from_args, view_spec_from_args
from tcpconntop.commands.whole import read_whole, whole_snapshot
from tcpconntop.core.errors import EXIT_FAILED, EXIT_OK
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.assertions import Assertion
    from tcpconntop.core.view.relative import RelativeAssertion


def run(args: Namespace) -> int:
    """Trace or replay; print the result of each assertion."""
    opened = [open_files([args.baseline])] if args.baseline else []
    with CommandSource(args) as command_source:
        if args.for_s is None and not command_source.replays:
            raise UsageError("check needs --for, such as --for 30s")
        assertions, where, spec = _assertions(args), connect_filter_from_args(args), view_spec_from_args(args)
        open_source = command_source.source_opener()
        from tcpconntop.core.view.assertions import Assertion, evaluate
        from tcpconntop.core.view.loss_bounds import metric_bounds, missing_connects
        from tcpconntop.core.view.make_view import make_view
        from tcpconntop.core.view.relative import evaluate_relative
        from tcpconntop.core.view.summary import overall_metrics
        from tcpconntop.outputs.check import check_document, result_line
        from tcpconntop.outputs.document import dump

        baseline = read_whole(opened[0], args) if opened else None
        if interrupted():
            return interrupted.exit_code
        source = open_source()
        clock_s = command_source.engine_clock(source)
        snapshot = whole_snapshot(source, args.for_s, clock_s, lambda: command_source.announce(source))
        command_source.report_problems()
        if interrupted():
            return interrupted.exit_code
        metrics, lost = overall_metrics(snapshot, where), missing_connects(snapshot).total
        bounds = metric_bounds(snapshot, where, metrics)
        results = []
        for assertion in assertions:
            if isinstance(assertion, Assertion):
                results.append(evaluate(assertion, metrics, bounds))
            elif baseline is not None:
                results.append(evaluate_relative(assertion, snapshot, baseline, where))
        if args.json:
            print(dump(check_document(make_view(snapshot, spec), results)), file=data_stdout())
        else:
            print("\n".join(result_line(result, lost) for result in results))
        sys.stdout.flush()
        return EXIT_OK if all(result.holds for result in results) else EXIT_FAILED


def _assertions(args: Namespace) -> list[Assertion | RelativeAssertion]:
    from tcpconntop.core.view.assertions import parse_assertion
    from tcpconntop.core.view.filter import FilterError
    from tcpconntop.core.view.relative import is_relative, parse_relative

    relative = [text for text in args.assertions if is_relative(text)]
    if relative and not args.baseline:
        raise UsageError(f"'{relative[0]}' compares with a recording: name it with --baseline FILE")
    if args.baseline and not relative:
        raise UsageError("--baseline needs an assertion that compares with it, such as --assert 'p99<1.2x'")
    try:
        return [
            parse_relative(text) if is_relative(text) else parse_assertion(text) for text in args.assertions
        ]
    except FilterError as error:
        raise UsageError(str(error)) from None
