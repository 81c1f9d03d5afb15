"""Where a command's records come from: this machine, recorded on the way if that is asked, or a recording."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.commands.files import open_files
from tcpconntop.commands.tracing import PrivilegedStart, live, trace_request
from tcpconntop.core.errors import FatalError
from tcpconntop.kernel.privileges import drop_privileges
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.filter import Filter
    from tcpconntop.kernel.request import TraceRequest
    from tcpconntop.recording.writer import RecordingWriter
    from tcpconntop.sources.base import Source


class CommandSource:
    """Takes the one privileged step, or opens the recording's files, and gives up privileges.

    Made before anything else happens; what the rest of the command line asks for comes with `source_opener`.

    Args:
        args: the command line.

    Raises:
        FatalError: a file of the recording cannot be read.
    """

    def __init__(self, args: Namespace) -> None:
        self._args = args
        self.replays = bool(args.replay)
        self._recorder: RecordingWriter | None = None
        self._source: Source | None = None
        self._noted: tuple[str, ...] = ()
        self._privileged: PrivilegedStart | None = None
        if not self.replays:
            self._privileged = PrivilegedStart()
            return
        if args.record:
            raise UsageError("--record goes with tracing: a recording is recorded already")
        self._files = open_files(args.replay)
        drop_privileges()

    def source_opener(self, keep: Filter | None = None) -> Callable[[], Source]:
        """Give what opens the source, once.

        Args:
            keep: what to record; everything without it.

        Raises:
            UsageError: the command line is not in order.
            TracerError: there are no privileges to trace with.
        """
        request = trace_request(self._args)
        if self._privileged is None:
            return lambda: self._opened(self._replay(request))
        _check_recording(self._args)
        loader = self._privileged.loader
        return lambda: self._opened(self._recorded(live(loader, request), keep))

    def announce(self, source: Source) -> None:
        """Say on stderr that records come from now on: when tracing, none is missed."""
        info = source.info
        for note in info.notes:
            print(f"tcpconntop: {note}", file=sys.stderr)
        way = "/".join(filter(None, (info.probe, info.transport)))
        if self.replays:
            since = datetime.fromtimestamp((source.now_ns() + source.wall_offset_ns()) / 1e9).astimezone()
            said = f"replaying: {info.host} {info.kernel} {way}, from {since:%Y-%m-%d %H:%M:%S}"
        else:
            said = f"tracing: {way}"
        print(said, file=sys.stderr, flush=True)

    def clock(self, source: Source) -> Callable[[], float] | None:
        """Give the clock that headless modes go by: that of the recording, or our own (None)."""
        return (lambda: source.now_ns() / 1e9) if self.replays else None

    @property
    def read_s(self) -> float:
        """How long a read may take, on that clock."""
        from tcpconntop.engine import MAX_READ_S, MAX_REPLAY_READ_S

        return MAX_REPLAY_READ_S if self.replays else MAX_READ_S

    def cancel(self) -> None:
        """Make a running opener return."""
        from tcpconntop.kernel.launch import Loader

        if self._privileged and isinstance(self._privileged.loader_or_error, Loader):
            self._privileged.loader_or_error.cancel()

    def is_recording(self) -> bool:
        """Say whether what is traced is still being recorded."""
        return self._recorder is not None and self._recorder.failure is None

    def recording_summary(self) -> str:
        """Say how much was recorded."""
        from tcpconntop.core.format import size

        if self._recorder is None:
            return "nothing recorded"
        n = self._recorder.recorded
        return f"{n:,} connect{'s' * (n != 1)} recorded, {size(self._recorder.written_bytes)}"

    def report_problems(self) -> None:
        """Say on stderr what went wrong meanwhile.

        Raises:
            FatalError: the recording stopped before its end.
        """
        if self._source is not None:
            for note in self._source.info.notes:
                if note not in self._noted and not (self._recorder and self._recorder.failure):
                    print(f"tcpconntop: {note}", file=sys.stderr)
        if self._recorder is not None and self._recorder.failure is not None:
            raise self._recorder.failure

    def __enter__(self) -> CommandSource:
        if self._privileged is not None:
            self._privileged.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._privileged is not None:
            self._privileged.__exit__(*raised)

    def _opened(self, source: Source) -> Source:
        self._source, self._noted = source, source.info.notes
        return source

    def _replay(self, request: TraceRequest) -> Source:
        from tcpconntop.recording.reader import RecordingReader
        from tcpconntop.recording.replay import Replay
        from tcpconntop.sources.replay_filter import apply_request_filters

        return apply_request_filters(Replay(RecordingReader(self._files), self._args.speed), request)

    def _recorded(self, source: Source, keep: Filter | None) -> Source:
        args = self._args
        if not args.record:
            return source
        from tcpconntop.core.window.keys import keys_from_events
        from tcpconntop.recording.files import RotatingFile, Rotation
        from tcpconntop.recording.writer import RecordingWriter

        rotates = args.rotate_size or args.rotate_age
        rotation = (
            Rotation(args.rotate_size, args.rotate_age, args.keep or Rotation.keep) if rotates else None
        )
        try:
            parts = RotatingFile(Path(args.record), rotation)
        except BaseException:
            source.close()
            raise
        terms = keep if keep is not None and keep.terms else None
        mask = (lambda events: terms.match_keys(keys_from_events(events))) if terms else None
        self._recorder = RecordingWriter(source, parts, _filters(args, keep), args.compress, mask)
        return self._recorder


def _check_recording(args: Namespace) -> None:
    rotates = args.rotate_size or args.rotate_age
    if rotates and not args.record:
        raise UsageError("--rotate-size and --rotate-age go with --record")
    if args.record and not rotates and Path(args.record).exists():
        raise FatalError(f"{args.record} exists: remove it, or choose another name")
    if args.keep and not rotates:
        raise UsageError("--keep goes with --rotate-size or --rotate-age")
    if args.compress == "zstd":
        from tcpconntop.recording.codecs import import_zstandard

        import_zstandard()


def _filters(args: Namespace, keep: Filter | None) -> str:
    """Spell the filters that decide what is recorded, as the command line has them."""
    lists = (("-p", args.pids), ("-u", args.uids), ("-P", args.ports))
    words = [f"{name} {','.join(map(str, values))}" for name, values in lists if values]
    words += [f"-{args.family}"] * bool(args.family) + [f"{args.min_ms:g}"] * bool(args.min_ms)
    if keep is not None and keep.text:
        words.append(f"--filter '{keep.text}'")
    return " ".join(words)
