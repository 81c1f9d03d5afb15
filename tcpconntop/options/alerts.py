"""The option `--alert`, and the action of options that may be repeated."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class Repeated(argparse.Action):
    """Collects the values of an option that may be repeated, in place of those of the settings files."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        _option: str | None = None,
    ) -> None:
        """Add a value."""
        so_far = getattr(namespace, self.dest)
        setattr(namespace, self.dest, (*(() if so_far is self.default else so_far), values))


def add_alerts(parser: argparse.ArgumentParser) -> None:
    """Add the option `--alert`."""
    parser.add_argument(
        "--alert",
        action=Repeated,
        default=(),
        metavar="EXPR",
        help="say when this holds for the last minute, such as 'p99>50ms dest:10.0.0.0/8'; may be repeated. "
        "Needs 100 connects for p99, 30 for p90, 20 for p50, mean and fail",
    )
