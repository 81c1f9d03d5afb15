"""The command line: finds the command, runs it, answers with an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from tcpconntop.core.fatal import INTERRUPTED, FatalError
from tcpconntop.options import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the answer is its exit code."""
    try:
        args = parse(list(sys.argv[1:] if argv is None else argv))
        code: int = import_module(f"tcpconntop.commands.{args.command}").run(args)
    except FatalError as error:
        print(f"tcpconntop: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


class Privileged:
    """The one privileged step: a loader that is on its way when this process can do nothing any more.

    Without privileges there is no loader, and the reason waits until the rest of the command line was
    found to be in order: a wrong option is said to be one whoever runs it.
    """

    def __init__(self) -> None:
        self.loader_or_refusal: Loader | TracerError
        try:
            self.loader_or_refusal = spawn_loader()
        except TracerError as error:
            self.loader_or_refusal = error
        else:
            drop()

    @property
    def loader(self) -> Loader:
        """The loader.

        Raises:
            TracerError: there is none.
        """
        if isinstance(self.loader_or_refusal, TracerError):
            raise self.loader_or_refusal
        return self.loader_or_refusal

    def __enter__(self) -> Privileged:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.loader_or_refusal, Loader):
            self.loader_or_refusal.close()


def _dashboard(args: Namespace) -> int:
    with Privileged() as privileged:
        spec, request = _spec(args), _request(args)
        loader = privileged.loader
        return _show(args, spec, lambda: _live(loader, request), loader.cancel)


def _demo(args: Namespace) -> int:
    with Privileged() as privileged:
        spec = _spec(args)
        from tcpconntop.demo.source import Demo

        with Demo(privileged.loader_or_refusal) as demo:
            return _show(args, spec, demo.open_source, demo.cancel)


def _show(
    args: Namespace, spec: ViewSpec, open_source: Callable[[], Source], cancel: Callable[[], None]
) -> int:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("the dashboard needs a terminal; use -b for tables, or log for lines")
    from tcpconntop.tui.app import Dashboard

    app = Dashboard(open_source, spec=spec, window=args.window, interval_s=args.delay, cancel=cancel)
    app.run()
    if app.return_value:
        return _fail(app.return_value, app.return_code or EXIT_FAILED)
    return app.return_code or EXIT_FINE


def _batch(args: Namespace) -> int:
    with Privileged() as privileged:
        spec, request = _spec(args), _request(args)
        from tcpconntop.core.window import WINDOWS
        from tcpconntop.engine import Engine
        from tcpconntop.outputs.batch import Batch

        source = _live(privileged.loader, request)
        batch = Batch(spec, sys.stdout, args.json, args.count)
        engine = Engine(source, batch.publish, WINDOWS[args.window], args.delay)
        batch.done = engine.stop
        interrupted = _on_interrupt(engine.stop)
        _say_tracing(source)
        engine.run()
        return EXIT_INTERRUPTED if interrupted() else EXIT_FINE


def _log(args: Namespace) -> int:
    with Privileged() as privileged:
        where, request = _filter(args), _request(args)
        if where.needs_rows:
            raise UsageError("log shows single connects: a filter on p99, count and the like has no meaning")
        from tcpconntop.engine import READ_S
        from tcpconntop.outputs.log import Log

        source = _live(privileged.loader, request)
        log = Log(sys.stdout, where, as_json=args.json, timestamps=args.timestamp, local_ports=args.lport)
        interrupted = _on_interrupt(lambda: None)
        _say_tracing(source)
        log.header()
        while not interrupted():
            log.publish(source.read(READ_S), source)
        log.publish(source.read(0), source)
        lost = source.ledger().lost
        source.close()
        if lost:
            print(f"tcpconntop: {lost} connects were lost: a buffer was full", file=sys.stderr)
        return EXIT_INTERRUPTED


def _live(loader: Loader, request: TraceRequest) -> Source:
    from tcpconntop.sources.live import Live

    return Live(loader, request)


def _say_tracing(source: Source) -> None:
    for note in source.info.notes:
        print(f"tcpconntop: {note}", file=sys.stderr)
    print(f"tracing: {source.info.probe}/{source.info.transport}", file=sys.stderr, flush=True)


def _on_interrupt(stop: Callable[[], None]) -> Callable[[], bool]:
    """Have Ctrl-C (and a polite kill) finish what is begun; a reader that went away ends us silently.

    Returns:
        What tells whether it has happened.
    """
    happened: list[int] = []

    def handle(number: int, _frame: object) -> None:
        happened.append(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return lambda: bool(happened)


def _request(args: Namespace) -> TraceRequest:
    from tcpconntop.kernel.request import TraceRequest

    try:
        return TraceRequest(
            probe=args.probe,
            transport=args.transport,
            pids=args.pids,
            uids=args.uids,
            ports=args.ports,
            family=args.family,
            min_latency_ms=args.min_ms,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _filter(args: Namespace) -> Filter:
    from tcpconntop.core.filter import FilterError, parse_filter

    words = []
    if getattr(args, "comm", None):
        words.append(f"comm={shlex.quote(args.comm)}")
    if getattr(args, "dest", None):
        words.append(f"dest:{shlex.quote(args.dest)}")
    try:
        return parse_filter(" ".join([*words, getattr(args, "filter", "")]))
    except FilterError as error:
        raise UsageError(str(error)) from None


def _spec(args: Namespace) -> ViewSpec:
    from tcpconntop.core.columns import COLUMNS
    from tcpconntop.core.groups import GROUPINGS
    from tcpconntop.core.view import ViewSpec
    from tcpconntop.core.window import WINDOWS

    column, _, direction = args.order.partition(":")
    for name, value, known in (
        ("group", args.group, GROUPINGS),
        ("column", column, {key for key, known in COLUMNS.items() if not known.of_mark}),
        ("window", args.window, WINDOWS),
        ("direction", direction, {"", "asc", "desc"}),
    ):
        if value not in known:
            raise UsageError(
                f"no {name} is called '{value}'; there are: {', '.join(sorted(filter(None, known)))}"
            )
    spec = ViewSpec(group_by=args.group, where=_filter(args)).sorted_by(column)
    return spec if not direction or spec.descending == (direction == "desc") else spec.reversed()
