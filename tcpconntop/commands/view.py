"""What the command line says of the view: which connects to show, and how."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.filter import Filter
    from tcpconntop.core.view import ViewSpec


def filter_of(args: Namespace) -> Filter:
    """Give the filter of `-c`, `--dest` and `--filter` together."""
    from tcpconntop.core.filter import FilterError
    from tcpconntop.sources.ports import read_filter

    words = []
    if getattr(args, "comm", None):
        words.append(f"comm={shlex.quote(args.comm)}")
    if getattr(args, "dest", None):
        words.append(f"dest:{shlex.quote(args.dest)}")
    try:
        return read_filter(" ".join([*words, getattr(args, "filter", "")]))
    except FilterError as error:
        raise UsageError(str(error)) from None


def spec_of(args: Namespace) -> ViewSpec:
    """Give the view of `-g`, `-o`, `-O` and the filters."""
    from tcpconntop.core.choice import parse_choice
    from tcpconntop.core.columns import COLUMNS
    from tcpconntop.core.groups import GROUPINGS
    from tcpconntop.core.view import ViewSpec
    from tcpconntop.core.window import WINDOWS

    column, _, direction = args.order.partition(":")
    for name, value, known in (
        ("group", args.group, GROUPINGS),
        ("column", column, COLUMNS),
        ("window", args.window, WINDOWS),
        ("direction", direction, {"", "asc", "desc"}),
    ):
        if value not in known:
            raise UsageError(
                f"no {name} is called '{value}'; there are: {', '.join(sorted(filter(None, known)))}"
            )
    try:
        columns = parse_choice(args.columns) if args.columns else ()
    except ValueError as error:
        raise UsageError(str(error)) from None
    spec = ViewSpec(group_by=args.group, where=filter_of(args), columns=columns).sorted_by(column)
    return spec if not direction or spec.descending == (direction == "desc") else spec.reversed()
