"""The command line: commands, options and their parser. Imports no numpy, so that `--help` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tcpconntop import __version__
from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.options import groups, verdicts
from tcpconntop.options.alerts import add_alerts
from tcpconntop.options.values import address_and_port, file, integer, speed


class UsageError(FatalError):
    """The command line is not valid."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} (see tcpconntop --help)", EXIT_USAGE)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(message)

    def apply_settings(self, settings: Mapping[str, object]) -> dict[str, str]:
        """Make settings the defaults of the options with the same names; ignore settings without an option.

        Returns:
            The name of the setting by the attribute that `parse_args` will set.
        """
        actions = self._option_string_actions  # argparse has no public way to list the options
        applied = {actions[f"--{key}"].dest: key for key in settings if f"--{key}" in actions}
        self.set_defaults(**{dest: settings[key] for dest, key in applied.items()})
        return applied


@dataclass(frozen=True)
class Command:
    """The first word of the command line; the module of that name in `tcpconntop.commands` runs it.

    Attributes:
        help: one line for users.
        add_options: adds the options of the command to a parser.
    """

    help: str
    add_options: Callable[[argparse.ArgumentParser], None]

    def add_all_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of this command, and those that every command has, to a parser."""
        self.add_options(parser)
        parser.add_argument("--config", metavar="FILE", help="read settings from this TOML file too")


NOT_GIVEN = object()
"""Default that marks an option as not given on the command line."""

REMEMBERED_OPTIONS = ("group", "sort", "window", "delay", "columns", "dns")
"""The options that the dashboard remembers, by their long names."""


def parse(words: Sequence[str], settings: Mapping[str, object] | None = None) -> argparse.Namespace:
    """Return the values of all options, and four more attributes.

    - `command`: the module of `tcpconntop.commands` that runs it.
    - `from_settings`: the name of the setting by attribute, for attributes whose value comes from the
    settings. - `given`: those of `REMEMBERED_OPTIONS` that the command line or the settings set.
    - `paced`: whether a finite speed was given.

    Args:
        words: the command line, without the name of the program.
        settings: defaults of the options, by their long names without dashes.

    Raises:
        UsageError: the command line is not valid.
        SystemExit: `--help` or `--version` was printed.
    """
    name = words[0] if words and words[0] in COMMANDS else ""
    rest = words[1:] if name else words
    parser, marking_parser = _parser(name), _parser(name)
    set_by_settings = parser.apply_settings(settings or {})
    args = parser.parse_args(rest)
    # argparse does not tell which options were given: parse again with defaults that no option can have.
    marking_parser.apply_settings(dict.fromkeys([*REMEMBERED_OPTIONS, *(settings or ())], NOT_GIVEN))
    values = vars(marking_parser.parse_args(rest))
    on_command_line = {dest for dest, value in values.items() if value is not NOT_GIVEN}
    args.from_settings = {dest: key for dest, key in set_by_settings.items() if dest not in on_command_line}
    args.given = {dest for dest in REMEMBERED_OPTIONS if dest in on_command_line | set_by_settings.keys()}
    args.command = name or ("batch" if args.batch else "dashboard")
    shows = args.command in ("dashboard", "replay", "fleet") and not args.batch
    if shows and (args.json or args.count is not None):
        raise UsageError("--json and -n need -b")
    args.paced = getattr(args, "speed", None) not in (0, None)
    if args.command == "replay" and args.speed == 0:
        args.speed = None if args.batch else 1.0
    if args.command == "batch" and "dns" in on_command_line:
        raise UsageError("--dns is only for the dashboard")
    return args


def _parser(name: str) -> Parser:
    command = COMMANDS.get(name, DEFAULT_COMMAND)
    parser = Parser(
        prog=f"tcpconntop {name}".strip(),
        description=command.help,
        epilog=None if name else _epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_all_options(parser)
    return parser


def full_parser() -> argparse.ArgumentParser:
    """Return one parser with every command and option, to make completions and the man page from."""
    usage = "tcpconntop [COMMAND] [OPTIONS] [MIN_MS]"
    parser = Parser(prog="tcpconntop", usage=usage, description=DEFAULT_COMMAND.help, allow_abbrev=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="tcpconntop")
    for name, command in COMMANDS.items():
        command.add_all_options(commands.add_parser(name, help=command.help, description=command.help))
    DEFAULT_COMMAND.add_all_options(parser)
    return parser


def _epilog() -> str:
    commands = "\n".join(f"  tcpconntop {name:<10} {command.help}" for name, command in COMMANDS.items())
    return (
        f"commands (each has its own --help):\n{commands}\n\n"
        "exit codes: 0 fine, 1 failed at run time or an assertion did not hold, 2 usage,\n"
        "            3 not privileged, 4 BCC or kernel support is missing, 128 + n ended by signal n"
    )


def _plain(parser: argparse.ArgumentParser) -> None:
    groups.add_filters(parser, tuple(COMMANDS))
    groups.add_view(parser)
    groups.add_batch(parser)
    parser.add_argument("--version", action="version", version=f"tcpconntop {__version__}")
    groups.add_tracer(parser)
    groups.add_recording(parser)


def _log(parser: argparse.ArgumentParser) -> None:
    groups.add_filters(parser)
    add_alerts(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document per line")
    parser.add_argument(
        "-t", "--timestamp", action="store_true", help="begin each line with the seconds since the first one"
    )
    parser.add_argument(
        "-L", "--lport", action="store_true", help="show local ports, to find connects in packet captures"
    )
    parser.add_argument(
        "--header", dest="header_every", type=integer(1), metavar="N", help="repeat the header every N lines"
    )
    groups.add_tracer(parser)
    groups.add_recording(parser)
    groups.add_replay(parser)
    groups.add_fleet(parser)


def _record(parser: argparse.ArgumentParser) -> None:
    groups.add_recording(parser, option=False)
    groups.add_filters(parser)
    add_alerts(parser)
    groups.add_for(parser, "stop after this time, such as 30s (default: at Ctrl-C)")
    groups.add_tracer(parser)
    groups.add_fleet(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    groups.add_replay(parser, option=False)
    parser.add_argument(
        "--speed",
        type=speed,
        default=0.0,
        metavar="X|max",
        help="speed, such as 10 or 0.5 (default: 1 on the dashboard, max with -b)",
    )
    groups.add_batch(parser)
    groups.add_filters(parser, files=True)
    groups.add_view(parser)


def _fleet(parser: argparse.ArgumentParser) -> None:
    groups.add_fleet(parser, option=False)
    groups.add_batch(parser)
    groups.add_filters(parser, files=True)
    groups.add_view(parser)
    groups.add_recording(parser)
    parser.set_defaults(replay=(), speed=None, probe="auto", transport="auto", loader="auto")


def _export(parser: argparse.ArgumentParser) -> None:
    groups.add_replay(parser, option=False)
    parser.add_argument(
        "--format",
        required=True,
        choices=("csv", "jsonl", "parquet"),
        help="format of the output; parquet needs the package pyarrow",
    )
    parser.set_defaults(speed=None)
    groups.add_filters(parser, files=True)


def _exporter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        type=address_and_port,
        default=("127.0.0.1", 9742),
        metavar="ADDR:PORT",
        help="where to serve /metrics (default: 127.0.0.1:9742); :9742 is all addresses",
    )
    parser.add_argument(
        "--web-config", type=file, metavar="FILE", help="TLS and passwords, from this TOML file"
    )
    parser.add_argument(
        "--by",
        default="dest",
        choices=("dest", "port", "subnet", "unit"),
        help="one series per destination and port, port, subnet or unit (default: dest)",
    )
    parser.add_argument(
        "--top",
        type=integer(1, 1_000),
        default=100,
        metavar="N",
        help="series for the N busiest, and one for all others (default: %(default)s)",
    )
    groups.add_filters(parser)
    groups.add_tracer(parser)
    parser.set_defaults(rotate_size=None, rotate_age=None, keep=None, compress="none")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a report")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that will read it")


SHELLS = ("bash", "zsh", "fish")

DEFAULT_COMMAND = Command("top for TCP connects: how long they take, which fail, and why", _plain)

COMMANDS = {
    "log": Command("print one line per connect, with the columns of tcpconnlat first", _log),
    "record": Command("write every connect to a file, or to stdout", _record),
    "replay": Command("play a recording on the dashboard, or with -b, as if it were live", _replay),
    "fleet": Command("show the connects of several hosts, over ssh or from Prometheus", _fleet),
    "check": Command("check assertions: exit code 0 if all are true, 1 if not", verdicts.add_check),
    "diff": Command("print what got worse from one recording to another", verdicts.add_diff),
    "report": Command(
        "print what is wrong as Markdown, for the document of an incident", verdicts.add_report
    ),
    "export": Command("print a recording as CSV, JSON lines or Parquet", _export),
    "exporter": Command("serve metrics of all connects for Prometheus", _exporter),
    "demo": Command("start a small workload on the loopback and show it on the dashboard", groups.add_view),
    "doctor": Command("print what this machine supports, and how to fix what is missing", _doctor),
    "completion": Command("print a script that makes a shell complete commands and options", _completion),
}
