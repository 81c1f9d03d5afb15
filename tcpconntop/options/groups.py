"""The options that several commands share, by subject."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tcpconntop.options.values import delay, numbers


def add_filters(parser: argparse.ArgumentParser, commands: Sequence[str] = ()) -> None:
    """Add what leaves connects out; `commands` could have stood where MIN_MS does."""
    group = parser.add_argument_group("filters (lists are separated by commas)")
    group.add_argument("-p", dest="pids", type=numbers(1, 2**32 - 1), default=(), metavar="PID")
    group.add_argument("-c", dest="comm", metavar="COMM", help="process name")
    group.add_argument("-u", dest="uids", type=numbers(0, 2**32 - 1), default=(), metavar="UID")
    group.add_argument("-P", dest="ports", type=numbers(1, 65535), default=(), metavar="PORT",
                       help="destination port")  # fmt: skip
    group.add_argument("--dest", metavar="CIDR", help="destination addresses or networks")
    family = group.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const=4, default=0, help="IPv4 alone")
    family.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 alone")
    group.add_argument("--filter", default="", metavar="EXPR", help="such as 'dport=443 p99>5ms nginx'")
    group.add_argument("min_ms", nargs="?", type=_min_ms(commands), default=0.0, metavar="MIN_MS",
                       help="leave out connects that ended sooner (fractions allowed)")  # fmt: skip


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add what a table shows, and how often."""
    group = parser.add_argument_group("view")
    group.add_argument("-g", dest="group", default="dest", metavar="GROUP",
                       help="dest, process, process+dest, port, subnet or unit")  # fmt: skip
    group.add_argument(
        "-o", dest="order", default="p99", metavar="COLUMN[:asc|:desc]", help="sort, such as p99"
    )
    group.add_argument("-O", "--columns", default="", metavar="COLUMN[,..]",
                       help="which columns, in which order, such as daddr,count,p50,p99")  # fmt: skip
    group.add_argument("--dns", action="store_true", help="names of addresses and ports (the dashboard's n)")
    group.add_argument("-w", dest="window", default="1m", metavar="WINDOW", help="10s, 1m, 5m, 15m or all")
    group.add_argument(
        "-d", dest="delay", type=delay, default=1.0, metavar="SECONDS", help="between refreshes"
    )


def add_tracer(parser: argparse.ArgumentParser) -> None:
    """Add how to trace."""
    group = parser.add_argument_group("tracer")
    group.add_argument("--probe", default="auto", choices=("auto", "fentry", "kprobe", "tracepoint"))
    group.add_argument("--transport", default="auto", choices=("auto", "ring", "perf"))


def _min_ms(commands: Sequence[str]) -> Callable[[str], float]:
    what = f"neither milliseconds nor a command ({', '.join(commands)})" if commands else "no milliseconds"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is {what}") from None
        if not 0 <= value < 1e9:
            raise argparse.ArgumentTypeError(f"'{text}' is not within 0 and 1e9 ms")
        return value

    return parse
