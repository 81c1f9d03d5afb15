"""Runs the command that the command line names; returns its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from tcpconntop.commands.settings import parse_with_settings
from tcpconntop.commands.signals import Interrupted
from tcpconntop.commands.streams import report
from tcpconntop.core.errors import EXIT_FAILED, EXIT_UNSUPPORTED, FatalError
from tcpconntop.kernel.environment import check_environment, memory_limit_hint, out_of_memory


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code. Errors are one line on stderr."""
    try:
        check_environment()
        args = parse_with_settings(list(sys.argv[1:] if argv is None else argv))
        code: int = import_module(f"tcpconntop.commands.{args.command}").run(args)
    except FatalError as error:
        hint = memory_limit_hint() if error.exit_code == EXIT_UNSUPPORTED else ""
        report(f"{error}{hint}")
        return error.exit_code
    except MemoryError:
        report(str(out_of_memory()))
        return EXIT_FAILED
    except Interrupted as signal:
        return signal.exit_code
    return code
