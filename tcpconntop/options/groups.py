"""The options that several commands share, by subject."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tcpconntop.options.values import delay, duration, file, integer, integers, size


def add_filters(
    parser: argparse.ArgumentParser, commands: Sequence[str] = (), *, files: bool = False
) -> None:
    """Add what leaves connects out.

    `commands` could have stood where MIN_MS does; where there are `files`, it is an option.
    """
    group = parser.add_argument_group("filters (lists are separated by commas)")
    group.add_argument("-p", dest="pids", type=integers(1, 2**32 - 1), default=(), metavar="PID",
                       help="connects of these processes")  # fmt: skip
    group.add_argument("-c", dest="comm", metavar="COMM", help="connects of processes of this name")
    group.add_argument("-u", dest="uids", type=integers(0, 2**32 - 1), default=(), metavar="UID",
                       help="connects of these users, by number")  # fmt: skip
    group.add_argument("-P", dest="ports", type=integers(1, 65535), default=(), metavar="PORT",
                       help="connects to these ports")  # fmt: skip
    group.add_argument("--dest", metavar="CIDR", help="connects to these addresses or networks")
    family = group.add_mutually_exclusive_group()
    family.add_argument(
        "-4", dest="family", action="store_const", const=4, default=0, help="connects over IPv4"
    )
    family.add_argument("-6", dest="family", action="store_const", const=6, help="connects over IPv6")
    group.add_argument(
        "--filter", default="", metavar="EXPR", help="rows that match, such as 'dport=443 p99>5ms nginx'"
    )
    lasted = "connects that took at least this long; fractions are allowed"
    min_ms = _min_ms(commands)
    if files:
        group.add_argument("--min-ms", type=min_ms, default=0.0, metavar="MIN_MS", help=lasted)
    else:
        group.add_argument("min_ms", nargs="?", type=min_ms, default=0.0, metavar="MIN_MS", help=lasted)


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add what a table shows, and how often."""
    group = parser.add_argument_group("view")
    group.add_argument("-g", "--group", dest="group", default="dest", metavar="GROUP",
                       help="a row for each dest, process, process+dest, port, subnet or unit")  # fmt: skip
    group.add_argument(
        "-o",
        "--sort",
        dest="order",
        default="p99",
        metavar="COLUMN[:asc|:desc]",
        help="sort by a column, such as count:desc (p99)",
    )
    group.add_argument("-O", "--columns", default="", metavar="COLUMN[,..]",
                       help="show these columns, such as daddr,count,p50,p99")  # fmt: skip
    group.add_argument("--ignore", default="", metavar="KIND[,..]",
                       help="never report findings of these kinds, such as gives-up,family")  # fmt: skip
    group.add_argument(
        "--dns", action="store_true", help="show names of addresses and ports on the dashboard"
    )
    group.add_argument(
        "-w",
        "--window",
        dest="window",
        default="1m",
        metavar="WINDOW",
        help="look at the last 10s, 1m, 5m or 15m, or at all (1m)",
    )
    group.add_argument(
        "-d",
        "--delay",
        dest="delay",
        type=delay,
        default=1.0,
        metavar="SECONDS",
        help="refresh this often (1)",
    )
    group.add_argument("--max-keys", type=integer(100, 1_000_000), default=20_000, metavar="N",
                       help="tell so many pairs of process and destination apart (20000)")  # fmt: skip


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add the options of tables instead of a dashboard."""
    parser.add_argument("-b", "--batch", action="store_true", help="print tables instead of a dashboard")
    parser.add_argument("-n", dest="count", type=integer(1), metavar="N", help="with -b: stop after N tables")
    parser.add_argument("--json", action="store_true", help="with -b: print one JSON document a line")


def add_tracer(parser: argparse.ArgumentParser) -> None:
    """Add how to trace."""
    group = parser.add_argument_group("tracer")
    group.add_argument("--probe", default="auto", choices=("auto", "fentry", "kprobe", "tracepoint"),
                       help="how to attach; auto takes the first that this kernel allows")  # fmt: skip
    group.add_argument("--transport", default="auto", choices=("auto", "ring", "perf"),
                       help="buffer of the records; auto takes ring from Linux 5.8 on")  # fmt: skip
    parser.set_defaults(replay=(), speed=None, record=None)


def add_recording(parser: argparse.ArgumentParser, *, option: bool = True) -> None:
    """Add where to record, as an option beside something else or as the file itself, and how."""
    group = parser.add_argument_group("recording")
    if option:
        group.add_argument(
            "--record",
            type=file,
            metavar="FILE",
            help="write every connect to a new file as well; replay plays it",
        )
    else:
        parser.add_argument("record", type=file, metavar="FILE", help="a new file")
    group.add_argument("--rotate-size", type=size, metavar="SIZE",
                       help="begin another file before this size, such as 64M: FILE.000001, …")  # fmt: skip
    group.add_argument(
        "--rotate-age", type=duration, metavar="TIME", help="begin another file after this time, such as 1h"
    )
    group.add_argument(
        "--keep", type=integer(1), metavar="N", help="keep this many files, remove the oldest (24)"
    )
    group.add_argument("--compress", default="zlib", choices=("none", "zlib", "zstd"),
                       help="how to pack; zstd needs the package zstandard (zlib)")  # fmt: skip


def add_replay(parser: argparse.ArgumentParser, *, option: bool = True) -> None:
    """Add what to play instead of tracing: as an option of another command, or as the files themselves."""
    if option:
        group = parser.add_argument_group("recordings")
        group.add_argument("--replay", type=file, action="append", default=[], metavar="FILE",
                           help="take this recording instead of tracing; once for each file")  # fmt: skip
        parser.set_defaults(speed=None)
        return
    parser.add_argument(
        "replay", type=file, nargs="+", metavar="FILE", help="a recording: all of its files, or some of them"
    )
    parser.set_defaults(probe="auto", transport="auto", record=None)


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
