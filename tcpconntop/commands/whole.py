"""Looks at everything together, once: what is traced for some time, or a whole recording."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.commands.files import OpenFiles
from tcpconntop.commands.signals import interrupted, on_interrupt
from tcpconntop.commands.streams import report
from tcpconntop.commands.tracing import trace_request

if TYPE_CHECKING:
    from tcpconntop.core.window.snapshot import Snapshot
    from tcpconntop.sources.base import Source


def whole_snapshot(
    source: Source,
    for_s: float | None,
    clock_s: Callable[[], float] | None,
    begun: Callable[[], None] = lambda: None,
) -> Snapshot:
    """Read a source, and return one snapshot of everything in it; after a signal, of what there is by then.

    Args:
        source: the source.
        for_s: how long, in seconds on `clock_s`; None to its end.
        clock_s: the clock; None for our own.
        begun: called just before the first read.
    """
    from tcpconntop.engine import Engine

    snapshots: list[Snapshot] = []

    def publish(snapshot: Snapshot) -> None:
        snapshots.append(snapshot)
        engine.stop()

    engine = Engine(source, publish, None, for_s or float("inf"), clock_s=clock_s)
    on_interrupt(engine.stop)
    begun()
    engine.run()
    return snapshots[0]


def read_whole(files: OpenFiles, args: Namespace) -> Snapshot | None:
    """Return everything in a recording that passes the filters of the kernel side; None after a signal.

    Raises:
        FatalError: the files are no recording, or cannot be read.
    """
    from tcpconntop.recording.merged import open_replay
    from tcpconntop.sources.replay_filter import apply_request_filters

    source = apply_request_filters(open_replay(files, None), trace_request(args))
    snapshot = whole_snapshot(source, None, lambda: source.now_ns() / 1e9)
    for note in source.info.notes:
        report(f"{files[0][0]}: {note}")
    return None if interrupted() else snapshot
