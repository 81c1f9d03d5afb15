"""Settings files and what was remembered: what holds where the command line says nothing."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.kernel.privileges import as_caller
from tcpconntop.options import parse
from tcpconntop.settings.config import Config, ConfigError, merge_configs, parse_config
from tcpconntop.settings.paths import SYSTEM_CONFIG, config_file, state_folder
from tcpconntop.settings.ui_state import UiState, load_ui_state, save_ui_state


def parse_with_settings(words: Sequence[str]) -> Namespace:
    """Parse the command line, with settings files as its defaults; they stay in `config` of the answer.

    The machine's file comes first, then the user's own, then that of `--config`: the last one to speak of a
    key decides, and the command line over all of them.

    Raises:
        FatalError: a file or the command line cannot be understood.
    """
    args = parse(words)
    with as_caller():  # whoever may call this program through sudo may not read every file with it
        files = [(SYSTEM_CONFIG, False), (config_file(), False)]
        files += [(Path(args.config), True)] if args.config else []
        config = merge_configs([_read(file, must) for file, must in files])
    args = parse(words, config.options)
    args.config = config
    return args


def _read(file: Path, must: bool) -> Config:
    try:
        return parse_config(file.read_text("utf-8"), str(file))
    except (FileNotFoundError, NotADirectoryError) as error:
        if not must:
            return Config()
        raise FatalError(f"{file}: {error.strerror}", EXIT_USAGE) from None
    except OSError as error:
        raise FatalError(f"{file}: {error.strerror}", EXIT_USAGE) from None
    except UnicodeDecodeError:
        raise FatalError(f"{file}: it is not UTF-8", EXIT_USAGE) from None
    except ConfigError as error:
        raise FatalError(str(error), EXIT_USAGE) from None


def restore_ui_state(args: Namespace) -> None:
    """Let what was remembered hold where nobody said anything; for dashboards, once privileges are gone."""
    from tcpconntop.core.view.column_choice import known_columns
    from tcpconntop.core.view.columns import COLUMNS, is_available
    from tcpconntop.core.view.groups import GROUPINGS
    from tcpconntop.core.window.rolling import WINDOWS

    args.ui_state, args.notice = load_ui_state(state_folder())
    known: UiState = args.ui_state
    columns = known_columns(known.columns)
    column, _, direction = known.sort.partition(":")
    sortable = column in COLUMNS and not COLUMNS[column].needs_baseline and direction in ("", "asc", "desc")
    for place, value, good in (
        ("group", known.group, known.group in GROUPINGS),
        ("window", known.window, known.window in WINDOWS),
        ("delay", known.delay, known.delay is not None and 0.1 <= known.delay <= 3600),
        ("columns", ",".join(columns), bool(columns)),
        ("dns", known.dns, known.dns is not None),
        ("order", known.sort, sortable and is_available(COLUMNS[column], args.group)),
    ):
        if good and place not in args.given:
            setattr(args, place, value)


def save_ui_choices(args: Namespace, began: UiState, chosen: UiState) -> str:
    """Remember what the user chose while the dashboard ran, and the rest as it was remembered before.

    Args:
        args: the command line; what it said for this once is not remembered.
        began: how the dashboard began.
        chosen: how it ended.

    Returns:
        One line that says why that could not be, or an empty one.
    """
    said = {"sort" if place == "order" else place for place in args.given}
    said |= {"theme"} if args.config.theme else set()
    once = {name for name in said if hasattr(chosen, name) and getattr(chosen, name) == getattr(began, name)}
    return save_ui_state(
        state_folder(), replace(chosen, **{name: getattr(args.ui_state, name) for name in once})
    )
