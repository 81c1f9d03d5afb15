"""The source of a command's records: this machine, with or without recording, or a recording."""

from __future__ import annotations

import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tcpconntop.commands.files import are_stream, open_files, wait_for_data
from tcpconntop.commands.kept import kept_by, kept_of_request, record_fleet
from tcpconntop.commands.recording_output import check_recording, recording_output
from tcpconntop.commands.streams import report
from tcpconntop.commands.targets import FleetTargets, open_server, use_replay_for_recordings
from tcpconntop.commands.tracing import (
    PrivilegedStart,
    live_request,
    open_live_source,
    trace_request,
    writable_folders,
)
from tcpconntop.commands.view import filter_from_args
from tcpconntop.core.clock import date_and_clock
from tcpconntop.core.format import printable
from tcpconntop.kernel.privileges import drop_privileges
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.filter import Filter
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.recording.fleet_recorder import FleetRecorder
    from tcpconntop.recording.writer import RecordingWriter
    from tcpconntop.sources.base import Source


class CommandSource:
    """Prepares the source of a command while the process has privileges, and opens it after they are dropped.

    The constructor starts the loader or opens the files of a recording, and drops all privileges. It must be
    called before anything else; `source_opener` checks the rest of the command line. A context manager, which
    ends the loader.

    Args:
        args: the command line.

    Attributes:
        replays: True if the records come from a recording.
        streams: True if the recording comes through a pipe, and is shown as it comes.

    Raises:
        FatalError: a file of the recording cannot be read.
    """

    def __init__(self, args: Namespace) -> None:
        self._args = args
        use_replay_for_recordings(args)
        self.replays = bool(args.replay)
        self.streams = False
        self.is_fleet = bool(getattr(args, "fleet", ()))
        self._targets: FleetTargets | None = None
        self._recorder: RecordingWriter | FleetRecorder | None = None
        self._source: Source | None = None
        self._opened_in: threading.Thread | None = None
        self._initial_notes: tuple[str, ...] = ()
        self._n_reported = 0
        self._privileged: PrivilegedStart | None = None
        self._request: tuple[TraceRequest, tuple[str, ...]] | None = None
        if self.is_fleet:
            self._targets = FleetTargets(args)
            drop_privileges(lambda: writable_folders(args))
            return
        if not self.replays:
            self._privileged = PrivilegedStart(lambda: writable_folders(args))
            with suppress(UsageError):  # `source_opener` raises it, after those that come first
                self._request = live_request(args)
                self._privileged.begin(self._request[0])
            return
        if args.record:
            raise UsageError("--record cannot be used with a recording")
        self._files = open_files(args.replay)
        # With a speed, a recording in a pipe is played at it: then it was finished before.
        self.streams = are_stream(self._files) and not getattr(args, "paced", False)
        drop_privileges(lambda: writable_folders(args))

    def source_opener(self, keep: Filter | None = None) -> Callable[[], Source]:
        """Return a function that opens the source. It may be called once.

        Args:
            keep: filter of the connects to record; None records all.

        Raises:
            UsageError: the command line is not valid.
            TracerError: this process has no privileges to trace.
        """
        from tcpconntop.sources.wrapper import with_filters

        notes = filter_from_args(self._args).notes
        if getattr(self._args, "prometheus", None) is not None:
            say = None if self._has_dashboard else report
            return lambda: self._remember(open_server(self._args, say, notes))
        if self._privileged is None:
            request, filters = trace_request(self._args), _filters_text(self._args, None)
            if self._targets is not None:
                check_recording(self._args, self._targets.files(self._args.record))
            return lambda: self._remember(with_filters(self._replay(request, keep), filters, notes))
        check_recording(self._args, [self._args.record] if self._args.record else [])
        loader = self._privileged.loader
        request, pid_notes = self._request or live_request(self._args)
        filters = _filters_text(self._args, None)

        def open_source() -> Source:
            source = with_filters(open_live_source(loader, request), filters, (*pid_notes, *notes))
            return self._remember(self._with_recording(source, keep))

        return open_source

    def announce(self, source: Source) -> None:
        """Print on stderr that tracing or replaying has begun. From then on, tracing misses no connect."""
        info = source.info
        for note in info.notes:
            report(note)
        probe = "/".join(filter(None, (info.probe, info.transport)))
        if self.is_fleet:
            message = f"fleet: {info.host}"
        elif self.replays:
            since = date_and_clock((source.now_ns() + source.wall_offset_ns()) / 1e9)
            what = " ".join(filter(None, (info.host, info.kernel, probe)))
            message = f"replaying: {what}, from {since}"
        else:
            message = f"tracing: {probe}"
        print(printable(message), file=sys.stderr, flush=True)

    def engine_clock(self, source: Source) -> Callable[[], float] | None:
        """Return the clock for headless modes, in seconds: the recording's, or None for our own."""
        return (lambda: source.now_ns() / 1e9) if self.replays else None

    @property
    def max_read_s(self) -> float:
        """Upper bound of the time of one read, on the clock of `engine_clock`."""
        from tcpconntop.engine import MAX_READ_S, MAX_REPLAY_READ_S

        return MAX_REPLAY_READ_S if self.replays else MAX_READ_S

    def cancel(self) -> None:
        """Make the function of `source_opener` return early, if it is running in another thread."""
        from tcpconntop.kernel.launch import Loader

        if self._privileged and isinstance(self._privileged.loader_or_error, Loader):
            self._privileged.loader_or_error.cancel()

    def is_recording(self) -> bool:
        """Return True if records are being written to a file."""
        return self._recorder is not None and self._recorder.failure is None

    def recording_summary(self) -> str:
        """Return how much was recorded, as text."""
        from tcpconntop.core.format import size

        if self._recorder is None:
            return "nothing recorded"
        n = self._recorder.recorded
        return f"{n:,} connect{'s' * (n != 1)} recorded, {size(self._recorder.written_bytes)}"

    def report_new_notes(self, notes: tuple[str, ...]) -> None:
        """Print on stderr the notes that were added since `announce`, or since the last call."""
        for note in notes[self._n_reported :]:
            print(f"tcpconntop: {note}", file=sys.stderr, flush=True)
        self._n_reported = max(self._n_reported, len(notes))

    def report_problems(self) -> None:
        """Print on stderr the problems that occurred since `announce`.

        Raises:
            FatalError: the recording stopped before its end.
        """
        if self._source is not None:
            for note in self._source.info.notes:
                if note not in self._initial_notes and not (self._recorder and self._recorder.failure):
                    report(note)
        if self._recorder is not None and self._recorder.failure is not None:
            raise self._recorder.failure

    def __enter__(self) -> CommandSource:
        if self._privileged is not None:
            self._privileged.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        # A recording gets its end, whatever ended the command. What a thread opened, a thread closes.
        if self._source is not None and self._opened_in is threading.current_thread():
            self._source.close()
        if self._targets is not None:
            self._targets.close()
        if self._privileged is not None:
            self._privileged.__exit__(*raised)

    def _remember(self, source: Source) -> Source:
        self._source, self._initial_notes = source, source.info.notes
        self._n_reported = len(self._initial_notes)
        self._opened_in = threading.current_thread()
        return source

    def _replay(self, request: TraceRequest, keep: Filter | None) -> Source:
        from tcpconntop.sources.replay_filter import apply_request_filters

        if self._targets is not None:
            return apply_request_filters(self._fleet(self._targets, request, keep), request)
        return apply_request_filters(self._stream() if self.streams else self._recording(), request)

    def _recording(self) -> Source:
        from tcpconntop.recording.merged import open_replay

        return open_replay(self._files, self._args.speed)

    @property
    def _has_dashboard(self) -> bool:
        return self._args.command == "fleet" and not self._args.batch

    def _fleet(self, targets: FleetTargets, request: TraceRequest, keep: Filter | None) -> Source:
        from tcpconntop.recording.fleet import Fleet

        args = self._args
        fleet = Fleet(targets.all(), (lambda _: None) if self._has_dashboard else report)
        if not args.record:
            return fleet
        is_kept = kept_of_request(keep, request) if args.command == "record" else None
        filters = _filters_text(args, keep) if is_kept else ""
        self._recorder = record_fleet(fleet, targets, args, is_kept, filters)
        return self._recorder

    def _stream(self) -> Source:
        from tcpconntop.engine import MAX_READ_S
        from tcpconntop.recording.stream import Stream

        wait_for_data(*self._files[0])
        has_dashboard = self._args.command == "replay" and not self._args.batch
        return Stream(*self._files[0], None if has_dashboard else MAX_READ_S)

    def _with_recording(self, source: Source, keep: Filter | None) -> Source:
        args = self._args
        if not args.record:
            return source
        from tcpconntop.recording.writer import RecordingWriter

        try:
            output = recording_output(args, args.record)
        except BaseException:
            source.close()
            raise
        is_kept = kept_by(keep)
        mask = partial(is_kept, source) if is_kept else None
        self._recorder = RecordingWriter(source, output, _filters_text(args, keep), args.compress, mask)
        return self._recorder


def _filters_text(args: Namespace, keep: Filter | None) -> str:
    """Return the filters of what is traced or recorded, as command line options; MIN_MS as `≥5ms`."""
    lists = (("-p", args.pids), ("-u", args.uids), ("-P", args.ports))
    words = [f"{name} {','.join(map(str, values))}" for name, values in lists if values]
    words += [f"-{args.family}"] * bool(args.family) + [f"≥{args.min_ms:g}ms"] * bool(args.min_ms)
    if keep is not None and keep.text:
        words.append(f"--filter '{keep.text}'")
    return " ".join(words)
