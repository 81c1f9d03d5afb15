"""Runs the command that the command line names; returns its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from tcpconntop.commands.settings import parse_with_settings
from tcpconntop.commands.signals import Interrupted
from tcpconntop.core.errors import FatalError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code. Errors are one line on stderr."""
    try:
        args = parse_with_settings(list(sys.argv[1:] if argv is None else argv))
        code: int = import_module(f"tcpconntop.commands.{args.command}").run(args)
    except FatalError as error:
        print(f"tcpconntop: {error}", file=sys.stderr)
        return error.exit_code
    except Interrupted as signal:
        return signal.exit_code
    return code
