"""Array types and constants that several modules share, each defined once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SECOND_NS = 1_000_000_000
"""Nanoseconds in a second."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Rows = npt.NDArray[np.int64]
"""Row numbers: indices into the key table of a window (`window.keys`), or into a table made from it."""
