"""`completion`: what makes a shell complete our options."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from tcpconntop.core.errors import EXIT_OK
from tcpconntop.options import full_parser


def run(args: Namespace) -> int:
    """Print it."""
    print(completions(full_parser(), args.shell))
    return EXIT_OK


def completions(parser: ArgumentParser, shell: str) -> str:
    """Give what makes `shell` complete a parser's options; where it wants a FILE, with names of files."""
    import shtab

    _put_commands_first(parser)
    _complete_files(parser, shtab.FILE)
    return str(shtab.complete(parser, shell))


def _put_commands_first(parser: ArgumentParser) -> None:
    """Leave out what may stand in a command's place: zsh would wait for it, and offer no command before."""
    actions = parser._actions  # noqa: SLF001 - argparse has no other way to walk a parser
    if any(isinstance(action.choices, dict) for action in actions):
        actions[:] = [action for action in actions if action.option_strings or action.choices]


def _complete_files(parser: ArgumentParser, how: Mapping[str, Any]) -> None:
    for action in parser._actions:  # noqa: SLF001  # argparse has no other way to walk a parser
        if action.metavar == "FILE":
            action.complete = how  # type: ignore[attr-defined]
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                _complete_files(inner, how)
