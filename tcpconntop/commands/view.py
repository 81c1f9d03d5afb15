"""From the command line to the view: which connects to show, and how."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from tcpconntop.options import UsageError

if TYPE_CHECKING:
    from tcpconntop.core.view.filter import Filter
    from tcpconntop.core.view.spec import ViewSpec


BY_RESULT = {"log", "record", "export"}
"""The commands whose filters may ask how a connect ended: the others count connects, and show rows."""


def filter_from_args(args: Namespace) -> Filter:
    """Return the filter of `-c`, `--dest` and `--filter` together."""
    from tcpconntop.core.view.filter import FilterError
    from tcpconntop.sources.port_names import parse_filter_with_port_names

    terms = []
    _check_family(args)
    if getattr(args, "comm", None):
        terms.append(f"comm={shlex.quote(args.comm)}")
    if getattr(args, "dest", None):
        terms.append(f"dest:{shlex.quote(args.dest)}")
    try:
        text = " ".join([*terms, getattr(args, "filter", "")])
        return parse_filter_with_port_names(text, of_connects=args.command in BY_RESULT)
    except FilterError as error:
        raise UsageError(f"{_location(args, 'filter')}{error}") from None


def _check_family(args: Namespace) -> None:
    """Raise UsageError if `-4` or `-6` excludes every address of `--dest`."""
    from tcpconntop.core.view.filter import FilterError
    from tcpconntop.core.view.filter_values import parse_destinations

    family, dest = getattr(args, "family", 0), getattr(args, "dest", None)
    try:
        versions = {
            destination.network.version for destination in parse_destinations(dest or "0.0.0.0/0,::/0")
        }
    except FilterError as error:
        raise UsageError(f"--dest: {error}") from None
    if family and family not in versions:
        raise UsageError(f"-{family} and --dest {dest} exclude each other: no connect can match both")


def _location(args: Namespace, dest: str) -> str:
    """Return `FILE: KEY: ` if the value of an option is from a settings file; else an empty string."""
    key = args.from_settings.get(dest)
    location: str = args.config.location(key) if key else ""
    return location


def connect_filter_from_args(args: Namespace) -> Filter:
    """Return the filter of the command line, for single connects.

    Raises:
        UsageError: the filter has a metric of rows, which a single connect does not have.
    """
    where = filter_from_args(args)
    if where.has_metric_terms:
        raise UsageError(
            "a filter on p99, count or another metric of rows cannot be applied to single connects"
        )
    return where


def view_spec_from_args(args: Namespace) -> ViewSpec:
    """Return the view of `-g`, `-o`, `-O`, `--ignore` and the filters; check `-w` too."""
    from tcpconntop.core.view.column_choice import parse_columns
    from tcpconntop.core.view.columns import ALIASES, COLUMNS
    from tcpconntop.core.view.groups import GROUPINGS
    from tcpconntop.core.view.ordering import sorted_by
    from tcpconntop.core.view.spec import ViewSpec
    from tcpconntop.core.window.lengths import WINDOWS

    word, _, direction = args.sort.partition(":")
    key = ALIASES.get(word, word)
    for dest, name, value, choices in (
        ("group", "group", args.group, GROUPINGS),
        ("sort", "column", key, {key for key, column in COLUMNS.items() if not column.needs_baseline}),
        ("window", "window", args.window, WINDOWS),
        ("sort", "direction", direction, {"", "asc", "desc"}),
    ):
        if value not in choices:
            listed = ", ".join(sorted(filter(None, choices)))
            raise UsageError(f"{_location(args, dest)}no {name} is called '{value}'; there are: {listed}")
    try:
        columns = parse_columns(args.columns) if args.columns else ()
    except ValueError as error:
        raise UsageError(f"{_location(args, 'columns')}{error}") from None
    spec = ViewSpec(args.group, where=filter_from_args(args), columns=columns, ignore=_ignored(args))
    spec = sorted_by(spec, key)
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
        raise UsageError(f"{_location(args, 'ignore')}{error}") from None
