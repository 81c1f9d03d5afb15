"""Values for options that the command line does not set: from settings files, and from the last dashboard."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.core.limits import MAX_DELAY_S, MIN_DELAY_S
from tcpconntop.kernel.privileges import as_caller
from tcpconntop.kernel.user_files import read_small_file
from tcpconntop.options import parse
from tcpconntop.settings.config import Config, ConfigError, merge_configs, parse_config
from tcpconntop.settings.paths import SYSTEM_CONFIG, config_file, state_folder
from tcpconntop.settings.ui_state import UiState, load_ui_state, save_ui_state

OF_A_RECORDING = {"group", "sort", "window"}
"""Choices that are not remembered of a recording."""


def parse_with_settings(words: Sequence[str]) -> Namespace:
    """Return the options of the command line (see `parse`); the settings files are defaults, and `config`.

    The files are the machine's, the user's and the one of `--config`. Later files override earlier ones, and
    the command line overrides all of them.

    Raises:
        FatalError: a file or the command line is not valid.
    """
    args = parse(words)
    with as_caller():  # users who may run this program with sudo may still not read every file
        files = [(SYSTEM_CONFIG, False), (config_file(), False)]
        files += [(Path(args.config), True)] if args.config else []
        texts = [(file, read_text(file, required=required)) for file, required in files]
    # Not as the caller, who may not be allowed to read the Python that the parser is imported from.
    config = merge_configs([_parse(text, file) for file, text in texts if text])
    args = parse(words, config.options)
    args.config = config
    return args


def _parse(text: str, file: Path) -> Config:
    try:
        return parse_config(text, str(file))
    except ConfigError as error:
        raise FatalError(str(error), EXIT_USAGE) from None


def read_text(file: Path, *, required: bool = True) -> str:
    """Return the text of a small file of the user; empty if it does not exist and is not required.

    Raises:
        FatalError: it cannot be read.
    """
    try:
        return read_small_file(file).decode("utf-8")
    except OSError as error:
        if not required and isinstance(error, FileNotFoundError | NotADirectoryError):
            return ""
        raise FatalError(f"{file}: {error.strerror}", EXIT_USAGE) from None
    except UnicodeDecodeError:
        raise FatalError(f"{file}: it is not UTF-8", EXIT_USAGE) from None


def restore_ui_state(args: Namespace) -> None:
    """Use remembered values for options that were not given. Call it after privileges are dropped."""
    from tcpconntop.core.view.column_choice import known_columns
    from tcpconntop.core.view.columns import COLUMNS, is_available
    from tcpconntop.core.view.groups import GROUPINGS
    from tcpconntop.core.window.lengths import WINDOWS

    args.ui_state, args.notice = load_ui_state(state_folder())
    state: UiState = args.ui_state
    if state.group in GROUPINGS and "group" not in args.given:
        args.group = state.group
    columns = known_columns(state.columns)
    key, _, direction = state.sort.partition(":")
    sortable = key in COLUMNS and not COLUMNS[key].needs_baseline and is_available(COLUMNS[key], args.group)
    for option, value, valid in (
        ("window", state.window, state.window in WINDOWS),
        ("delay", state.delay, state.delay is not None and MIN_DELAY_S <= state.delay <= MAX_DELAY_S),
        ("columns", ",".join(columns), bool(columns)),
        ("dns", state.dns, state.dns is not None),
        ("sort", state.sort, sortable and direction in ("", "asc", "desc")),
    ):
        if valid and option not in args.given:
            setattr(args, option, value)


def save_ui_choices(args: Namespace, began: UiState, chosen: UiState) -> str:
    """Remember what the user chose in the dashboard, but not what only an option or a file has set.

    What a recording is looked at through (`OF_A_RECORDING`) is not how the next live view begins.

    Args:
        args: the command line.
        began: the state at the start of the dashboard.
        chosen: the state at its end.

    Returns:
        One line that says why it cannot be written; empty if it was.
    """
    given = args.given | ({"theme"} if args.config.theme else set())
    unchanged = {name for name in given if getattr(chosen, name) == getattr(began, name)}
    unchanged |= OF_A_RECORDING if args.command == "replay" else set()
    kept = {name: getattr(args.ui_state, name) for name in unchanged}
    return save_ui_state(state_folder(), replace(chosen, **kept))
