"""The hosts of a fleet, from the command line: what is an ssh destination, and what is a recording."""

from __future__ import annotations

import shlex
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.recording.fleet import Target


class FleetTargets:
    """What connects to each host of `fleet` or `--fleet`. Make it before privileges are dropped.

    Raises:
        UsageError: the command line is not valid.
    """

    def __init__(self, args: Namespace) -> None:
        from tcpconntop.kernel.starter import Starter

        check_targets(args)
        self._names: list[str] = args.fleet
        ssh = _ssh_command(args.ssh_command)
        hosts = [target for target in self._names if not _is_file(target)]
        commands = [[*ssh, target, args.remote_command] for target in hosts]
        self._starter = Starter(commands) if commands else None

    def all(self) -> list[Target]:
        """Return them, in the order of the command line."""
        from tcpconntop.recording.ways import FileWay, ProgramWay

        targets: list[Target] = []
        n_started = 0
        for target in self._names:
            if self._starter is None or _is_file(target):
                targets.append((Path(target).name, partial(FileWay, Path(target)), False))
            else:
                start = partial(self._starter.start, n_started)
                targets.append((target, partial(ProgramWay, start), True))
                n_started += 1
        return targets

    def files(self, record: str | None) -> list[str]:
        """Return the file that each host is recorded to, in the order of `all`; none without `--record`."""
        if not record:
            return []
        from tcpconntop.recording.fleet_recorder import file_suffixes

        return [record + suffix for suffix in file_suffixes([name for name, _, _ in self.all()])]

    def close(self) -> None:
        """End every ssh. Idempotent."""
        if self._starter is not None:
            self._starter.close()


def use_replay_for_recordings(args: Namespace) -> None:
    """Make a fleet of recordings a replay of them: they are played by their own time.

    Raises:
        UsageError: recordings and live hosts are mixed; their times have nothing to do with each other.
    """
    targets: list[str] = list(getattr(args, "fleet", ()))
    recordings = [target for target in targets if _is_file(target) and Path(target).is_file()]
    if not recordings:
        return
    if len(recordings) < len(targets):
        raise UsageError(f"{recordings[0]} is a recording and not live as the others: play it with replay")
    _check_alone(args)
    args.replay, args.fleet = recordings, ()
    if args.command == "fleet" and not args.batch:
        args.speed = 1.0


def check_targets(args: Namespace) -> None:
    """Raise UsageError if the targets of a fleet are not valid."""
    for target in args.fleet:
        host = target.removeprefix("ssh://").rpartition("@")[2]
        if not host or target.startswith("-") or host.startswith("-") or not target.isprintable():
            raise UsageError(f"{target!r} is no host: ssh would take it for an option, or it has no name")
        if any(sign.isspace() for sign in host) and not _is_file(target):
            raise UsageError(f"{target!r} is neither a host nor a file")
    _ssh_command(args.ssh_command)
    _check_alone(args)


def _check_alone(args: Namespace) -> None:
    if args.replay:
        raise UsageError("--fleet and --replay exclude each other: name recordings as --fleet FILE")


def _is_file(target: str) -> bool:
    return not target.startswith("ssh://") and ("/" in target or Path(target).is_file())


def _ssh_command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--ssh-command: {error}") from None
    if not words:
        raise UsageError("--ssh-command must not be empty")
    return words
