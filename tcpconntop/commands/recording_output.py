"""Where a command records to: a file, several in rotation, or stdout."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.commands.alerts import alerting_from_args
from tcpconntop.commands.signals import interrupted
from tcpconntop.commands.streams import report
from tcpconntop.core.errors import FatalError
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.recording.writer import Output


def recording_output(args: Namespace, path: str) -> Output:
    """Return what a recording is written to: the file of `--record`, or one of several.

    Raises:
        FatalError: it cannot be written.
    """
    from tcpconntop.recording.files import RotatingFile, Rotation
    from tcpconntop.recording.stdout import StreamOutput

    alerting = alerting_from_args(args)

    if path == "-":
        return StreamOutput(report, interrupted)
    if isinstance(args.keep, float) and alerting is not None:
        from tcpconntop.recording.alert_ring import AlertRing

        ring = AlertRing(Path(path), args.keep, args.rotate_size, args.rotate_age)
        alerting.rings.append(ring)
        return ring
    if not (args.rotate_size or args.rotate_age):
        return RotatingFile(Path(path))
    return RotatingFile(Path(path), Rotation(args.rotate_size, args.rotate_age, args.keep or Rotation.keep))


def check_recording(args: Namespace, paths: Sequence[str]) -> None:
    """Raise an error if the options of recording are not valid together, or one of the files exists."""
    rotates, is_ring = args.rotate_size or args.rotate_age, isinstance(args.keep, float)
    if is_ring and not (args.record and getattr(args, "alert", ())):
        raise UsageError("--keep with a time needs --alert and a recording to keep it of")
    if rotates and not args.record:
        raise UsageError("--rotate-size and --rotate-age need --record")
    if args.record == "-":
        _check_stdout(args)
    elif not (rotates or is_ring):
        for path in paths:
            if Path(path).exists():
                raise FatalError(f"{path} exists: remove it, or choose another name")
    if args.keep and not (rotates or is_ring):
        raise UsageError("--keep needs --rotate-size or --rotate-age, or with --alert a time such as 5m")
    if args.compress == "zstd":
        from tcpconntop.recording.codecs import import_zstandard

        import_zstandard()


def _check_stdout(args: Namespace) -> None:
    """Raise UsageError if the recording cannot go to stdout."""
    if args.command != "record":
        raise UsageError("--record - is not possible beside other output: use tcpconntop record -")
    if getattr(args, "fleet", ()):
        raise UsageError("stdout takes the recording of one host: name a file, and each host has FILE.HOST")
    if args.rotate_size or args.rotate_age or args.keep:
        raise UsageError("stdout cannot be rotated: --rotate-size, --rotate-age and --keep need a file")
    if sys.stdout.isatty():
        raise UsageError("a recording is binary: redirect stdout to a file or a program")
