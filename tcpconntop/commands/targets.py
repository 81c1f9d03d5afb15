"""The hosts of a fleet, from the command line: what is an ssh destination, and what is a recording."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.prometheus.server import ServerAddress
    from tcpconntop.recording.fleet import Target
    from tcpconntop.sources.base import Source


def open_server(args: Namespace, say: Callable[[str], object] | None, notes: tuple[str, ...]) -> Source:
    """Return the source of the hosts of a Prometheus server.

    Args:
        args: the command line.
        say: called with a line when the state of the server has changed; None on the dashboard.
        notes: what is to be said about the source.

    Raises:
        FatalError: the server does not answer, has no hosts of ours, or too few scrapes for `check`.
    """
    from tcpconntop.prometheus.source import PrometheusSource

    is_check = args.command == "check"
    source = PrometheusSource(args.prometheus, history=not is_check, notes=notes, say=say)
    if is_check and args.for_s < 2 * source.step_s:
        source.close()
        step_s = source.step_s
        raise UsageError(f"--for must be at least {2 * step_s}s: the hosts are scraped every {step_s}s")
    return source


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
        raise UsageError(
            f"{recordings[0]} is a recording and not live as the others, so no window shows both: "
            "record the others too (--record FILE), and play all with replay"
        )
    _check_alone(args)
    args.replay, args.fleet = recordings, ()
    if args.command == "fleet" and not args.batch:
        args.speed = 1.0


def check_targets(args: Namespace) -> None:
    """Raise UsageError if the targets of a fleet are not valid; set `args.prometheus` if one is a server."""
    args.prometheus = _server(args)
    if args.prometheus is not None:
        return
    for target in args.fleet:
        host = target.removeprefix("ssh://").rpartition("@")[2]
        if not host or target.startswith("-") or host.startswith("-") or not target.isprintable():
            raise UsageError(f"{target!r} is no host: ssh would take it for an option, or it has no name")
        if any(sign.isspace() for sign in host) and not _is_file(target):
            raise UsageError(f"{target!r} is neither a host nor a file")
    _ssh_command(args.ssh_command)
    _check_alone(args)


def _server(args: Namespace) -> ServerAddress | None:
    """Return the Prometheus server that is asked; None if the targets are hosts.

    Its password is read with the rights of the user who called sudo.
    """
    from tcpconntop.prometheus.server import is_url, parse_url

    if not any(map(is_url, args.fleet)):
        if args.password_file:
            raise UsageError("--password-file goes with the URL of a Prometheus server")
        return None
    if len(args.fleet) > 1:
        raise UsageError("a Prometheus server is asked alone: name one URL, and no other target")
    _check_alone(args)
    _check_options(args)
    try:
        return parse_url(args.fleet[0], read_password(args.password_file) if args.password_file else None)
    except ValueError as error:
        raise UsageError(f"the URL of the Prometheus server: {error}") from None


def _check_options(args: Namespace) -> None:
    """Raise UsageError for what needs records: a Prometheus server has counts alone."""
    if args.command == "log":
        raise UsageError("log needs single connects, and Prometheus has counts alone: use fleet URL -b")
    if args.record:
        raise UsageError("a recording needs single connects, and Prometheus has counts alone")
    by_process = (("-p", args.pids), ("-u", args.uids), ("-c", args.comm), ("MIN_MS", args.min_ms))
    for name, value in by_process:
        if value:
            raise UsageError(f"{name} needs single connects, and Prometheus has counts alone")
    if args.ports or args.family:
        raise UsageError("-P, -4 and -6 choose what is traced: use --filter, such as --filter dport=443")


def read_password(file: str) -> str:
    """Return the first line of a file.

    Raises:
        FatalError: it cannot be read, or is empty.
    """
    from tcpconntop.kernel.privileges import as_caller
    from tcpconntop.kernel.user_files import read_small_file

    try:
        with as_caller():
            text = read_small_file(Path(file)).decode("utf-8", "replace")
    except OSError as error:
        raise FatalError(f"cannot read {file}: {error.strerror}", EXIT_USAGE) from None
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise FatalError(f"{file} has no password in its first line", EXIT_USAGE)
    return password


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
