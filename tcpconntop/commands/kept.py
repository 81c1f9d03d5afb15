"""What of the records is written to a recording, and how a fleet is recorded."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpconntop.commands.recording_output import recording_output

if TYPE_CHECKING:
    from tcpconntop.commands.targets import FleetTargets
    from tcpconntop.core.types import Mask
    from tcpconntop.core.view.filter import Filter
    from tcpconntop.core.wire import Events
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.recording.fleet import Fleet
    from tcpconntop.recording.fleet_recorder import FleetRecorder
    from tcpconntop.sources.base import Source

IsKept = Callable[["Source", "Events"], "Mask"]


def kept_by(keep: Filter | None) -> IsKept | None:
    """Return what tells which records of a source match a filter; None if all do."""
    if keep is None or not keep.terms:
        return None
    from tcpconntop.sources.base import names_of

    return lambda source, events: keep.match_connects(events, names_of(source))


def record_fleet(
    fleet: Fleet, targets: FleetTargets, args: Namespace, keep: IsKept | None, filters: str
) -> FleetRecorder:
    """Return a source that records each host of a fleet to a file of its own."""
    from tcpconntop.recording.fleet_recorder import FleetRecorder

    files = targets.files(args.record)
    return FleetRecorder(
        fleet, lambda number: recording_output(args, files[number]), args.compress, keep, filters
    )


def kept_of_request(keep: Filter | None, request: TraceRequest) -> IsKept | None:
    """Return what tells which records of hosts, which trace all, match a filter and pass a request's."""
    matches = kept_by(keep)
    if not (request.filters_attempts or request.min_latency_ms):
        return matches
    from tcpconntop.sources.replay_filter import passes

    if matches is None:
        return lambda _, events: passes(events, request)
    return lambda source, events: passes(events, request) & matches(source, events)
