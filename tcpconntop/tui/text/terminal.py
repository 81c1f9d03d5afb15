"""What the terminal can show."""

from __future__ import annotations

import os

from rich.console import Console
from textual import constants

PLAIN_THEME = "ansi-dark"
"""The theme that uses the terminal's own colours, on its own background, be it dark or light."""


def has_no_colours() -> bool:
    """Say whether the terminal knows no colours at all, such as one that calls itself dumb."""
    return _console().color_system is None


def has_few_colours() -> bool:
    """Say whether there are no shades to tell things by: the terminal has 16 colours, or shall show none."""
    if "NO_COLOR" in os.environ:
        return True
    return _console().color_system not in ("256", "truecolor")


def _console() -> Console:
    return Console(color_system=constants.COLOR_SYSTEM, force_terminal=True)  # type: ignore[arg-type]
