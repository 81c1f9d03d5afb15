"""The options that several commands share, in groups."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from tcpconntop.core.limits import DEFAULT_MAX_KEYS, LOADERS, MAX_IN_FLIGHT, PROBES, TRANSPORTS
from tcpconntop.options.alerts import add_alerts
from tcpconntop.options.values import (
    delay,
    duration,
    file,
    files_or_time,
    integer,
    integers,
    networks,
    process_name,
    size,
)

REMOTE_COMMAND = "sudo -n tcpconntop record -"
"""What runs on each host of a fleet. It writes a recording to stdout."""


def add_filters(
    parser: argparse.ArgumentParser, commands: Sequence[str] = (), *, files: bool = False
) -> None:
    """Add the filters.

    Args:
        parser: the parser to add to.
        commands: names of the commands, for the error message if a word is neither a command nor MIN_MS.
        files: True if the command takes files: then MIN_MS cannot be positional, and `--min-ms` is added
            instead.
    """
    group = parser.add_argument_group("filters (lists are separated by commas; all filters must match)")
    _add_list_filters(group)
    group.add_argument(
        "-c", dest="comm", type=process_name, metavar="COMM", help="only connects of processes with this name"
    )
    group.add_argument(
        "--dest", type=networks, metavar="CIDR", help="only connects to these addresses or networks"
    )
    family = group.add_mutually_exclusive_group()
    family.add_argument(
        "-4", dest="family", action="store_const", const=4, default=0, help="only connects over IPv4"
    )
    family.add_argument("-6", dest="family", action="store_const", const=6, help="only connects over IPv6")
    group.add_argument(
        "--filter",
        default="",
        metavar="EXPR",
        help="only connects or rows that match, such as 'dport=443 p99>5ms nginx'",
    )
    min_ms = _min_ms(commands)
    min_ms_help = "only connects that took at least this many milliseconds, such as 0.5"
    if files:
        group.add_argument("--min-ms", type=min_ms, default=0.0, metavar="MIN_MS", help=min_ms_help)
    else:
        group.add_argument("min_ms", nargs="?", type=min_ms, default=0.0, metavar="MIN_MS", help=min_ms_help)


def _add_list_filters(group: argparse._ArgumentGroup) -> None:
    for option, dest, least, most, metavar, text in (
        ("-p", "pids", 1, 2**32 - 1, "PID", "only connects of these processes"),
        ("-u", "uids", 0, 2**32 - 1, "UID", "only connects of these users (numeric)"),
        ("-P", "ports", 1, 65535, "PORT", "only connects to these ports"),
    ):
        group.add_argument(
            option, dest=dest, type=integers(least, most), default=(), metavar=metavar, help=text
        )


def add_view(parser: argparse.ArgumentParser) -> None:
    """Add the options of what the table shows, and how often."""
    add_alerts(parser)
    group = parser.add_argument_group("view")
    for short, option, default, metavar, text in (
        ("-g", "--group", "dest", "GROUP",
         "one row per dest, process, process+dest, port, subnet, unit, netns, netns+dest, host or host+dest "
         "(default: dest)"),
        ("-o", "--sort", "trouble", "COLUMN[:asc|:desc]",
         "sort by this column, such as p99 or count:desc (default: trouble, what is wrong first)"),
        ("-O", "--columns", "", "COLUMN[,..]",
         "show these columns, such as daddr,count,p50,p99"),
        ("-w", "--window", "1m", "WINDOW",
         "count the last 10s, 1m, 5m or 15m, or all connects (default: 1m)"),
    ):  # fmt: skip
        group.add_argument(short, option, default=default, metavar=metavar, help=text)
    group.add_argument(
        "-d",
        "--delay",
        type=delay,
        default=1.0,
        metavar="SECONDS",
        help="time between refreshes (default: 1)",
    )
    group.add_argument(
        "--ignore",
        default="",
        metavar="KIND[,..]",
        help="never report findings of these kinds, such as gives-up,family",
    )
    group.add_argument(
        "--dns", action="store_true", help="show names instead of addresses and ports on the dashboard"
    )
    group.add_argument(
        "--max-keys",
        type=integer(100, 1_000_000),
        default=DEFAULT_MAX_KEYS,
        metavar="N",
        help="count at most N pairs of process and destination apart (default: %(default)s)",
    )


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add the options of `-b`."""
    parser.add_argument(
        "-b", "--batch", action="store_true", help="print tables instead of showing the dashboard"
    )
    parser.add_argument("-n", dest="count", type=integer(1), metavar="N", help="with -b: stop after N tables")
    parser.add_argument("--json", action="store_true", help="with -b: print one JSON document per line")


def add_tracer(parser: argparse.ArgumentParser) -> None:
    """Add the options of how to trace."""
    group = parser.add_argument_group("tracer")
    group.add_argument(
        "--probe",
        default="auto",
        choices=PROBES,
        help="how to attach (default: auto, the first one that this kernel supports)",
    )
    group.add_argument(
        "--transport",
        default="auto",
        choices=TRANSPORTS,
        help="kernel buffer for records (default: auto, which is ring from Linux 5.8 on)",
    )
    group.add_argument(
        "--loader",
        default="auto",
        choices=LOADERS,
        help="image: programs that were compiled ahead; bcc: compile now (default: auto, image if it works)",
    )
    group.add_argument(
        "--max-in-flight",
        type=integer(1, MAX_IN_FLIGHT),
        default=0,
        metavar="N",
        help="follow at most N connects in flight (default: as many as fit the memory, 16,384 to 1,048,576)",
    )
    parser.set_defaults(replay=(), speed=None, record=None)


def add_recording(parser: argparse.ArgumentParser, *, option: bool = True) -> None:
    """Add the options of recording; the file is the option `--record`, or else positional."""
    group = parser.add_argument_group("recording")
    if option:
        group.add_argument(
            "--record",
            type=file,
            metavar="FILE",
            help="also write every connect to this new file, for replay; with several hosts, FILE.HOST each",
        )
    else:
        parser.add_argument(
            "record",
            type=file,
            metavar="FILE",
            help="the file to write, which must not exist; - is stdout; of several hosts, FILE.HOST each",
        )
    group.add_argument(
        "--rotate-size",
        type=size,
        metavar="SIZE",
        help="start a new file before this size, such as 64M: FILE.000001, …",
    )
    group.add_argument(
        "--rotate-age", type=duration, metavar="TIME", help="start a new file after this time, such as 1h"
    )
    group.add_argument(
        "--keep",
        type=files_or_time,
        metavar="N|TIME",
        help="with rotation: keep the newest N files (default: 24); with --alert, a time such as 5m: keep so "
        "much before and after an alert, as FILE.alert-…, and of everything else only the last 5m",
    )
    group.add_argument(
        "--compress",
        default="zlib",
        choices=("none", "zlib", "zstd"),
        help="compression (default: zlib); zstd needs the package zstandard",
    )


def add_for(parser: argparse.ArgumentParser, text: str) -> None:
    """Add the option `--for`, with its help."""
    parser.add_argument("--for", dest="for_s", type=duration, metavar="TIME", help=text)


def add_replay(parser: argparse.ArgumentParser, *, option: bool = True) -> None:
    """Add the files of a recording to play instead of tracing: the option `--replay`, or else positional."""
    if option:
        group = parser.add_argument_group("replay")
        group.add_argument(
            "--replay",
            type=file,
            action="append",
            default=[],
            metavar="FILE",
            help="read this recording instead of tracing; repeat for each of its files, or for several "
            "hosts; - is stdin",
        )
        parser.set_defaults(speed=None)
        return
    parser.add_argument(
        "replay",
        type=file,
        nargs="+",
        metavar="FILE",
        help="the files of one recording, in any order, or recordings of several hosts; - is stdin, shown as "
        "it comes",
    )
    parser.set_defaults(probe="auto", transport="auto", loader="auto", record=None)


def add_fleet(parser: argparse.ArgumentParser, *, option: bool = True) -> None:
    """Add the hosts to trace instead of this one: the option `--fleet`, or else positional."""
    text = (
        "a host that ssh reaches, a recording (with a / or as a file that exists), or one Prometheus server: "
        "http://HOST:PORT"
    )
    if option:
        group = parser.add_argument_group("fleet")
        group.add_argument(
            "--fleet", action="append", default=[], metavar="TARGET", help=f"{text}; repeat for several"
        )
    else:
        parser.add_argument("fleet", nargs="+", metavar="TARGET", help=text)
        group = parser.add_argument_group("ssh, Prometheus")
    group.add_argument(
        "--ssh-command",
        default="ssh",
        metavar="COMMAND",
        help="the ssh to run, such as 'ssh -F ./config' (default: ssh)",
    )
    group.add_argument(
        "--remote-command",
        default=REMOTE_COMMAND,
        metavar="COMMAND",
        help=f"what to run on the hosts (default: {REMOTE_COMMAND})",
    )
    group.add_argument(
        "--password-file",
        type=file,
        metavar="FILE",
        help="the password of the user in https://USER@HOST, in the first line of this file",
    )


def _min_ms(commands: Sequence[str]) -> Callable[[str], float]:
    what = f"neither a number of milliseconds nor a command ({', '.join(commands)})"
    if not commands:
        what = "not a number of milliseconds; a recording is read with --replay FILE"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            if text in commands:
                raise argparse.ArgumentTypeError(
                    f"the command '{text}' comes first, before options"
                ) from None
            raise argparse.ArgumentTypeError(f"'{text}' is {what}") from None
        if not 0 <= value < 1e9:
            raise argparse.ArgumentTypeError(f"'{text}' is not from 0 to 1e9 ms")
        return value

    return parse
