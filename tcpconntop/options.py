"""The options: what the command line may say. Pure parsing, without numpy, so that `--help` is instant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from tcpconntop import __version__

LIST_MAX = 16
"""Bound of the lists that the kernel side filters by (`FILTER_LIST_MAX` of bpf/event.h)."""


class UsageError(Exception):
    """The command line cannot be understood; the message is one line."""


class Parser(argparse.ArgumentParser):
    """Errors in one line, without the usage text above it."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(message)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; `command` in the answer is empty for the dashboard and `-b`.

    Raises:
        UsageError: it cannot be understood.
        SystemExit: `--help` or `--version` was printed.
    """
    command = words[0] if words and words[0] in COMMANDS else ""
    args = _parser(command).parse_args(words[1:] if command else words)
    args.command = command
    if not command and not args.batch and (args.json or args.count is not None):
        raise UsageError("--json and -n go with -b")
    return args


COMMANDS = {
    "log": "one line per connect, tcpconnlat's columns first",
    "demo": "the dashboard over a small real workload on the loopback",
}


def _parser(command: str) -> Parser:
    parser = Parser(
        prog=f"tcpconntop {command}".strip(),
        description=COMMANDS.get(command, "top for TCP connects: how long they take, which fail, and why"),
        epilog=None if command else _epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if command != "demo":
        _add_filters(parser)
    if command != "log":
        _add_view(parser)
    if command == "log":
        parser.add_argument("--json", action="store_true", help="one JSON document a line")
        parser.add_argument("-t", "--timestamp", action="store_true", help="seconds since the first line")
        parser.add_argument("-L", "--lport", action="store_true", help="local ports, as in a packet capture")
    elif not command:
        parser.add_argument("-b", "--batch", action="store_true", help="print tables instead of a dashboard")
        parser.add_argument("-n", dest="count", type=_whole(1), metavar="N", help="stop after N tables")
        parser.add_argument("--json", action="store_true", help="with -b: one JSON document a line")
        parser.add_argument("--version", action="version", version=f"tcpconntop {__version__}")
    if command != "demo":
        _add_tracer(parser)
    return parser


def _epilog() -> str:
    commands = "\n".join(f"  tcpconntop {name:<8} {text}" for name, text in COMMANDS.items())
    return (
        f"commands (each has its own --help):\n{commands}\n\n"
        "exit codes: 0 fine, 1 failed at run time, 2 usage, 3 not privileged,\n"
        "            4 this machine cannot (BCC or kernel support missing), 130 interrupted"
    )


def _add_filters(parser: Parser) -> None:
    group = parser.add_argument_group("filters (lists are separated by commas)")
    group.add_argument("-p", dest="pids", type=_numbers(1, 2**32 - 1), default=(), metavar="PID")
    group.add_argument("-c", dest="comm", metavar="COMM", help="process name")
    group.add_argument("-u", dest="uids", type=_numbers(0, 2**32 - 1), default=(), metavar="UID")
    group.add_argument("-P", dest="ports", type=_numbers(1, 65535), default=(), metavar="PORT",
                       help="destination port")  # fmt: skip
    group.add_argument("--dest", metavar="CIDR", help="destination addresses or networks")
    family = group.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const=4, default=0, help="IPv4 alone")
    family.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 alone")
    group.add_argument("--filter", default="", metavar="EXPR", help="such as 'dport=443 p99>5ms nginx'")
    group.add_argument("min_ms", nargs="?", type=_min_ms, default=0.0, metavar="MIN_MS",
                       help="leave out connects that ended sooner (fractions allowed)")  # fmt: skip


def _add_view(parser: Parser) -> None:
    group = parser.add_argument_group("view")
    group.add_argument("-g", dest="group", default="dest", metavar="GROUP",
                       help="dest, process, process+dest, port, subnet or unit")  # fmt: skip
    group.add_argument(
        "-o", dest="order", default="p99", metavar="COLUMN[:asc|:desc]", help="sort, such as p99"
    )
    group.add_argument("-w", dest="window", default="1m", metavar="WINDOW", help="10s, 1m, 5m, 15m or all")
    group.add_argument(
        "-d", dest="delay", type=_delay, default=1.0, metavar="SECONDS", help="between refreshes"
    )


def _add_tracer(parser: Parser) -> None:
    group = parser.add_argument_group("tracer")
    group.add_argument("--probe", default="auto", choices=("auto", "fentry", "kprobe", "tracepoint"))
    group.add_argument("--transport", default="auto", choices=("auto", "ring", "perf"))


def _numbers(least: int, most: int) -> Callable[[str], tuple[int, ...]]:
    def parse(text: str) -> tuple[int, ...]:
        try:
            values = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number or a list such as 80,443") from None
        if not all(least <= value <= most for value in values):
            raise argparse.ArgumentTypeError(f"'{text}' is not within {least} to {most}")
        if len(values) > LIST_MAX:
            raise argparse.ArgumentTypeError(f"at most {LIST_MAX} can be given; --filter takes any number")
        return values

    return parse


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {least}")
        return int(text)

    return parse


def _min_ms(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        commands = ", ".join(COMMANDS)
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither milliseconds nor a command ({commands})"
        ) from None
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is not within 0 and 1e9 ms")
    return value


def _delay(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"'{text}' is not within 0.1 and 3600 seconds")
    return value
