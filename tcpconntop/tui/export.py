"""What can be taken away from the dashboard: a row for the clipboard, a table as files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.cells import cell_len

from tcpconntop.core.lazy import lazy
from tcpconntop.core.view.columns import columns_of
from tcpconntop.kernel.user_files import create_private
from tcpconntop.settings.paths import state_folder
from tcpconntop.tui.text.lines import fit

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual._compositor import LayoutUpdate
    from textual.app import App

    from tcpconntop.core.view.view import View
    from tcpconntop.outputs import document, table_csv
    from tcpconntop.outputs.report import report
    from tcpconntop.tui.text import svg
else:
    svg = lazy("tcpconntop.tui.text.svg")
    document = lazy("tcpconntop.outputs.document")
    table_csv = lazy("tcpconntop.outputs.table_csv")
    report = lazy("tcpconntop.outputs.report.report")

MAX_COPIED = 80
"""Cells of a copied text that the note shows: more of it would not fit on a small terminal."""

REPORT_ROWS = 20
"""Rows of the table that the Markdown has."""

MAX_SAME_NAME = 1_000
"""The most exports with one name, which has the second in it."""


def row_text(view: View, row: int, columns: Sequence[str] = ()) -> str:
    """Format a row as one line, each metric with its name: for a chat or a ticket.

    Args:
        view: the view.
        row: the row.
        columns: keys of the columns wanted; empty for those that are usually shown.
    """
    wanted = [
        column
        for column in columns_of(view)
        if (column.key in columns if columns else column.priority is not None)
    ]
    return "  ".join(f"{column.header} {column.text(view, row)}" for column in wanted)


def copied_note(text: str) -> str:
    """Return the note about a copied text, at most `MAX_COPIED` cells of it.

    It says that the text was sent: a terminal does not answer whether it took it (OSC 52), and tmux throws it
    away unless it is set to take it.
    """
    words = " ".join(text.split())
    note = f"sent to the terminal's clipboard: {fit(words, min(cell_len(words), MAX_COPIED))}"
    in_tmux = os.environ.get("TMUX") or os.environ.get("TERM", "").startswith("tmux")
    return f"{note}; tmux takes it after: tmux set -g set-clipboard on" if in_tmux else note


def screen_svg(app: App[Any]) -> str:
    """Return what is on the screen as SVG."""
    return svg.svg_picture(screen_lines(app), app.size.width, app.title)


def screen_lines(app: App[Any]) -> list[Iterable[Segment]]:
    """Return what is on the screen, a line after the other."""
    # Textual itself makes its SVG of these; it has no public way to them.
    compositor, behind = app.screen._compositor, app._background_screens  # noqa: SLF001
    shown = compositor.render_update(full=True, screen_stack=behind)
    return [chain.from_iterable(line) for line in cast("LayoutUpdate", shown).strips]


def export_view(view: View, picture: str) -> str:
    """Write what is shown as Markdown, CSV, JSON and SVG into the current folder, or else the state folder.

    Args:
        view: the table.
        picture: the screen as SVG.

    Returns:
        One line for the user: see `save`.

    Raises:
        OSError: neither folder takes the files.
    """
    stem = time.strftime("tcpconntop-%Y%m%d-%H%M%S", time.localtime(view.snapshot.wall_s))
    fields = document.view_document(view)
    contents = {
        "csv": table_csv.view_csv(fields),
        "json": document.dump(fields) + "\n",
        "md": report.report_text(view, REPORT_ROWS) + "\n",
        "svg": picture,
    }
    return save(stem, contents, (Path.cwd(), state_folder() / "exports"))


def save(stem: str, contents: Mapping[str, str], folders: Sequence[Path]) -> str:
    """Write files into the first folder that is writable; never overwrite a file.

    Args:
        stem: their name without extension; a number is added if a file has it already.
        contents: what to write, by extension.
        folders: folders to try, in order. The last one is created if it does not exist.

    Returns:
        One line for the user: where the files are, and why not in an earlier folder.

    Raises:
        OSError: no folder is writable.
    """
    refused: list[str] = []
    for folder in folders:
        name, reason = _tried(folder, stem, contents, make=folder is folders[-1])
        if name:
            return "; ".join([f"wrote {name}.* ({', '.join(contents)}) in {folder}", *refused])
        refused.append(f"not in {folder}: {reason}")
    raise OSError(f"nothing was written; {'; '.join(refused)}")


def _tried(folder: Path, stem: str, contents: Mapping[str, str], make: bool) -> tuple[str, str]:
    """Return the name of the files that were written, or an empty one and the reason."""
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write(folder, stem, contents), ""
    except PermissionError as error:
        return "", f"{error.strerror} (this program gave its privileges up)"
    except OSError as error:
        return "", error.strerror or str(error)


def _write(folder: Path, stem: str, contents: Mapping[str, str]) -> str:
    """Write all files or none; return their name without extension."""
    for number in range(1, MAX_SAME_NAME):
        name = stem if number == 1 else f"{stem}-{number}"
        paths = {folder / f"{name}.{extension}": text for extension, text in contents.items()}
        if any(os.path.lexists(path) for path in paths):
            continue
        written: list[Path] = []
        try:
            for path, text in paths.items():
                with os.fdopen(create_private(path), "w", encoding="utf-8", newline="") as file:
                    written.append(path)
                    file.write(text)
        except (OSError, UnicodeError) as error:
            for path in written:  # a full disk leaves no half of it behind
                path.unlink()
            if not isinstance(error, FileExistsError):
                raise
        else:
            return name
    raise FileExistsError(None, "too many files of this name")
