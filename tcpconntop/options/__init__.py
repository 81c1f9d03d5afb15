"""The options: what the command line may say. Pure parsing, without numpy, so that `--help` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from tcpconntop import __version__
from tcpconntop.core.fatal import USAGE, FatalError
from tcpconntop.options import groups
from tcpconntop.options.values import whole


class UsageError(FatalError):
    """The command line cannot be understood."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} (see tcpconntop --help)", USAGE)


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage text above it."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(message)


@dataclass(frozen=True)
class Command:
    """What the first word of the command line may be; the module of that name in `commands` runs it.

    Attributes:
        help: one line for people.
        add: gives a parser the options of the command.
    """

    help: str
    add: Callable[[argparse.ArgumentParser], None]


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; `command` in the answer names the module of `commands` that runs it.

    Raises:
        UsageError: it cannot be understood.
        SystemExit: `--help` or `--version` was printed.
    """
    name = words[0] if words and words[0] in COMMANDS else ""
    args = _parser(name).parse_args(words[1:] if name else words)
    args.command = name or ("batch" if args.batch else "dashboard")
    if args.command == "dashboard" and (args.json or args.count is not None):
        raise UsageError("--json and -n go with -b")
    if args.command == "batch" and args.dns:
        raise UsageError("--dns goes with the dashboard")
    return args


def _parser(name: str) -> Parser:
    command = COMMANDS.get(name, NO_COMMAND)
    parser = Parser(
        prog=f"tcpconntop {name}".strip(),
        description=command.help,
        epilog=None if name else _epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add(parser)
    return parser


def documented() -> argparse.ArgumentParser:
    """Give one parser of every command and option, for what is made from it: completions, the man page."""
    usage = "tcpconntop [COMMAND] [OPTIONS] [MIN_MS]"
    parser = Parser(prog="tcpconntop", usage=usage, description=NO_COMMAND.help, allow_abbrev=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="tcpconntop")
    for name, command in COMMANDS.items():
        command.add(commands.add_parser(name, help=command.help, description=command.help))
    NO_COMMAND.add(parser)
    return parser


def _epilog() -> str:
    commands = "\n".join(f"  tcpconntop {name:<10} {command.help}" for name, command in COMMANDS.items())
    return (
        f"commands (each has its own --help):\n{commands}\n\n"
        "exit codes: 0 fine, 1 failed at run time, 2 usage, 3 not privileged,\n"
        "            4 this machine cannot (BCC or kernel support missing), 130 interrupted"
    )


def _plain(parser: argparse.ArgumentParser) -> None:
    groups.add_filters(parser, tuple(COMMANDS))
    groups.add_view(parser)
    parser.add_argument("-b", "--batch", action="store_true", help="print tables instead of a dashboard")
    parser.add_argument("-n", dest="count", type=whole(1), metavar="N", help="stop after N tables")
    parser.add_argument("--json", action="store_true", help="with -b: one JSON document a line")
    parser.add_argument("--version", action="version", version=f"tcpconntop {__version__}")
    groups.add_tracer(parser)


def _log(parser: argparse.ArgumentParser) -> None:
    groups.add_filters(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    parser.add_argument("-t", "--timestamp", action="store_true", help="seconds since the first line")
    parser.add_argument("-L", "--lport", action="store_true", help="local ports, as in a packet capture")
    groups.add_tracer(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose completions to print")


SHELLS = ("bash", "zsh", "fish")

NO_COMMAND = Command("top for TCP connects: how long they take, which fail, and why", _plain)

COMMANDS = {
    "log": Command("one line per connect, tcpconnlat's columns first", _log),
    "demo": Command("the dashboard over a small real workload on the loopback", groups.add_view),
    "doctor": Command("what this kernel and machine offer, and what mends them", _doctor),
    "completion": Command("what makes a shell complete our options, to be put where it looks", _completion),
}
