"""The options of the commands that look at everything together: `check` and `report`."""

from __future__ import annotations

import argparse

from tcpconntop.options import groups
from tcpconntop.options.values import file, integer


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add the options of `check`."""
    groups.add_for(parser, "time to look at, such as 30s (default with --replay: the whole recording)")
    parser.add_argument(
        "--assert",
        dest="assertions",
        action="append",
        required=True,
        metavar="EXPR",
        help="what must be true, such as 'p99<5ms'; may be repeated",
    )
    parser.add_argument(
        "--baseline",
        type=file,
        metavar="FILE",
        help="the recording that assertions such as 'p99<1.2x' compare with",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument(
        "-g",
        dest="group",
        default="dest",
        metavar="GROUP",
        help="with --json: one row per dest, process, … (default: dest)",
    )
    parser.set_defaults(sort="count", window="all", columns="")
    groups.add_filters(parser)
    groups.add_tracer(parser)
    groups.add_recording(parser)
    groups.add_replay(parser)
    groups.add_fleet(parser)


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Add the options of `diff`."""
    parser.add_argument("before", type=file, metavar="BEFORE", help="the recording to compare with")
    parser.add_argument("after", type=file, metavar="AFTER", help="the recording that may be worse")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    parser.add_argument(
        "-g",
        "--group",
        default="dest",
        choices=("dest", "port", "subnet", "process"),
        help="one row per dest, port, subnet, or process name (default: dest)",
    )
    groups.add_filters(parser, files=True)
    parser.set_defaults(probe="auto", transport="auto", loader="auto", record=None)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the options of `report`."""
    groups.add_for(parser, "time to look at, such as 60s (default with --replay: the whole recording)")
    for short, option, default, metavar, text in (
        ("-g", "--group", "dest", "GROUP", "one row per dest, process, … (default: dest)"),
        (
            "-o",
            "--sort",
            "trouble",
            "COLUMN[:asc|:desc]",
            "sort the rows by this column (default: trouble, what is wrong first)",
        ),
        ("-O", "--columns", "", "COLUMN[,..]", "show these columns"),
    ):
        parser.add_argument(short, option, default=default, metavar=metavar, help=text)
    parser.add_argument(
        "--top", type=integer(1), default=10, metavar="N", help="list the first N rows (default: 10)"
    )
    parser.add_argument("--ignore", default="", metavar="KIND[,..]", help="leave out findings of these kinds")
    parser.set_defaults(window="all")
    groups.add_filters(parser)
    groups.add_tracer(parser)
    groups.add_recording(parser)
    groups.add_replay(parser)
    groups.add_fleet(parser)
