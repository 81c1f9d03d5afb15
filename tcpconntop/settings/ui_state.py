"""What the dashboard remembers from one day to the next: a small JSON file in the user's state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

FILE = "dashboard.json"
MAX_FILTERS = 50


@dataclass(frozen=True)
class UiState:
    """What the user chose. An empty text or None: nothing was.

    Attributes:
        theme: name of the colours.
        group, sort, window: as the command line spells them.
        delay: seconds between refreshes.
        panes: whether the panes below the table are shown.
        pane: the one that was seen.
        columns: those that were chosen; none for the usual ones.
        dns: whether addresses are shown by name.
        filters: those that were used, the oldest first.
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
    """Read what was remembered, and give one line that says what was wrong with it, or an empty one.

    Whatever is in the file, the answer can be used: a field of the wrong kind counts as not there.
    """
    file = folder / FILE
    try:
        found = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return UiState(), ""
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else "it is not JSON"
        return UiState(), f"what was remembered is not used: {file}: {reason}"
    if not isinstance(found, dict):
        return UiState(), f"what was remembered is not used: {file}: it is no JSON object"
    usable = {name: value for name, value in found.items() if _fits(name, value)}
    usable |= {name: tuple(value) for name, value in usable.items() if isinstance(value, list)}
    return replace(UiState(), **usable), ""


def save_ui_state(folder: Path, remembered: UiState) -> str:
    """Write it, all of it or nothing; give one line that says why it could not be, or an empty one."""
    file = folder / FILE
    draft = folder / f".{FILE}.{os.getpid()}"
    text = json.dumps(asdict(remembered), ensure_ascii=True, indent=1) + "\n"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        private = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "w", encoding="ascii") as out:
            out.write(text)
        draft.replace(file)
    except OSError as error:
        return f"your choices could not be remembered: {folder}: {error.strerror}"
    return ""


def add_filter(filters: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Add a filter to those that were used."""
    return (*(known for known in filters if known != text), text)[-MAX_FILTERS:] if text else filters


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "float | None": (int, float, type(None)),
    "tuple[str, ...]": (list,),
}


def _fits(name: str, value: Any) -> bool:
    """Whether a field has that name, and may have that value."""
    kinds = next((_KINDS[str(field.type)] for field in fields(UiState) if field.name == name), ())
    if isinstance(value, bool) and bool not in kinds:
        return False
    if isinstance(value, list):
        return list in kinds and len(value) <= 1000 and all(isinstance(word, str) for word in value)
    return isinstance(value, kinds)
