"""The options: what the command line may say. Pure parsing, without numpy, so that `--help` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tcpconntop import __version__
from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.options import groups
from tcpconntop.options.values import duration, integer, speed


class UsageError(FatalError):
    """The command line cannot be understood."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} (see tcpconntop --help)", EXIT_USAGE)


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage text above it."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(message)

    def apply_settings(self, settings: Mapping[str, object]) -> dict[str, str]:
        """Make settings the defaults of the options of their names; those that it has not are left out.

        Returns:
            For each place where `parse_args` puts such a value the name of the setting.
        """
        named = self._option_string_actions  # argparse has no public way to ask which options there are
        found = {named[f"--{key}"].dest: key for key in settings if f"--{key}" in named}
        self.set_defaults(**{place: settings[key] for place, key in found.items()})
        return found


@dataclass(frozen=True)
class Command:
    """What the first word of the command line may be; the module of that name in `commands` runs it.

    Attributes:
        help: one line for people.
        add_options: gives a parser the options of the command.
    """

    help: str
    add_options: Callable[[argparse.ArgumentParser], None]

    def add_all_options(self, parser: argparse.ArgumentParser) -> None:
        """Give a parser the options of the command, and those of every one."""
        self.add_options(parser)
        parser.add_argument("--config", metavar="FILE", help="take settings from this TOML file as well")


NOT_GIVEN = object()
REMEMBERED_OPTIONS = ("group", "sort", "window", "delay", "columns", "dns")
"""The options that the dashboard remembers, by their long names."""


def parse(words: Sequence[str], settings: Mapping[str, object] | None = None) -> argparse.Namespace:
    """Parse the command line; `command` in the answer names the module of `commands` that runs it.

    Two more of the answer say where its values are from: `from_settings` are those of the settings, each with the
    name of its setting, and `given` the places of those that the command line or the settings gave, of the
    ones that the dashboard remembers.

    Args:
        words: the command line.
        settings: defaults of the options, by their long names without dashes.

    Raises:
        UsageError: it cannot be understood.
        SystemExit: `--help` or `--version` was printed.
    """
    name = words[0] if words and words[0] in COMMANDS else ""
    rest = words[1:] if name else words
    parser, bare = _parser(name), _parser(name)
    adopted = parser.apply_settings(settings or {})
    args = parser.parse_args(rest)
    places = bare.apply_settings(dict.fromkeys([*REMEMBERED_OPTIONS, *(settings or ())], NOT_GIVEN))
    given = {place for place, value in vars(bare.parse_args(rest)).items() if value is not NOT_GIVEN}
    args.from_settings = {place: key for place, key in adopted.items() if place not in given}
    args.given = {place for place, key in places.items() if key in REMEMBERED_OPTIONS} & (
        given | adopted.keys()
    )
    args.command = name or ("batch" if args.batch else "dashboard")
    if args.command in ("dashboard", "replay") and not args.batch and (args.json or args.count is not None):
        raise UsageError("--json and -n go with -b")
    if args.command == "replay" and args.speed == 0:
        args.speed = None if args.batch else 1.0
    if args.command == "batch" and "dns" in given:
        raise UsageError("--dns goes with the dashboard")
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
    """Give one parser of every command and option, for what is made from it: completions, the man page."""
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
        "            3 not privileged, 4 this machine cannot (BCC or kernel support missing),\n"
        "            130 interrupted"
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
    parser.add_argument("--json", action="store_true", help="print one JSON document a line")
    parser.add_argument(
        "-t", "--timestamp", action="store_true", help="begin lines with the seconds since the first one"
    )
    parser.add_argument(
        "-L", "--lport", action="store_true", help="show local ports, to find connects in a packet capture"
    )
    parser.add_argument("--header", dest="header_every", type=integer(1), metavar="N",
                        help="repeat the header after every N lines")  # fmt: skip
    groups.add_tracer(parser)
    groups.add_recording(parser)
    groups.add_replay(parser)


def _record(parser: argparse.ArgumentParser) -> None:
    groups.add_recording(parser, option=False)
    groups.add_filters(parser)
    parser.add_argument(
        "--for",
        dest="for_s",
        type=duration,
        metavar="TIME",
        help="stop after this time, such as 30s; else on Ctrl-C",
    )
    groups.add_tracer(parser)


def _replay(parser: argparse.ArgumentParser) -> None:
    groups.add_replay(parser, option=False)
    parser.add_argument("--speed", type=speed, default=0.0, metavar="X|max",
                        help="play this much faster, such as 10 or 0.5 (dashboard 1, -b max)")  # fmt: skip
    groups.add_batch(parser)
    groups.add_filters(parser, files=True)
    groups.add_view(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--for", dest="for_s", type=duration, metavar="TIME",
                        help="look this long, such as 30s; a recording is looked at whole")  # fmt: skip
    parser.add_argument("--assert", dest="assertions", action="append", required=True, metavar="EXPR",
                        help="what has to hold, such as 'p99<5ms'; may be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument("-g", dest="group", default="dest", metavar="GROUP",
                        help="with --json: a row for each dest, process, … (dest)")  # fmt: skip
    parser.set_defaults(order="count", window="all", columns="")
    groups.add_filters(parser)
    groups.add_tracer(parser)
    groups.add_recording(parser)
    groups.add_replay(parser)


def _export(parser: argparse.ArgumentParser) -> None:
    groups.add_replay(parser, option=False)
    parser.add_argument("--format", required=True, choices=("csv", "jsonl", "parquet"),
                        help="what to write; parquet needs the package pyarrow")  # fmt: skip
    parser.set_defaults(speed=None)
    groups.add_filters(parser, files=True)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a report")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell to write it for")


SHELLS = ("bash", "zsh", "fish")

DEFAULT_COMMAND = Command("top for TCP connects: how long they take, which fail, and why", _plain)

COMMANDS = {
    "log": Command("print a line per connect, tcpconnlat's columns first", _log),
    "record": Command("write every connect to a file", _record),
    "replay": Command("play a recording, on the dashboard or with -b, as if it were live", _replay),
    "check": Command("exit with 0 when assertions hold, with 1 when not", _check),
    "export": Command("print a recording as CSV, JSON lines or Parquet", _export),
    "demo": Command("open the dashboard over a small real workload on the loopback", groups.add_view),
    "doctor": Command("say what this kernel and machine offer, and what mends the rest", _doctor),
    "completion": Command("print what makes a shell complete the options", _completion),
}
