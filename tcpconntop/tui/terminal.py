"""What the terminal can show."""

from __future__ import annotations

import os

from rich.console import Console
from textual import constants

PLAIN_THEME = "ansi-dark"
"""The theme that uses the terminal's own colours, on its own background, be it dark or light."""


def few_colours() -> bool:
    """Say whether there are no shades to tell things by: the terminal has 16 colours, or shall show none."""
    if "NO_COLOR" in os.environ:
        return True
    console = Console(color_system=constants.COLOR_SYSTEM, force_terminal=True)  # type: ignore[arg-type]
    return console.color_system not in ("256", "truecolor")
