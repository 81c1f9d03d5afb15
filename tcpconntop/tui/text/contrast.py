"""Makes colours that can be read on their background in every theme: by WCAG 2.1 (1.4.3 and 1.4.11).

Themes choose colours that look good together; in half of Textual's, dim text is below the limit.
"""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color, ColorType
from textual.color import Color as Mixed

TEXT_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0
"""Least contrast of text, and of bars and dots."""

_STEP = 0.04
"""How far a colour goes towards black or white at once."""

_BLACK, _WHITE = Mixed(0, 0, 0), Mixed(255, 255, 255)


@lru_cache(512)
def readable(colour: Color, ground: Color, least: float) -> Color:
    """Return a colour, or one nearer to black or white if its contrast to its background is below `least`.

    Colours that only the terminal knows stay as they are.
    """
    if ColorType.TRUECOLOR not in (colour.type, ground.type) or colour.type != ground.type:
        return colour
    ink, paper = Mixed.from_rich_color(colour), Mixed.from_rich_color(ground)
    goal = max(_BLACK, _WHITE, key=lambda end: _contrast(end, paper))
    share = 0.0
    while _contrast(mixed := ink.blend(goal, share), paper) < least and share < 1:
        share += _STEP
    return mixed.rich_color if share else colour


def _contrast(one: Mixed, other: Mixed) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Mixed) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
