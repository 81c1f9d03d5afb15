"""`completion`: a script that makes a shell complete commands and options."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from tcpconntop.core.errors import EXIT_OK
from tcpconntop.options import full_parser


def run(args: Namespace) -> int:
    """Print the script."""
    print(completions(full_parser(), args.shell))
    return EXIT_OK


def completions(parser: ArgumentParser, shell: str) -> str:
    """Return a script for `shell` that completes a parser's commands and options, and file names for FILE."""
    import shtab

    _put_commands_first(parser)
    _complete_files(parser, shtab.FILE)
    return str(shtab.complete(parser, shell))


def _put_commands_first(parser: ArgumentParser) -> None:
    """Remove positional arguments beside the commands: zsh would complete these, and no command."""
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to walk a parser
    if any(isinstance(action.choices, dict) for action in actions):
        actions[:] = [action for action in actions if action.option_strings or action.choices]


def _complete_files(parser: ArgumentParser, completion: Mapping[str, Any]) -> None:
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way to walk a parser
        if action.metavar == "FILE":
            action.complete = completion  # type: ignore[attr-defined]
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                _complete_files(inner, completion)
