"""Reads a whole recording for a comparison."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.commands.files import OpenFiles
from tcpconntop.commands.signals import interrupted, on_interrupt
from tcpconntop.commands.streams import report
from tcpconntop.commands.tracing import trace_request

if TYPE_CHECKING:
    from tcpconntop.core.window.snapshot import Snapshot


def read_whole(files: OpenFiles, args: Namespace) -> Snapshot | None:
    """Return everything in a recording that passes the filters of the kernel side; None after a signal.

    Raises:
        FatalError: the files are no recording, or cannot be read.
    """
    from tcpconntop.core.limits import DEFAULT_MAX_KEYS
    from tcpconntop.engine import Engine
    from tcpconntop.recording.merged import open_replay
    from tcpconntop.sources.replay_filter import apply_request_filters

    source = apply_request_filters(open_replay(files, None), trace_request(args))
    snapshots: list[Snapshot] = []
    engine = Engine(
        source, snapshots.append, None, float("inf"), DEFAULT_MAX_KEYS, clock_s=lambda: source.now_ns() / 1e9
    )
    on_interrupt(engine.stop)
    engine.run()
    for note in source.info.notes:
        report(f"{files[0][0]}: {note}")
    return None if interrupted() else snapshots[-1]
