"""What the command line says of the view: which connects to show, and how."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.filter import Filter
    from tcpconntop.core.view.spec import ViewSpec


def filter_from_args(args: Namespace) -> Filter:
    """Give the filter of `-c`, `--dest` and `--filter` together."""
    from tcpconntop.core.view.filter import FilterError
    from tcpconntop.sources.port_names import parse_filter_with_port_names

    words = []
    if getattr(args, "comm", None):
        words.append(f"comm={shlex.quote(args.comm)}")
    if getattr(args, "dest", None):
        words.append(f"dest:{shlex.quote(args.dest)}")
    try:
        return parse_filter_with_port_names(" ".join([*words, getattr(args, "filter", "")]))
    except FilterError as error:
        raise UsageError(f"{_origin(args, 'filter')}{error}") from None


def _origin(args: Namespace, place: str) -> str:
    """Name the settings file and the key where a value is from; empty for the command line."""
    key = args.from_settings.get(place)
    origin: str = args.config.location(key) if key else ""
    return origin


def connect_filter_from_args(args: Namespace) -> Filter:
    """Give the same filter for single connects.

    Raises:
        UsageError: it speaks of figures, which a single connect does not have.
    """
    where = filter_from_args(args)
    if where.has_metric_terms:
        raise UsageError("single connects have no p99, count and the like: a filter on those has no meaning")
    return where


def view_spec_from_args(args: Namespace) -> ViewSpec:
    """Return the view of `-g`, `-o`, `-O`, `--ignore` and the filters."""
    from tcpconntop.core.view.column_choice import parse_columns
    from tcpconntop.core.view.columns import ALIASES, COLUMNS, sorted_by
    from tcpconntop.core.view.groups import GROUPINGS
    from tcpconntop.core.view.spec import ViewSpec
    from tcpconntop.core.window.rolling import WINDOWS

    word, _, direction = args.order.partition(":")
    column = ALIASES.get(word, word)
    for place, name, value, known in (
        ("group", "group", args.group, GROUPINGS),
        ("order", "column", column, {key for key, known in COLUMNS.items() if not known.needs_baseline}),
        ("window", "window", args.window, WINDOWS),
        ("order", "direction", direction, {"", "asc", "desc"}),
    ):
        if value not in known:
            there_are = ", ".join(sorted(filter(None, known)))
            raise UsageError(f"{_origin(args, place)}no {name} is called '{value}'; there are: {there_are}")
    try:
        columns = parse_columns(args.columns) if args.columns else ()
    except ValueError as error:
        raise UsageError(f"{_origin(args, 'columns')}{error}") from None
    spec = ViewSpec(args.group, where=filter_from_args(args), columns=columns, ignore=_ignored(args))
    spec = sorted_by(spec, column)
    return spec if not direction or spec.descending == (direction == "desc") else spec.reversed()


def _ignored(args: Namespace) -> tuple[str, ...]:
    """Return the kinds of findings of `--ignore`; commands without findings have no such option."""
    text: str = getattr(args, "ignore", "")
    if not text:
        return ()
    from tcpconntop.core.analysis.explain import parse_kinds

    try:
        return parse_kinds(text)
    except ValueError as error:
        raise UsageError(f"{_origin(args, 'ignore')}{error}") from None
