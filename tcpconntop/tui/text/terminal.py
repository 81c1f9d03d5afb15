"""Which colours the terminal has."""

from __future__ import annotations

import os
from typing import Literal, cast

from rich.console import Console
from textual import constants

ColorSystem = Literal["auto", "standard", "256", "truecolor", "windows"]

PLAIN_THEME = "ansi-dark"
"""The theme that uses the terminal's own colours and background, dark or light."""


def has_no_colours() -> bool:
    """True if the terminal has no colours at all, such as `TERM=dumb`."""
    return _console().color_system is None


def has_few_colours() -> bool:
    """True if shades cannot be told apart: the terminal has 16 colours at most, or NO_COLOR says so."""
    if os.environ.get("NO_COLOR"):  # set and not empty (no-color.org)
        return True
    return _console().color_system not in ("256", "truecolor")


def _console() -> Console:
    color_system = cast("ColorSystem | None", constants.COLOR_SYSTEM)  # Textual declares it as text
    return Console(color_system=color_system, force_terminal=True)
