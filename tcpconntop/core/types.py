"""Array types and constants that several modules share, each defined once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SECOND_NS = 1_000_000_000
"""Nanoseconds in a second."""

Ints: TypeAlias = "npt.NDArray[np.int64]"
Floats: TypeAlias = "npt.NDArray[np.float64]"
Mask: TypeAlias = "npt.NDArray[np.bool_]"

Rows: TypeAlias = "npt.NDArray[np.int64]"
"""Row numbers: indices into the key table of a window (`window.keys`), or into a table made from it."""
