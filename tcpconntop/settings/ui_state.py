"""What the dashboard remembers between runs: a small JSON file in the user's state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from tcpconntop.kernel.user_files import create_private, read_small_file

FILE = "dashboard.json"
MAX_FILTERS = 50


@dataclass(frozen=True)
class UiState:
    """What the user chose. An empty value or None means the default. The names are the keys in the file.

    Attributes:
        theme: name of the colour theme.
        group, sort, window: values of the options of these names.
        delay: seconds between refreshes.
        panes: True if the panes below the table are shown.
        pane: title of the pane that was shown.
        columns: keys of the chosen columns.
        dns: True if names are shown instead of addresses.
        filters: the filters that were used, oldest first.
    """

    theme: str = ""
    group: str = ""
    sort: str = ""
    window: str = ""
    delay: float | None = None
    panes: bool = True
    pane: str = ""
    columns: tuple[str, ...] = ()
    dns: bool | None = None
    filters: tuple[str, ...] = ()


def load_ui_state(folder: Path) -> tuple[UiState, str]:
    """Return the state in the file, and one line that says why the file cannot be used (empty if it can).

    The file may hold anything: a value of the wrong type is ignored.
    """
    file = folder / FILE
    try:
        document = json.loads(read_small_file(file).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return UiState(), ""
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else "it is not JSON"
        return UiState(), f"cannot use what was remembered: {file}: {reason}"
    if not isinstance(document, dict):
        return UiState(), f"cannot use what was remembered: {file}: it is not a JSON object"
    usable = {name: value for name, value in document.items() if _is_valid(name, value)}
    usable |= {name: tuple(value) for name, value in usable.items() if isinstance(value, list)}
    return replace(UiState(), **usable), ""


def save_ui_state(folder: Path, state: UiState) -> str:
    """Write the file, atomically; return one line that says why it cannot be written (empty if it was)."""
    file = folder / FILE
    draft = folder / f".{FILE}.{os.getpid()}"
    text = json.dumps(asdict(state), ensure_ascii=True, indent=1) + "\n"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        with os.fdopen(create_private(draft), "w", encoding="ascii") as out:
            out.write(text)
        draft.replace(file)
    except OSError as error:
        return f"cannot remember your choices: {folder}: {error.strerror}"
    return ""


def add_filter(filters: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Return the used filters with `text` as the newest, each listed once; the oldest are dropped."""
    return (*(other for other in filters if other != text), text)[-MAX_FILTERS:] if text else filters


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "float | None": (int, float, type(None)),
    "tuple[str, ...]": (list,),
}


def _is_valid(name: str, value: Any) -> bool:
    """Return True if `UiState` has a field of that name that may have that value."""
    types = next((_TYPES[str(field.type)] for field in fields(UiState) if field.name == name), ())
    if isinstance(value, bool) and bool not in types:
        return False
    if isinstance(value, list):
        return list in types and len(value) <= 1000 and all(isinstance(word, str) for word in value)
    return isinstance(value, types)
