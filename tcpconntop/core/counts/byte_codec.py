"""Counts of cells as bytes: most cells that were hit take one.

The cells of a row follow one another in ascending order, each as a byte that says how much further it is
than the one before (six bits) and how often it was seen (two bits). What that cannot hold takes more bytes:

    distance 1 … 63    the next cell, and the lowest two bits of its count
    distance 0         the next higher two bits of the count of the same cell
    63, and count 0    nothing: a byte on the way to a cell that is further away
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Ints

MAX_STEP = 63
"""The greatest distance that a byte holds."""

COUNT_BITS = 2
"""How many bits of a count a byte holds."""

_DIGIT = (1 << COUNT_BITS) - 1

Bytes = npt.NDArray[np.uint8]


def encode(cells: Ints, counts: Ints, starts: Ints) -> tuple[Bytes, Ints]:
    """Write cells of rows that begin at `starts` as bytes; give these, and where each cell's end."""
    further = np.diff(cells, prepend=0)
    further[starts] = 1
    nothing = (further - 1) // MAX_STEP
    digits = np.ones(len(counts), np.int64)
    for bits in range(COUNT_BITS, int(counts.max(initial=0)).bit_length(), COUNT_BITS):
        digits += counts >> bits != 0
    ends = np.cumsum(nothing + digits)
    steps = np.full(ends[-1] if len(ends) else 0, MAX_STEP << COUNT_BITS, np.uint8)
    at = ends - digits
    steps[at] = (further - MAX_STEP * nothing) << COUNT_BITS | counts & _DIGIT
    more = np.flatnonzero(digits > 1)
    at, rest = at[more], counts[more]
    while len(at):
        at, rest = at + 1, rest >> COUNT_BITS
        more = np.flatnonzero(rest)
        at, rest = at[more], rest[more]
        steps[at] = rest & _DIGIT
    return steps, ends


def decode(steps: Bytes, starts: Ints, begins: Ints, dtype: npt.DTypeLike = np.int64) -> tuple[Ints, Ints]:
    """Give the place of each byte and what it counts there.

    Args:
        steps: the bytes of some rows.
        starts: where each row's begin, and where the last one's end, shape (n + 1,).
        begins: the place of each row's first cell, shape (n,).
        dtype: of the counts: as wide as a table's.
    """
    further = steps >> COUNT_BITS
    places = further.cumsum(dtype=np.int64)
    begins = begins - 1  # the first byte of a row is one step further
    begins[1:] -= places[starts[1:-1] - 1]
    places += begins.repeat(starts[1:] - starts[:-1])
    counts = (steps & _DIGIT).astype(dtype)
    higher = np.flatnonzero(further == 0)
    nth = 0
    while len(higher):  # each as often as there are lower digits before it
        counts[higher] <<= COUNT_BITS
        nth += 1
        higher = higher[further[higher - nth] == 0]
    return places, counts


def decode_codes(steps: Bytes, starts: Ints, begins: Ints) -> tuple[Ints, Ints]:
    """Give the code and the count of each cell of some rows; see `decode`."""
    codes, counts = decode(steps, starts, begins)
    heads = np.flatnonzero(steps > _DIGIT)
    if 0 < len(heads) < len(steps):
        codes, counts = codes[heads], np.add.reduceat(counts, heads)
    filled = np.flatnonzero(counts)
    return codes[filled], counts[filled]
