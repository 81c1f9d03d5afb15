"""Sparklines that stay calm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from tcpconntop.core.units import sparkline


def calm(values: Sequence[float]) -> str:
    """Draw values as blocks on a scale that begins at 0 and reaches at least twice their median.

    A steady series thus stands at half height, and only what really rises fills a cell.
    """
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return " " * len(values)
    return sparkline([*values, 2 * median(known)])[: len(values)]
